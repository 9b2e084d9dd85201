"""Deployments that run: list, match, decide, destroy, publish; whatever is missing, nothing is processed.

What lets something happen is recorded before it does. What ends it ends it first, and is recorded then: a record that cannot be
written must not keep cameras looking.
"""

import asyncio
from collections.abc import Sequence

import numpy as np
import structlog
from msgspec.structs import replace

from bowstreet.accountability.authority.model import UseCase as AuthorityUseCase
from bowstreet.accountability.recorder import NOT_RECORDED, Save
from bowstreet.errors import BowstreetError, NotFound, Refused
from bowstreet.frames import CameraFrame
from bowstreet.messages import AuthorisationChanged, DeploymentCounted, VolunteerPassed, WatchlistChanged
from bowstreet.recognition import obstacles, rules
from bowstreet.recognition.alerts import rules as alert_rules
from bowstreet.recognition.alerts.model import Alert, Raised, Sighting, Withheld
from bowstreet.recognition.alerts.service import Alerts
from bowstreet.recognition.book import Book
from bowstreet.recognition.listing import Person
from bowstreet.recognition.model import Category, Counts, Deployment, DeploymentState, ListState, Obstacle, Opportunity
from bowstreet.recognition.planning import Planning
from bowstreet.recognition.ports import CameraConfig, NoPipeline, Pipeline, RunOrder
from bowstreet.recognition.public_records import PublicRecords
from bowstreet.runtime.ports import Store

log = structlog.get_logger(__name__)

PROGRAM = "program"
# How often counters are entered while a deployment runs: also how soon the loss of the record is found when nothing else happens.
COUNT_EVERY_S = 10.0
# An officer compares with a few pictures of the person, not with an album.
MOST_IMAGES = 3
_NO_PIXELS = np.zeros((1, 1, 3), dtype=np.uint8)


class Recognition:
    """The deployments of one operation. One runs at a time in a process.

    Raises, beside what each method says, what `Recorder.record` does.

    Args:
        pipeline: what looks at cameras.
    """

    def __init__(
        self, book: Book, planning: Planning, alerts: Alerts, records: PublicRecords, pipeline: Pipeline | None = None
    ) -> None:
        self.planning, self.alerts, self.records = planning, alerts, records
        self.pipeline: Pipeline = pipeline or NoPipeline()
        self.models, self.enrolment = book.models, book.enrolment
        self._book = book
        self._uncounted: dict[str, Counts] = {}
        self._counted_at_s = 0.0
        self._halted: dict[str, str] = {}  # stopped, and not on record yet; why
        self._raising = asyncio.Lock()  # one sighting at a time; not the book's, which a long import of a list holds
        book.changed = self._renew  # a camera that is moved is let go of as soon as that is entered, not at the next look
        book.recorder.bus.subscribe(AuthorisationChanged, self._on_authority)

    async def load(self, store: Store) -> None:
        """Read what stands. What ran when the program ended is stopped: somebody starts it again, or nobody does."""
        await self._book.load(store)
        await self.alerts.load(store)
        await self.records.load(store)
        for one in self._book.deployments.in_states(DeploymentState.RUNNING):
            await self._book.save(rules.stopped(one, "the program ended while it ran"), "stopped", PROGRAM)
        await self._book.sweep()

    async def close_all(self) -> None:
        """The program stops: no camera is looked at any more. What ran is stopped on record by the next start, if not by this."""
        await self.pipeline.stop()
        for one in self._book.deployments.in_states(DeploymentState.RUNNING):
            await self._halt(one, "the program stops")
        await self.enrolment.reader.close()

    def all(self) -> list[Deployment]:
        return self._book.deployments.all()

    def get(self, deployment_id: str) -> Deployment:
        """Raises `NotFound`."""
        return self._book.get(deployment_id)

    def find(self, deployment_id: str) -> Deployment | None:
        return self._book.deployments.find(deployment_id)

    def counts(self, one: Deployment) -> Counts:
        """Also what is not entered yet."""
        return one.counts.plus(self._uncounted.get(one.deployment_id, Counts()))

    def passes(self, deployment_id: str) -> list[Opportunity]:
        return [one for one in self._book.passes.all() if one.deployment_id == deployment_id]

    def as_listed(self, alert: Alert) -> tuple[str, str, tuple[bytes, ...]]:
        """Name, number and images of the person on the list, for whoever looks at an alert; nothing once that is destroyed."""
        one = self.find(alert.deployment_id)
        if one is None or one.manifest is None:
            return "", "", ()
        try:
            opened = self.enrolment.open(one.manifest)
        except BowstreetError:
            return "", "", ()
        person = opened.person(alert.person_id)
        entries = (opened.entry(alert.person_id, number) for number in range(MOST_IMAGES))
        images = tuple(entry.image for entry in entries if entry is not None)
        return (person.name, person.reference, images) if person else ("", "", ())

    def against(self, one: Deployment, by: str) -> list[Obstacle]:
        """All that keeps somebody from starting it now."""
        found = rules.why_not_start(self.planning.to_start(one), by, self._book.clock.now())
        return found if self._another(one.deployment_id) is None else [*found, Obstacle.ANOTHER_RUNS]

    def _another(self, deployment_id: str) -> Deployment | None:
        """The one that runs, when that is another."""
        running = self._book.deployments.in_states(DeploymentState.RUNNING)
        return next((one for one in running if one.deployment_id != deployment_id), None)

    # --- run -------------------------------------------------------------------------------------------------------------------

    async def start(self, deployment_id: str, by: str) -> Deployment:
        """On record first, then cameras are looked at.

        Raises:
            Refused: with every reason that stands against it, or another deployment runs.
        """
        async with self._book.lock:
            one, now = self._book.get(deployment_id), self._book.clock.now()
            self._require_no_other(deployment_id)
            rules.started(self.planning.to_start(one), by, now)
            assert one.manifest is not None, "a deployment without a list is refused"
            opened = self._book.enrolment.open(one.manifest)
            references = await asyncio.to_thread(self._book.enrolment.references, one.manifest)
            # As it is now: while the list was read it may have been closed, or its authority revoked.
            ready = rules.started(self.planning.to_start(self._book.get(deployment_id)), by, now)
            said = WatchlistChanged(
                at=now, deployment_id=deployment_id, watchlist_id=one.manifest.watchlist_id, change="opened", by=by,
                people=one.manifest.people, images=one.manifest.images, digest=opened.digest,
            )  # fmt: skip
            await self._book.save(ready, "started", by, [said])
            ready = self._require_running(deployment_id)
            until = rules.lease_until(self._book.standing(ready), now)
            order = RunOrder(
                deployment_id=deployment_id, cameras=self._usable(ready),
                threshold=ready.plan.threshold, model_sha256=ready.plan.model_sha256, references=references,
                threshold_floor=self._book.models.floor(ready.plan.model_sha256) or 1.0, until=until or now,
            )  # fmt: skip
            try:
                await self.pipeline.start(order)
            except BowstreetError as error:
                await self._halt(ready, f"the cameras could not be looked at: {error.message}")
                raise
            try:
                return self._require_running(deployment_id)
            except BowstreetError:
                await self._let_go(deployment_id)
                raise

    def _require_no_other(self, deployment_id: str) -> None:
        """Raises `Refused` with which deployment runs."""
        if (other := self._another(deployment_id)) is not None:
            which = f"in {', '.join(other.plan.boroughs)} until {other.plan.ends_at:%H:%M} UTC ({other.deployment_id})"
            raise Refused(f"another deployment runs, {which}", remedy="stop that one first")

    def _require_running(self, deployment_id: str) -> Deployment:
        """As it stands: a camera may have been moved while its start was being written. Raises `Refused` when it was stopped
        meanwhile: then no camera is looked at."""
        one = self._book.get(deployment_id)
        if one.state is not DeploymentState.RUNNING or deployment_id in self._halted:
            raise Refused("it was stopped while it started", remedy="look at its state, and start it again")
        return one

    async def stop(self, deployment_id: str, by: str, why: str = "stopped by a person") -> Deployment:
        """Raises `NotFound`, `Refused`."""
        rules.stopped(self._book.get(deployment_id), why)
        await self._let_go(deployment_id)
        one = self._book.get(deployment_id)  # as it is now: a sighting on its way was entered meanwhile, with its count
        if one.state is not DeploymentState.RUNNING:  # somebody else was as quick
            return one
        return await self._save_counted(rules.stopped(one, why), "stopped", by)

    async def close(self, deployment_id: str, by: str, why: str = "closed by a person") -> Deployment:
        """Over for good; its list is destroyed as soon as no alert waits (R9). Raises `NotFound`, `Refused`."""
        rules.closed(self._book.get(deployment_id), self._book.clock.now(), why)
        await self._let_go(deployment_id)
        one, now = self._book.get(deployment_id), self._book.clock.now()  # as it is now, as in `stop`
        if one.state.is_over:
            return one
        ended: list[Save] = [
            (self._book.lists, replace(kept, state=ListState.ENDED, ended_at=now))
            for kept in self._book.lists.all()
            if kept.deployment_id == deployment_id and kept.ended_at is None
        ]
        made = await self._save_counted(rules.closed(one, now, why), "closed", by, ended)
        await self.alerts.end(deployment_id)
        return made

    async def submit(self, sighting: Sighting) -> Alert | Withheld | Obstacle:
        """A face reached the threshold: an alert, or why there is none. Nothing of what raised none is kept (R7)."""
        async with self._raising:
            return await self._submitted(sighting)

    async def _submitted(self, sighting: Sighting) -> Alert | Withheld | Obstacle:
        """Whether it may be processed is asked when its turn has come: what waits for it may lose authority meanwhile."""
        one, now = self.find(sighting.deployment_id), self._book.clock.now()
        if one is None or not sighting.looks:
            return Obstacle.NOT_RUNNING
        standing = self._book.standing(one)
        for look in sighting.looks:
            frame = CameraFrame(camera_id=sighting.camera_id, sequence=0, captured_at=look.at, pixels=_NO_PIXELS)
            if (why := rules.may_process(frame, standing, now)) is not None:
                self.count(one.deployment_id, Counts(refused=1))
                return why
        judged = alert_rules.judge(sighting.looks, one.plan.threshold)
        if isinstance(judged, Withheld):
            self.count(one.deployment_id, Counts(matched=1, inconsistent=1))
            return judged
        if self.alerts.of_same_pass(sighting, judged) is not None:
            self.count(one.deployment_id, Counts(matched=1, repeated=1))
            return Withheld.REPEATED
        assert one.manifest is not None, "what may be processed has a list"
        person = self._book.enrolment.open(one.manifest).person(judged.person_id)
        if person is None:
            raise NotFound("the pipeline names somebody who is not on the list", remedy="stop the deployment, and report it")
        return await self._opened(sighting, judged, person, one.deployment_id)

    async def _opened(self, sighting: Sighting, judged: Raised, person: Person, deployment_id: str) -> Alert:
        """An alert, and in the same commit what was counted up to it: whatever becomes of the program, the two agree."""
        one, before = self._book.get(deployment_id), self._uncounted.pop(deployment_id, Counts())
        whole = rules.counted(one, before.plus(Counts(matched=1, alerts=1)))
        borough = self.planning.borough_of(one, sighting.camera_id)
        try:
            return await self.alerts.open(sighting, judged, person, one, borough, [(self._book.deployments, whole)])
        except NOT_RECORDED:
            self.count(deployment_id, before)
            raise

    def count(self, deployment_id: str, more: Counts) -> None:
        """What was counted since the last call; entered with the next look."""
        self._uncounted[deployment_id] = self._uncounted.get(deployment_id, Counts()).plus(more)

    async def fail(self, deployment_id: str, why: str) -> None:
        """What looks at cameras cannot go on with it: ended as the program ends one."""
        one = self.find(deployment_id)
        if one is not None and one.state is DeploymentState.RUNNING:
            await self._halt(one, why)

    # --- what time does --------------------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Once a second: what may not go on ends, what is over is closed, destroyed and published."""
        await self._record_halts()
        now = self._book.clock.now()
        for one in self._book.deployments.in_states(DeploymentState.RUNNING):
            why = rules.must_stop(self._book.standing(one), now)
            if why is not None:
                await self._halt(one, obstacles.SAYS[why])
        await self._enter_counts()
        self._renew()
        await self.alerts.work()
        for one in self.all():
            if rules.is_due_to_close(one, now):
                await self.close(one.deployment_id, PROGRAM, "its window is over")
        await self.destroy_due()

    async def destroy_due(self) -> None:
        """Destroy the lists of what is closed as soon as nobody needs them, and publish (R9, R15)."""
        now = self._book.clock.now()
        for one in self._book.deployments.in_states(DeploymentState.CLOSED):
            await self.alerts.end(one.deployment_id)  # where the program died between the close and this
            standing = [kept for kept in self._book.lists.all() if kept.deployment_id == one.deployment_id]
            if standing and rules.destroy_now(one, self.alerts.open_of(one.deployment_id), now) and self.planning.erase:
                refused: dict[str, str] = {}
                for kept in standing:
                    try:
                        await self.planning.erase("watchlist", kept.watchlist_id, PROGRAM)
                    except (Refused, NotFound) as error:
                        refused[kept.watchlist_id] = error.message
                # Refused, and still there: a legal hold, on record; retention tries again. Gone: another look was as quick.
                standing = [kept for kept in self._book.lists.all() if kept.deployment_id == one.deployment_id]
                for kept in standing:
                    log.warning("a list is not destroyed", list=kept.watchlist_id, why=refused.get(kept.watchlist_id, ""))
            if not standing:
                await self._book.sweep()
                one = self._book.get(one.deployment_id)  # as it is now: another look may have been as quick
                if one.state is DeploymentState.CLOSED:
                    await self._book.save(rules.destroyed(one, now), "list-destroyed", PROGRAM)
        for deployment_id in [one.deployment_id for one in self._book.deployments.in_states(DeploymentState.DESTROYED)]:
            one = self._book.get(deployment_id)
            if one.state is DeploymentState.DESTROYED and self.alerts.open_of(deployment_id) == 0:
                await self._publish(one)

    async def _publish(self, one: Deployment) -> None:
        authority = self._book.authorities.find(one.authorisation_id)
        made = self.records.make(one, self.alerts.of(one.deployment_id), self.passes(one.deployment_id), authority)
        await self._book.save(rules.published(one, made.digest), "published", PROGRAM, made.messages, made.saves, made.removes)

    async def _halt(self, one: Deployment, why: str) -> None:
        """Ended by the program: at once, and on record as soon as it can be."""
        await self._let_go(one.deployment_id)
        self._halted[one.deployment_id] = why
        await self._record_halts()

    async def _record_halts(self) -> None:
        for deployment_id, why in list(self._halted.items()):
            one = self.find(deployment_id)
            try:
                if one is not None and one.state is DeploymentState.RUNNING:
                    await self._save_counted(rules.stopped(one, why), "stopped", PROGRAM)
                self._halted.pop(deployment_id, None)
            except NOT_RECORDED as error:
                log.error("a deployment was stopped, and cannot be recorded yet", why=why, error=str(error))

    async def _let_go(self, deployment_id: str) -> None:
        """No camera is looked at, and nothing of the list is in memory."""
        await self.pipeline.stop()
        one = self.find(deployment_id)
        if one is not None and one.manifest is not None:
            self._book.enrolment.close(one.manifest.watchlist_id)

    def _renew(self) -> None:
        """Tell the pipeline that it may go on, if it may."""
        now = self._book.clock.now()
        for one in self._book.deployments.in_states(DeploymentState.RUNNING):
            until = None if one.deployment_id in self._halted else rules.lease_until(self._book.standing(one), now)
            if until is not None:
                self.pipeline.renew(until, self._usable(one), {camera.camera_id for camera in one.plan.cameras})

    def kept_out(self, one: Deployment) -> dict[str, Obstacle]:
        """Its cameras that are not looked at now whatever else is, and why."""
        planned = [camera.camera_id for camera in one.plan.cameras]
        missing = {id_: Obstacle.NO_CAMERA for id_ in planned if id_ not in self.planning.cameras}
        return rules.kept_out(one, self._book.clock.now()) | missing

    def _usable(self, one: Deployment) -> list[CameraConfig]:
        out = self.kept_out(one)
        return [self.planning.cameras[camera.camera_id] for camera in one.plan.cameras if camera.camera_id not in out]

    async def _save_counted(self, one: Deployment, change: str, by: str, saves: Sequence[Save] = ()) -> Deployment:
        """A change, with what was counted and is not entered yet; that stays to be entered when the change cannot be."""
        more = self._uncounted.pop(one.deployment_id, Counts())
        try:
            return await self._book.save(rules.counted(one, more), change, by, saves=saves)
        except NOT_RECORDED:
            self.count(one.deployment_id, more)
            raise

    async def _enter_counts(self) -> None:
        """What was counted, whether or not anything was: it shows that the deployment and the record both still go."""
        now_s = self._book.clock.monotonic_s()
        running = [
            one for one in self._book.deployments.in_states(DeploymentState.RUNNING) if one.deployment_id not in self._halted
        ]
        if not running or now_s - self._counted_at_s < COUNT_EVERY_S:
            return
        self._counted_at_s = now_s
        for one in running:
            more = self._uncounted.pop(one.deployment_id, Counts())
            whole = rules.counted(one, more)
            c = whole.counts
            said = DeploymentCounted(
                at=self._book.clock.now(), deployment_id=one.deployment_id, frames=c.frames, analysed=c.analysed,
                dropped=c.dropped, tracks=c.tracks, matched=c.matched, alerts=c.alerts, repeated=c.repeated,
                inconsistent=c.inconsistent, refused=c.refused,
            )  # fmt: skip
            try:
                await self._book.recorder.record(save=[(self._book.deployments, whole)], messages=[said])
            except NOT_RECORDED:
                self.count(one.deployment_id, more)
                await self._halt(one, obstacles.SAYS[Obstacle.NO_LEDGER])

    # --- volunteers ------------------------------------------------------------------------------------------------------------

    async def passed(self, deployment_id: str, person_id: str, camera_id: str, by: str) -> Opportunity:
        """A volunteer walks past a camera now (R14). Raises `NotFound`, `Refused`."""
        one, now = self.get(deployment_id), self._book.clock.now()
        if one.state is not DeploymentState.RUNNING or one.manifest is None:
            raise Refused(f"it is {one.state}", remedy="note passes while it runs")
        if camera_id not in {camera.camera_id for camera in self._usable(one)}:
            raise Refused(f"camera '{camera_id}' is not looked at", remedy="name one that is")
        person = self._book.enrolment.open(one.manifest).person(person_id)
        if person is None or person.category is not Category.VOLUNTEER:
            raise Refused("only passes of volunteers are noted", remedy="name a volunteer of the list")
        made = Opportunity(
            opportunity_id=self._book.ids.new("pas"), deployment_id=deployment_id, person_id=person_id, camera_id=camera_id,
            at=now, noted_by=by,
        )  # fmt: skip
        said = VolunteerPassed(
            at=now,
            opportunity_id=made.opportunity_id,
            deployment_id=deployment_id,
            camera_id=camera_id,
            person_id=person_id,
            by=by,
        )
        await self._book.recorder.record(save=[(self._book.passes, made)], messages=[said])
        return made

    async def _on_authority(self, message: AuthorisationChanged) -> None:
        authority = self._book.authorities.find(message.authorisation_id)
        one = None if authority is None else self.find(authority.subject_id)
        if authority is None or one is None or authority.use_case is not AuthorityUseCase.RECOGNITION:
            return
        changed = rules.adopted(rules.decided(one, authority), authority)
        if changed != one:
            await self._book.save(changed, f"authority-{authority.state}", message.by)
        await self.look()
