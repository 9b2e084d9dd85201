"""From plan to authority: what a deployment is for, where and when, who is on its list, and that the public was told."""

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec.structs import replace

from bowstreet.accountability.authority.model import UseCase as AuthorityUseCase
from bowstreet.accountability.authority.service import Change
from bowstreet.accountability.recorder import Save
from bowstreet.errors import BadInput, Refused
from bowstreet.geo import Position
from bowstreet.messages import ListingReviewed, Message, WatchlistChanged
from bowstreet.recognition import answers, rules
from bowstreet.recognition.book import Book
from bowstreet.recognition.enrol import Import
from bowstreet.recognition.listing import RowResult
from bowstreet.recognition.model import (
    Amendment,
    Deployment,
    DeploymentState,
    EvidenceKind,
    KeptList,
    ListState,
    Manifest,
    Obstacle,
    Plan,
    PublicEvidence,
)
from bowstreet.recognition.ports import CameraConfig, Erase

BoroughsOf = Callable[[Sequence[Position]], tuple[str, ...]]


class Planning:
    """Raises, beside what each method says, what `Recorder.record` does.

    Args:
        cameras: the operator's fixed cameras.
        boroughs_of: where places lie.
    """

    def __init__(self, book: Book, cameras: Sequence[CameraConfig], boroughs_of: BoroughsOf) -> None:
        self.book, self._boroughs_of = book, boroughs_of
        self.cameras = {one.camera_id: one for one in cameras}
        self.erase: Erase | None = None  # set by wiring, which makes retention later

    def name_of(self, camera_id: str) -> str:
        """As people know it, with its id."""
        known = self.cameras.get(camera_id)
        return camera_id if known is None or not known.name else f"{camera_id} ({known.name})"

    def boroughs_of(self, plan: Plan) -> tuple[str, ...]:
        """Where a plan's zone and cameras lie."""
        return self._boroughs_of([*plan.zone, *(one.position for one in plan.cameras)])

    def borough_of(self, one: Deployment, camera_id: str) -> str:
        """Where one of its cameras stands; where the deployment is, for one that stands in none."""
        places = [camera.position for camera in one.plan.cameras if camera.camera_id == camera_id]
        return next(iter((self._boroughs_of(places) if places else ()) or one.plan.boroughs), "")

    def to_start(self, one: Deployment) -> rules.Standing:
        """A deployment with all that is asked before it is started."""
        return replace(self.book.standing(one, starting=True), cameras=frozenset(self.cameras))

    # --- plan ------------------------------------------------------------------------------------------------------------------

    async def plan(self, plan: Plan, by: str) -> Deployment:
        """Raises `BadInput` for a plan that could never be started, or names cameras that are not configured."""
        made = Deployment(
            deployment_id=self.book.ids.new("dep"), plan=self._checked(plan), planned_by=by, planned_at=self.book.clock.now()
        )
        return await self.book.save(made, "planned", by)

    async def replan(self, deployment_id: str, plan: Plan, by: str) -> Deployment:
        """Raises `NotFound`, `Refused`, `BadInput`."""
        return await self.book.save(rules.replanned(self.book.get(deployment_id), self._checked(plan)), "planned", by)

    def _require_model(self, one: Deployment) -> None:
        """Raises `Refused` for a plan that was made for another model than the one in use (R12, R13)."""
        if not rules.is_of_model(one.plan, self.book.models.sha256):
            raise rules.refusal([Obstacle.OTHER_MODEL])

    def _checked(self, plan: Plan) -> Plan:
        unknown = [one.camera_id for one in plan.cameras if one.camera_id not in self.cameras]
        if unknown:
            raise BadInput(f"there is no camera '{unknown[0]}'", remedy="name cameras of the configuration")
        model, now = self.book.models.sha256, self.book.clock.now()
        report = self.book.models.report(model, plan.threshold, now)
        plan = replace(
            plan, boroughs=self.boroughs_of(plan), model_sha256=model, report_sha256="" if report is None else report.sha256,
            # A window is of whole seconds: whoever reads it and sends it back with other cameras sends the same one.
            starts_at=plan.starts_at.replace(microsecond=0), ends_at=plan.ends_at.replace(microsecond=0),
        )  # fmt: skip
        rules.check_plan(plan, self.book.models.floor(plan.model_sha256), self.book.clock.now())
        return plan

    async def tell(
        self, deployment_id: str, kind: EvidenceKind, since: datetime, reference: str, cameras: Sequence[str], by: str
    ) -> Deployment:
        """Enter that the public was told (R15). Raises `NotFound`, `Refused`, `BadInput`."""
        now = self.book.clock.now()
        evidence = PublicEvidence(kind=kind, since=since, recorded_at=now, by=by, reference=reference, camera_ids=tuple(cameras))
        return await self.book.save(rules.told(self.book.get(deployment_id), evidence, now), f"told-by-{kind}", by)

    # --- list ------------------------------------------------------------------------------------------------------------------

    async def begin_import(self, deployment_id: str, csv: bytes, by: str) -> Import:
        """Raises `NotFound`, `Refused`, `BadInput`."""
        one = self.book.get(deployment_id)
        if one.state is not DeploymentState.PLANNED:
            raise Refused(f"it is {one.state}: its list is fixed (R4)", remedy="withdraw it first")
        self._require_model(one)
        return await self.book.enrolment.begin(one, csv, by)

    async def finish_import(self, deployment_id: str, import_id: str, by: str, *, leave_out: bool) -> list[RowResult]:
        """The import becomes the deployment's list; gives the rows that a person should look at. Raises `NotFound`, `Refused`."""
        made = self.book.enrolment.mine(deployment_id, import_id, by)
        async with self.book.lock:
            one = self.book.get(deployment_id)
            if one.state is not DeploymentState.PLANNED:
                raise Refused(f"it is {one.state}: its list is fixed (R4)", remedy="withdraw it first")
            manifest, remarked = await self.book.enrolment.finish(made, leave_out=leave_out)
            await self._list(deployment_id, manifest, "enrolled", by)
        await self.destroy_ended()
        return remarked

    async def review(self, deployment_id: str, person_id: str, by: str, *, approve: bool) -> Deployment:
        """A second person's word on somebody under 18 or vulnerable (R6): approved, or taken off the list.

        Raises:
            Refused: whoever made the list does not review it, or nobody of that id waits.
        """
        async with self.book.lock:
            one = self.book.get(deployment_id)
            manifest = one.manifest
            if manifest is None or person_id not in manifest.to_review or one.state is not DeploymentState.PLANNED:
                raise Refused("nobody of that id waits for a second approval", remedy="look at the list")
            if by in (manifest.enrolled_by, one.planned_by):
                raise Refused("whoever made the list does not approve who is on it (R6)", remedy="ask another person")
            said = ListingReviewed(
                at=self.book.clock.now(), deployment_id=deployment_id, watchlist_id=manifest.watchlist_id, person_id=person_id,
                by=by, approved=approve,
            )  # fmt: skip
            if not approve:
                manifest = await self.book.enrolment.without(manifest, person_id, by)
                one = await self._list(deployment_id, manifest, "taken-off", by, said)
            else:
                left = tuple(other for other in manifest.to_review if other != person_id)
                manifest = replace(manifest, to_review=left, reviewed=manifest.reviewed + 1)
                one = await self.book.save(rules.listed(one, manifest), "reviewed", by, [said])
        await self.destroy_ended()
        return one

    async def take_off(self, deployment_id: str, person_id: str, by: str) -> Deployment:
        """Somebody is not wanted any more. Raises `NotFound`, `Refused`."""
        async with self.book.lock:
            one = self.book.get(deployment_id)
            if one.manifest is None or one.state is not DeploymentState.PLANNED:
                raise Refused(f"it is {one.state}: its list is fixed (R4)", remedy="stop and withdraw it first")
            left = await self.book.enrolment.without(one.manifest, person_id, by)
            made = await self._list(deployment_id, left, "taken-off", by)
        await self.destroy_ended()
        return made

    async def _list(self, deployment_id: str, manifest: Manifest, change: str, by: str, *also: Message) -> Deployment:
        """A list in the place of whatever was there, which ends with it. Raises `Refused`: what is fixed has no other list."""
        try:
            one, now = self.book.get(deployment_id), self.book.clock.now()  # as it is by now: making a list takes time
            listed = rules.listed(one, manifest)
            saves: list[Save] = [
                (self.book.lists, KeptList(watchlist_id=manifest.watchlist_id, deployment_id=deployment_id, made_at=now))
            ]
            if one.manifest is not None and (before := self.book.lists.find(one.manifest.watchlist_id)) is not None:
                saves.append((self.book.lists, replace(before, state=ListState.ENDED, ended_at=now)))
            said = WatchlistChanged(
                at=now, deployment_id=deployment_id, watchlist_id=manifest.watchlist_id, change=change, by=by,
                people=manifest.people, images=manifest.images, digest=manifest.digest,
            )  # fmt: skip
            return await self.book.save(listed, change, by, [said, *also], saves)
        finally:
            self.book.enrolment.recorded(manifest.watchlist_id)

    # --- authorise -------------------------------------------------------------------------------------------------------------

    async def request_authority(self, deployment_id: str, by: str) -> Deployment:
        """Fix plan and list, and ask for authority. Raises `NotFound`, `Refused`, `BadInput`."""
        one = self.book.get(deployment_id)
        rules.submitted(one, "not asked yet")
        self._require_model(one)
        rules.check_plan(one.plan, self.book.models.floor(one.plan.model_sha256), self.book.clock.now())
        asked, (save, said) = self._asked(one.deployment_id, one.plan, by)
        return await self.book.save(rules.submitted(one, asked), "submitted", by, [said], [save])

    def _asked(self, deployment_id: str, plan: Plan, by: str) -> tuple[str, Change]:
        """A request, to be entered in one commit with the deployment that goes by it: no request stands for nothing."""
        asked = self.book.authorities.requested(
            use_case=AuthorityUseCase.RECOGNITION, ground=answers.GROUNDS[plan.use_case], subject_id=deployment_id,
            boroughs=plan.boroughs, starts_at=max(plan.starts_at, self.book.clock.now()), ends_at=plan.ends_at, by=by,
        )  # fmt: skip
        return asked.authorisation_id, self.book.authorities.requesting(asked)

    async def withdraw(self, deployment_id: str, by: str) -> Deployment:
        """Back to the plan: it is authorised anew. Raises `NotFound`, `Refused`."""
        return await self.book.save(rules.withdrawn(self.book.get(deployment_id), "withdrawn"), "withdrawn", by)

    async def amend(self, deployment_id: str, plan: Plan, by: str) -> Deployment:
        """Cameras stand elsewhere: those are not looked at any more, and authority is asked for the new places (R2)."""
        one = self.book.get(deployment_id)
        plan = replace(self._checked(plan), report_sha256=one.plan.report_sha256)
        rules.amended(one, Amendment(plan=plan, authorisation_id="not asked yet", asked_by=by))
        moved = tuple(sorted(rules.moved_cameras(one.plan, plan) | set(one.moved)))
        await self.book.save(replace(one, moved=moved), "cameras-moved", by)
        asked, (save, said) = self._asked(deployment_id, plan, by)
        amendment = Amendment(plan=plan, authorisation_id=asked, asked_by=by)
        changed = rules.amended(self.book.get(deployment_id), amendment)
        return await self.book.save(changed, "amendment-submitted", by, [said], [save])

    async def put_back(self, deployment_id: str, camera_id: str, by: str) -> Deployment:
        """A camera stands where it was authorised again. Raises `NotFound`, `Refused`."""
        return await self.book.save(rules.put_back(self.book.get(deployment_id), camera_id), "camera-put-back", by)

    async def destroy_ended(self) -> int:
        """Destroy lists that others took the place of, each with its order and receipt; gives how many (R9)."""
        if self.erase is None:
            return 0
        ended = [one for one in self.book.lists.all() if one.state is ListState.ENDED and self._is_replaced(one)]
        for one in ended:
            await self.erase("watchlist", one.watchlist_id, "program")
        if ended:
            await self.book.sweep()
        return len(ended)

    def _is_replaced(self, kept: KeptList) -> bool:
        one = self.book.deployments.find(kept.deployment_id)
        return one is None or one.manifest is None or one.manifest.watchlist_id != kept.watchlist_id
