"""The people of the demo's recognition deployment: two simulated officers who do, each under an account of their own, what the
law wants persons to do. Nobody can sign in as them. The wanted, and all who walk past, are wholly synthetic (`openpeople`).

They use the services that people at a console use, and nothing is let through for them: without the other's authority, a notice,
a measured model, nothing would start.
"""

import asyncio
import secrets
import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import structlog

from bowstreet.accountability.accounts import Accounts
from bowstreet.accountability.authority.service import Authorities
from bowstreet.accountability.model import Identity, Role
from bowstreet.errors import BowstreetError, Refused
from bowstreet.geo import Position
from bowstreet.recognition.model import (
    Deployment,
    DeploymentState,
    DeploymentUse,
    EvidenceKind,
    LocationBasis,
    PlacedCamera,
    Plan,
)
from bowstreet.recognition.service import Recognition
from bowstreet.runtime.ports import Clock
from bowstreet.simulation.pavement.cutout import PORTRAIT, SELFIE, image, people
from bowstreet.simulation.street_cameras import PLACE

log = structlog.get_logger(__name__)

OPERATOR, OFFICER = "Simulated recognition operator", "Simulated superintendent"
# Who is wanted, and who of the police walks past to measure what is missed.
WANTED, VOLUNTEER = ("P001", "P004", "P008"), "P010"
# Above what any two of these ten people reach, below what each of them reaches on the pavement.
THRESHOLD = 0.66
WINDOW = timedelta(hours=11)
HALF_ZONE_DEG = 0.0009  # some 100 m by 60 m to each side of the camera
REPORT = "demo.json"
OTHER_PICTURES = ("amateur_selfie.jpg", "amateur_posture.jpg", "studio_posture.jpg")


class Cast:
    """Args: `reports` is the folder of equitability reports, in which theirs goes."""

    def __init__(
        self, recognition: Recognition, accounts: Accounts, authorities: Authorities, clock: Clock, reports: Path, camera_id: str
    ) -> None:
        self._recognition, self._accounts, self._authorities = recognition, accounts, authorities
        self._clock, self._reports, self._camera_id = clock, reports, camera_id
        self._operator = ""

    async def play(self) -> None:
        """Bring a deployment from its plan to its start; after a restart, go on with what was authorised."""
        try:
            await self._play()
        except BowstreetError as error:
            log.warning("the demo has no recognition deployment", why=error.message)

    async def passed(self, person_id: str) -> None:
        """Somebody has walked past: a volunteer's pass is noted, as their colleague at the camera would (R14)."""
        own = (one for one in self._recognition.all() if one.planned_by == self._operator)
        running = next((one for one in own if one.state is DeploymentState.RUNNING), None)
        if person_id != VOLUNTEER or running is None or running.manifest is None:
            return
        try:
            entries = self._recognition.planning.book.enrolment.open(running.manifest).entries()
            listed = next((one.person.person_id for one in entries if one.person.reference == person_id), None)
            if listed is not None:
                await self._recognition.passed(running.deployment_id, listed, self._camera_id, self._operator)
        except BowstreetError as error:
            log.warning("a volunteer's pass was not noted", why=error.message)

    async def _play(self) -> None:
        operator = self._operator = await self._account(OPERATOR, Role.RECOGNITION_OPERATOR)
        officer = await self._account(OFFICER, Role.AUTHORISING_OFFICER)
        standing = [one for one in self._recognition.all() if one.planned_by == operator and not one.state.is_over]
        if standing and await self._went_on(standing[-1], operator):
            return
        await self._measure()
        one = await self._planned(operator)
        await self._listed(one.deployment_id, operator)
        asked = await self._recognition.planning.request_authority(one.deployment_id, operator)
        await self._authorities.decide(asked.authorisation_id, officer, allow=True)
        await self._recognition.start(one.deployment_id, operator)

    async def _went_on(self, one: Deployment, operator: str) -> bool:
        """Whether what an earlier run had authorised goes on."""
        if one.state is not DeploymentState.STOPPED:
            return False
        try:
            await self._recognition.start(one.deployment_id, operator)
        except Refused as error:
            await self._recognition.close(one.deployment_id, operator, f"cannot go on: {error.message}")
            return False
        return True

    async def _account(self, name: str, role: Role) -> str:
        """Theirs, with a password that nobody knows."""
        found = next((one for one in self._accounts.all() if one.name == name and one.role is role), None)
        if found is not None:
            return found.account_id
        demo = Identity(account_id="demo", name="", role=Role.SUPERVISOR, may=(), proved_s=0)
        made = await self._accounts.create(demo, name, role, secrets.token_urlsafe(32))
        return made.account_id

    async def _measure(self) -> None:
        """How well the model knows these ten people: so few that the report says "insufficient data" of everything (R12)."""
        models = self._recognition.planning.book.models
        if models.report(models.sha256, THRESHOLD, self._clock.now()) is not None:
            return
        made = await _report()
        self._reports.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._reports / REPORT).write_bytes(made)

    async def _planned(self, operator: str) -> Deployment:
        now = self._clock.now()
        corners = ((-1, -1), (-1, 1), (1, 1), (1, -1))
        zone = tuple(
            Position(
                latitude_deg=PLACE.latitude_deg + up * HALF_ZONE_DEG, longitude_deg=PLACE.longitude_deg + right * HALF_ZONE_DEG
            )
            for up, right in corners
        )
        planning = self._recognition.planning
        one = await planning.plan(
            Plan(
                use_case=DeploymentUse.WANTED, location_basis=LocationBasis.CRIME_HOTSPOT, zone=zone, boroughs=(),
                starts_at=now, ends_at=now + WINDOW, threshold=THRESHOLD, model_sha256="",
                cameras=(PlacedCamera(camera_id=self._camera_id, position=PLACE),),
            ),
            operator,
        )  # fmt: skip
        await planning.tell(one.deployment_id, EvidenceKind.NOTICE, now, "demo-notice", (), operator)
        return await planning.tell(one.deployment_id, EvidenceKind.SIGN, now, "demo-sign", (self._camera_id,), operator)

    async def _listed(self, deployment_id: str, operator: str) -> None:
        planning = self._recognition.planning
        lines = ["reference,name,image,category,source,legal_basis,captured_on,risk"]
        pictures = []
        on = self._clock.now().date()
        for person in (*WANTED, VOLUNTEER):
            basis = "volunteer,given-by-the-person,consent" if person == VOLUNTEER else _WANTED_BASIS
            for name in (PORTRAIT, SELFIE):
                lines.append(f"{person},Synthetic person {person},{person}-{name},{basis},{on},none-known")
                pictures.append(image(person, name))
        made = await planning.begin_import(deployment_id, "\n".join(lines).encode(), operator)
        for line, picture in zip(sorted(made.rows), pictures, strict=True):
            await planning.book.enrolment.add(made, line, picture)
        await planning.finish_import(deployment_id, made.import_id, operator, leave_out=True)


_WANTED_BASIS = "wanted-by-court,court,sch8-2-administration-of-justice"


async def _report() -> bytes:
    """Portraits of half of them on the list, other pictures of all of them held against it. In a process of its own: templates of
    people who are on no list do not come into this one."""
    folder = Path(tempfile.mkdtemp(prefix="bowstreet-demo-"))
    try:
        for place, person in enumerate(people()):
            listed = place % 2 == 0
            if listed:
                _put(folder / "list" / person, person, (PORTRAIT,))
            _put(folder / ("probes" if listed else "others") / person, person, OTHER_PICTURES)
        program = await asyncio.create_subprocess_exec(
            "nice", "-n", "10", sys.executable, "-m", "bowstreet", "lfr", "evaluate", "--list", str(folder / "list"), "--probes",
            str(folder / "probes"), "--nonlisted", str(folder / "others"), "--threshold", str(THRESHOLD), "--workers", "1",
            "--equitability", str(folder / REPORT), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, said = await program.communicate()
        if program.returncode:
            raise Refused(f"the model was not measured: {said.decode(errors='replace')[-200:]}", remedy="run make models")
        return (folder / REPORT).read_bytes()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put(folder: Path, person: str, names: tuple[str, ...]) -> None:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_bytes(image(person, name))
