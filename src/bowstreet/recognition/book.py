"""What is on record of deployments: their records, lists and passes, and how a change of one is entered."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from bowstreet.accountability.authority.service import Authorities
from bowstreet.accountability.recorder import Recorder, Remove, Save
from bowstreet.errors import BowstreetError
from bowstreet.messages import DeploymentChanged, Message
from bowstreet.recognition import rules
from bowstreet.recognition.enrol import Enrolment
from bowstreet.recognition.model import Deployment, KeptList, Opportunity
from bowstreet.recognition.ports import Models
from bowstreet.runtime.ports import Clock, Ids, Store
from bowstreet.runtime.records import Collection

log = structlog.get_logger(__name__)


class Book:
    """Every deployment. Raises what `Recorder.record` does."""

    def __init__(
        self, recorder: Recorder, clock: Clock, ids: Ids, authorities: Authorities, enrolment: Enrolment, models: Models
    ) -> None:
        self.recorder, self.clock, self.ids = recorder, clock, ids
        self.authorities, self.enrolment, self.models = authorities, enrolment, models
        self.deployments: Collection[Deployment] = Collection(
            "deployment", Deployment, id_of=lambda one: one.deployment_id, state_of=lambda one: one.state
        )
        self.lists: Collection[KeptList] = Collection("watchlist", KeptList, id_of=lambda one: one.watchlist_id)
        self.passes: Collection[Opportunity] = Collection("volunteer-pass", Opportunity, id_of=lambda one: one.opportunity_id)
        self.changed: Callable[[], None] = lambda: None  # called after each change of a deployment; set by the service
        self.lock = asyncio.Lock()  # one change of a deployment's list or of what runs at a time

    async def load(self, store: Store) -> None:
        for collection in (self.deployments, self.lists, self.passes):
            await collection.load(store)

    async def sweep(self) -> int:
        """Remove the files of lists whose record is gone."""
        return await self.enrolment.sweep({one.watchlist_id for one in self.lists.all()})

    def get(self, deployment_id: str) -> Deployment:
        """Raises `NotFound`."""
        return self.deployments.get(deployment_id)

    def standing(self, one: Deployment, *, starting: bool = False) -> rules.Standing:
        """A deployment with what stands round it now. Floor and report are looked for where it is to be started."""
        plan, now = one.plan, self.clock.now()
        return rules.Standing(
            deployment=one, authority=self.authorities.find(one.authorisation_id),
            ledger_holds=self.recorder.failing_since is None, loaded_digest=self._digest(one),
            report_covers=starting and self.models.report(plan.model_sha256, plan.threshold, now) is not None,
            floor=self.models.floor(plan.model_sha256) if starting and plan.model_sha256 == self.models.sha256 else None,
            model_sha256=self.models.sha256,
        )  # fmt: skip

    def _digest(self, one: Deployment) -> str:
        """Of the list, as its file was read; "" where there is none that can be opened."""
        if one.manifest is None:
            return ""
        try:
            return self.enrolment.open(one.manifest).digest
        except (BowstreetError, OSError):
            return ""

    async def save(
        self, one: Deployment, change: str, by: str, said: Sequence[Message] = (), saves: Sequence[Save] = (),
        removes: Sequence[Remove] = (),
    ) -> Deployment:  # fmt: skip
        """Enter a change of a deployment, with what belongs to it, in one commit. What it goes by no more ends there."""
        told = DeploymentChanged(
            at=self.clock.now(), deployment_id=one.deployment_id, state=one.state, change=change, by=by, revision=one.revision,
            plan_digest=one.plan_digest or rules.digest_of(one.plan), list_digest=one.list_digest,
            authorisation_id=one.authorisation_id, why=one.why,
        )  # fmt: skip
        before = self.deployments.find(one.deployment_id)
        left = sorted(rules.goes_by(before) - rules.goes_by(one)) if before is not None else ()
        ended = [ending for left_id in left if (ending := self.authorities.revoking(left_id, by)) is not None]
        await self.recorder.record(
            save=[(self.deployments, one), *saves, *(save for save, _ in ended)], remove=removes,
            messages=[told, *said, *(message for _, message in ended)],
        )  # fmt: skip
        self._tell(one)
        return one

    def _tell(self, one: Deployment) -> None:
        try:
            self.changed()
        except Exception as error:  # the edge of the record: an act that stands on it has happened, and is not told as failed
            log.error("a change is on record, and was not followed", deployment=one.deployment_id, error=type(error).__name__)
