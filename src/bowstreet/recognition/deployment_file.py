"""A deployment as a file, TOML or JSON: bytes in, what is asked for out. No IO; nothing here authorises anything.

It says what a person at the console enters: what for, why here, where, when, with which cameras and threshold, that the public
was told, whose list. Names of files count from the file's own folder. A whole example is in docs/recognition.md.
"""

import tomllib
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from bowstreet.geo import Position
from bowstreet.recognition import rules
from bowstreet.recognition.model import DeploymentUse, LocationBasis, PlacedCamera, Plan
from bowstreet.runtime.misfit import misfit, wrong
from bowstreet.runtime.sections import Fraction, Id, Latitude, Longitude, Moment, Section, Text

# A hundred cameras with long addresses take some 50 kB; more than this is some other file.
MOST_BYTES = 256 * 1024
MOST_CORNERS = 60
REMEDY = "see docs/recognition.md for a whole example"
NAME = "the deployment"

Optional = Annotated[str, Meta(max_length=200)]
Corner = tuple[Latitude, Longitude]
Path = Annotated[str, Meta(min_length=1, max_length=1_000, pattern=r"^[^\x00]*$")]
OptionalPath = Annotated[str, Meta(max_length=1_000, pattern=r"^[^\x00]*$")]


class Organisation(Section, frozen=True, kw_only=True):
    """Whose deployment it is, as the public reads it."""

    id: Id = "operator"
    name: Text


class People(Section, frozen=True, kw_only=True):
    """Names of accounts: who runs it, who authorises it, who sees alerts and decides on them. Passwords are asked for."""

    operator: Text
    authorising_officer: Optional = ""
    adjudicating_officer: Optional = ""


class Camera(Section, frozen=True, kw_only=True):
    """A fixed camera, where it stands for this deployment. Without an address it is given at the start."""

    camera_id: Id
    name: Optional = ""
    address: Annotated[str, Meta(max_length=1_000)] = ""
    latitude_deg: Latitude
    longitude_deg: Longitude


class Notice(Section, frozen=True, kw_only=True):
    """That the public was told, and where that can be read up."""

    published_at: Moment
    reference: Id


class Sign(Section, frozen=True, kw_only=True):
    """A sign before cameras; without names, before all of them."""

    put_up_at: Moment
    reference: Id
    cameras: tuple[Id, ...] = ()


class Listed(Section, frozen=True, kw_only=True):
    """The list's CSV, and the folder of its images."""

    file: Path
    images: Path


class Accuracy(Section, frozen=True, kw_only=True):
    """The equitability report (R12), and the folder of the operator's own models, if there is one."""

    report: OptionalPath = ""
    folder: OptionalPath = ""


class DeploymentFile(Section, frozen=True, kw_only=True):
    use_case: DeploymentUse
    location_basis: LocationBasis
    starts_at: Moment
    ends_at: Moment
    threshold: Fraction
    zone: Annotated[tuple[Corner, ...], Meta(min_length=3, max_length=MOST_CORNERS)]
    operator: Organisation
    people: People
    cameras: Annotated[tuple[Camera, ...], Meta(min_length=1, max_length=rules.MOST_CAMERAS)]
    notice: Notice
    signs: Annotated[tuple[Sign, ...], Meta(min_length=1, max_length=200)]
    list: Listed
    models: Accuracy = Accuracy()

    def plan(self) -> Plan:
        """What authority is asked for; boroughs and model are the program's to say."""
        return Plan(
            use_case=self.use_case, location_basis=self.location_basis, starts_at=self.starts_at, ends_at=self.ends_at,
            zone=tuple(Position(latitude_deg=lat, longitude_deg=lon) for lat, lon in self.zone), boroughs=(),
            cameras=tuple(PlacedCamera(camera_id=one.camera_id, position=_place(one)) for one in self.cameras),
            threshold=self.threshold, model_sha256="",
        )  # fmt: skip

    def plans(self, plan: Plan) -> bool:
        """Whether a plan on record is this one."""
        return msgspec.structs.replace(plan, boroughs=(), model_sha256="", report_sha256="") == self.plan()


def _place(one: Camera) -> Position:
    return Position(latitude_deg=one.latitude_deg, longitude_deg=one.longitude_deg)


def parse_deployment(data: bytes, name: str = NAME) -> DeploymentFile:
    """Read one; `name` is the file's, for messages.

    Raises:
        MalformedConfiguration: names the key and what to do.
    """
    if len(data) > MOST_BYTES:
        raise wrong(name, "is too large for a deployment", f"give a file below {MOST_BYTES // 1024} kB")
    try:
        told: DeploymentFile = msgspec.convert(_table(data, name), DeploymentFile)
    except msgspec.ValidationError as error:
        raise misfit(name, str(error), DeploymentFile, REMEDY) from None
    _check(told, name)
    return told


def _table(data: bytes, name: str) -> Any:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise wrong(name, f"is not UTF-8 (byte {error.start})", "save it as UTF-8") from error
    try:
        return msgspec.json.decode(text) if text.lstrip()[:1] == "{" else tomllib.loads(text)
    except RecursionError as error:
        raise wrong(name, "is nested too deeply", "write plain tables") from error
    except ValueError as error:  # of either form, and numbers too long for Python
        raise wrong(name, f"is neither TOML nor JSON ({str(error)[:200]})", f"mend that line; {REMEDY}") from error


def _check(told: DeploymentFile, name: str) -> None:
    """What no single value shows. What the law asks of a plan is `rules.check_plan`'s."""
    ids = [one.camera_id for one in told.cameras]
    if len(set(ids)) < len(ids):
        raise wrong(name, "names a camera twice at 'cameras'", "give each an id of its own")
    for place, sign in enumerate(told.signs):
        if unknown := sorted(set(sign.cameras) - set(ids)):
            raise wrong(
                name, f"has a sign before '{unknown[0]}' at 'signs[{place}]', which is no camera of it", "name its cameras"
            )
    if told.ends_at <= told.starts_at:
        raise wrong(name, "ends before it starts at 'ends_at'", "mend 'starts_at' or 'ends_at'")
    if told.people.operator.casefold() == told.people.authorising_officer.casefold():
        raise wrong(name, "has one person as operator and authorising officer (R3)", "name two people, each with an account")
