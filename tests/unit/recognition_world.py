"""Recognition over a real store on disk, sealed, with real faces of people who do not exist (`openpeople`)."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import openpeople

from bowstreet.accountability import key_source
from bowstreet.accountability.authority.model import UseCase as AuthorityUseCase
from bowstreet.accountability.authority.service import Authorities
from bowstreet.accountability.recorder import Recorder
from bowstreet.accountability.retention.rules import parse_table
from bowstreet.accountability.retention.service import Retention, shipped_table
from bowstreet.accountability.sealed import SealedStore
from bowstreet.accountability.vault import KEYS_FILE, Vault
from bowstreet.frames import CameraFrame
from bowstreet.geo import Position
from bowstreet.recognition import rules
from bowstreet.recognition.alerts.model import Look, Sighting
from bowstreet.recognition.alerts.service import Alerts
from bowstreet.recognition.book import Book
from bowstreet.recognition.enrol import Enrolment, Import
from bowstreet.recognition.holding import ListsHeld
from bowstreet.recognition.listing import RowResult
from bowstreet.recognition.model import (
    Deployment,
    DeploymentState,
    DeploymentUse,
    EvidenceKind,
    LocationBasis,
    Obstacle,
    PlacedCamera,
    Plan,
)
from bowstreet.recognition.models import shipped
from bowstreet.recognition.planning import Planning
from bowstreet.recognition.portraits.reader import PortraitReader
from bowstreet.recognition.ports import CameraConfig, CameraState, FaceReader, KnownReport, OperatorsView, Pipeline, RunOrder
from bowstreet.recognition.public_records import PublicRecords
from bowstreet.recognition.service import Recognition
from bowstreet.runtime.bus import InlineBus
from bowstreet.runtime.clock import ScaledClock, SimulatedClock
from bowstreet.runtime.directory import RECORD_FILE
from bowstreet.runtime.ids import SeededIds
from bowstreet.runtime.ports import Clock
from bowstreet.runtime.sqlite import SqliteStore

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
OPERATOR, OFFICER, SECOND, ADJUDICATOR = "acc-operator", "acc-superintendent", "acc-second", "acc-constable"
MODEL = shipped.find().sha256
FLOOR, THRESHOLD = 0.4, 0.5
COLUMNS = "reference,name,image,category,source,legal_basis,captured_on,risk,under_18,vulnerable\n"
# Highbury Corner: a square of some 200 m.
ZONE = tuple(
    Position(latitude_deg=lat, longitude_deg=lon)
    for lat, lon in ((51.5455, -0.1045), (51.5475, -0.1045), (51.5475, -0.1015), (51.5455, -0.1015))
)
HIGHBURY = Position(latitude_deg=51.5465, longitude_deg=-0.1030)
CAMERAS = tuple(
    CameraConfig(camera_id=name, name=f"Camera {name}", address=f"rtsp://camera:secret@10.0.0.{number}/", position=HIGHBURY)
    for number, name in enumerate(("north", "south"))
)


@cache
def people() -> dict[str, Path]:
    """A folder of pictures for each synthetic person."""
    root = Path(openpeople.__file__).parent / "data" / "curated"
    return {path.name: path / "assets" for path in sorted(root.iterdir()) if (path / "assets").is_dir()}


def photo(person: str, kind: str = "studio_portrait") -> bytes:
    return (people()[person] / f"{kind}.jpg").read_bytes()


def row(
    reference: str, image: str, *, name: str = "", category: str = "wanted-by-court", source: str = "custody-image",
    basis: str = "sch8-2-administration-of-justice", on: str = "2025-06-01", risk: str = "none-known", under_18: str = "no",
    vulnerable: str = "no",
) -> str:  # fmt: skip
    return ",".join((reference, name or f"Name of {reference}", image, category, source, basis, on, risk, under_18, vulnerable))


def volunteer(reference: str, image: str) -> str:
    return row(reference, image, category="volunteer", source="given-by-the-person", basis="consent")


class Fixed:
    """A model with a report that covers one threshold for a year."""

    sha256 = MODEL

    def __init__(self, sha256: str = MODEL) -> None:
        self.reported = True
        self.sha256 = sha256

    def floor(self, model_sha256: str) -> float | None:
        return FLOOR if model_sha256 == self.sha256 else None

    def report(self, model_sha256: str, threshold: float, now: datetime, listed: int = 0) -> KnownReport | None:
        if not self.reported or model_sha256 != self.sha256:
            return None
        return KnownReport(sha256="cd" * 32, made_at=NOW, expires_at=NOW + timedelta(days=365), list_size=1_000)


class Watched:
    """A pipeline that only notes what it is told: whether it may look, until when, at what."""

    def __init__(self) -> None:
        self.orders: list[RunOrder] = []
        self.running = False
        self.until: datetime | None = None
        self.cameras: frozenset[str] = frozenset()

    async def start(self, order: RunOrder) -> None:
        self.orders.append(order)
        self.running, self.until = True, order.until
        self.cameras = frozenset(one.camera_id for one in order.cameras)

    def renew(self, until: datetime, cameras: Sequence[CameraConfig], planned: Collection[str]) -> None:
        self.until, self.cameras = until, frozenset(one.camera_id for one in cameras)

    async def stop(self) -> None:
        self.running, self.until, self.cameras = False, None, frozenset()

    async def settled(self) -> None:
        return None

    def view(self, camera_id: str) -> OperatorsView | None:
        return None

    def states(self) -> dict[str, CameraState]:
        return {}


class World:
    """Made again on the same folder, it is the same after a restart."""

    def __init__(
        self,
        folder: Path,
        *,
        at: datetime = NOW,
        seed: int = 1,
        reader: FaceReader | None = None,
        real: ScaledClock | None = None,
        cameras: Sequence[CameraConfig] = CAMERAS,
        pipeline: Pipeline | None = None,
        model: str = MODEL,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.simulated = folder, SimulatedClock(at)
        self.clock: Clock = real or self.simulated
        self.vault = Vault(folder / KEYS_FILE, key_source.load("", folder))
        self.store = SealedStore(SqliteStore(folder / RECORD_FILE), self.vault)
        self.recorder = Recorder(self.store, InlineBus(), self.clock)
        self.ids = SeededIds(seed, self.clock)
        self.authorities = Authorities(self.recorder, self.clock, self.ids)
        self.reader = reader or PortraitReader()
        self.models, self.pipeline = Fixed(model), Watched()
        self.enrolment = Enrolment(self.clock, self.ids, self.vault, self.reader, folder / "watchlists", model_sha256=model)
        self.book = Book(self.recorder, self.clock, self.ids, self.authorities, self.enrolment, self.models)
        self.planning = Planning(self.book, cameras, lambda places: ("Islington",))
        self.alerts = Alerts(self.recorder, self.clock, self.ids)
        self.records = PublicRecords(self.clock, "Test Police")
        self.recognition = Recognition(self.book, self.planning, self.alerts, self.records, pipeline or self.pipeline)
        name, text = shipped_table()
        self.retention = Retention(
            self.recorder, self.clock, self.ids, self.vault, parse_table(text, name), "0" * 64, [ListsHeld(self.book), self.alerts], self.held,
        )  # fmt: skip
        self.planning.erase = self.retention.erase

    def held(self, subject_id: str) -> bool:
        return self.authorities.covering(AuthorityUseCase.LEGAL_HOLD, subject_id) is not None

    async def started(self) -> "World":
        await self.recorder.open()
        await self.authorities.load(self.store)
        await self.retention.load(self.store)
        await self.recognition.load(self.store)
        return self

    async def close(self) -> None:
        await self.reader.close()
        await self.recorder.flush()
        await self.store.close()

    async def advance(self, **by: float) -> None:
        """Time runs, and the program looks."""
        self.simulated.advance_to(self.clock.now() + timedelta(**by))
        await self.authorities.expire()
        await self.recognition.look()

    # --- steps of a deployment ------------------------------------------------------------------------------------------------

    def a_plan(self, *, hours: float = 4.0, cameras: Sequence[str] = (), threshold: float = THRESHOLD) -> Plan:
        now = self.clock.now()
        return Plan(
            use_case=DeploymentUse.WANTED, location_basis=LocationBasis.CRIME_HOTSPOT, zone=ZONE, boroughs=(), threshold=threshold,
            starts_at=now, ends_at=now + timedelta(hours=hours), model_sha256="",
            cameras=tuple(PlacedCamera(camera_id=name, position=HIGHBURY) for name in cameras or self.planning.cameras),
        )  # fmt: skip

    async def planned(self, **changes: object) -> Deployment:
        return await self.planning.plan(self.a_plan(**changes), OPERATOR)  # type: ignore[arg-type]

    async def told(self, deployment_id: str) -> None:
        now = self.clock.now()
        cameras = tuple(one.camera_id for one in self.recognition.get(deployment_id).plan.cameras)
        await self.planning.tell(deployment_id, EvidenceKind.NOTICE, now, "notice-1", (), OPERATOR)
        await self.planning.tell(deployment_id, EvidenceKind.SIGN, now, "photo-1", cameras, OPERATOR)

    async def imported(self, deployment_id: str, rows: Iterable[str], images: dict[str, bytes]) -> tuple[Import, list[RowResult]]:
        """An import with its images given, not finished."""
        made = await self.planning.begin_import(deployment_id, (COLUMNS + "\n".join(rows)).encode(), OPERATOR)
        results = [
            await self.enrolment.add(made, line, images[one.image]) for line, one in made.rows.items() if one.image in images
        ]
        return made, results

    async def listed(self, deployment_id: str, *wanted: str, volunteers: Sequence[str] = ()) -> Deployment:
        """A list of these synthetic people, a portrait and a selfie each."""
        rows, images = [], {}
        for person in (*wanted, *volunteers):
            for kind in ("studio_portrait", "amateur_selfie"):
                image = f"{person}-{kind}.jpg"
                rows.append(volunteer(person, image) if person in volunteers else row(person, image))
                images[image] = photo(person, kind)
        made, _ = await self.imported(deployment_id, rows, images)
        await self.planning.finish_import(deployment_id, made.import_id, OPERATOR, leave_out=False)
        return self.recognition.get(deployment_id)

    async def authorised(self, deployment_id: str, by: str = OFFICER) -> Deployment:
        one = await self.planning.request_authority(deployment_id, OPERATOR)
        await self.authorities.decide(one.authorisation_id, by, allow=True)
        return self.recognition.get(deployment_id)

    async def running(self, *wanted: str, **changes: object) -> Deployment:
        one = await self.planned(**changes)
        await self.told(one.deployment_id)
        await self.listed(one.deployment_id, *(wanted or ("P001",)))
        await self.authorised(one.deployment_id)
        return await self.recognition.start(one.deployment_id, OPERATOR)

    def person_id(self, deployment_id: str, reference: str) -> str:
        manifest = self.recognition.get(deployment_id).manifest
        assert manifest is not None
        return next(
            entry.person.person_id for entry in self.enrolment.open(manifest).entries() if entry.person.reference == reference
        )

    def sighting(
        self, deployment_id: str, person_id: str, *, scores: Sequence[float] = (0.6, 0.7, 0.65), camera: str = "north",
        track: str = "1",
    ) -> Sighting:  # fmt: skip
        now = self.clock.now()
        looks = tuple(Look(at=now, person_id=person_id, score=score, quality=0.8) for score in scores)
        return Sighting(deployment_id=deployment_id, camera_id=camera, track_id=track, looks=looks, probe=PROBE)

    def frame(self, camera: str = "north") -> CameraFrame:
        import numpy as np

        return CameraFrame(camera_id=camera, sequence=1, captured_at=self.clock.now(), pixels=np.zeros((4, 4, 3), dtype=np.uint8))

    def why_not(self, camera: str = "north") -> Obstacle | None:
        """Why what a camera sees now would not be used."""
        running = self.book.deployments.in_states(DeploymentState.RUNNING)
        if not running:
            return Obstacle.NOT_RUNNING
        return rules.may_process(self.frame(camera), self.book.standing(running[0]), self.clock.now())

    def contains(self, what: bytes) -> bool:
        """Whether any byte of any file says so."""
        return any(what in path.read_bytes() for path in self.folder.rglob("*") if path.is_file())


# Nobody's face: enough to be found again in files if it lay there open.
PROBE = b"\xff\xd8\xff" + b"a probe that is no picture" * 40
