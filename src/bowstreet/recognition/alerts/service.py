"""The alerts of one operation: raised on record before anybody sees them, looked at on record, decided on by people alone."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import structlog

from bowstreet.accountability.model import Identity as Asker
from bowstreet.accountability.processing.model import Justification
from bowstreet.accountability.recorder import Recorder, Save
from bowstreet.errors import NotFound
from bowstreet.messages import AlertChanged, AlertRaised, AlertViewed
from bowstreet.recognition.alerts import rules
from bowstreet.recognition.alerts.model import (
    Alert,
    AlertState,
    Disposal,
    IdentityFound,
    Judgement,
    NotEngaged,
    Probe,
    Raised,
    Sighting,
)
from bowstreet.recognition.listing import Person
from bowstreet.recognition.model import Deployment
from bowstreet.runtime.ports import Clock, Ids, Store
from bowstreet.runtime.records import Collection

log = structlog.get_logger(__name__)

Told = Callable[[Alert], None]


class Alerts:
    """Raises, beside what each method says, what `Recorder.record` does: what cannot be recorded does not happen."""

    retention_class = "alert"

    def __init__(self, recorder: Recorder, clock: Clock, ids: Ids) -> None:
        self._recorder, self._clock, self._ids = recorder, clock, ids
        self._all: Collection[Alert] = Collection("alert", Alert, id_of=lambda one: one.alert_id, state_of=lambda one: one.state)
        self._probes: Collection[Probe] = Collection("probe", Probe, id_of=lambda one: one.alert_id)
        self._told: list[Told] = []

    async def load(self, store: Store) -> None:
        """Probes stay in the store, and are fetched one by one when somebody looks."""
        await self._all.load(store)
        await self._probes.load(store, states=())

    def listen(self, told: Told) -> None:
        """Be told of every alert as it is now, once that is durable. One that fails keeps it from nobody else."""
        self._told.append(told)

    def get(self, alert_id: str) -> Alert:
        """Raises `NotFound`."""
        return self._all.get(alert_id)

    def find(self, alert_id: str) -> Alert | None:
        return self._all.find(alert_id)

    def all(self) -> list[Alert]:
        return self._all.all()

    def of(self, deployment_id: str) -> list[Alert]:
        return [one for one in self._all.all() if one.deployment_id == deployment_id]

    def open_of(self, deployment_id: str) -> int:
        """How many still wait for an officer."""
        standing = self._all.in_states(AlertState.RAISED, AlertState.CLAIMED, AlertState.ENGAGED)
        return sum(one.deployment_id == deployment_id for one in standing)

    # --- raised --------------------------------------------------------------------------------------------------------------

    def of_same_pass(self, sighting: Sighting, raised: Raised) -> Alert | None:
        """An alert that stands of the very pass."""
        return next(
            (
                one for one in self.of(sighting.deployment_id)
                if rules.is_same_pass(one, sighting.camera_id, sighting.track_id, raised.person_id, raised.best.at)
            ),
            None,
        )  # fmt: skip

    async def open(
        self, sighting: Sighting, raised: Raised, person: Person, one: Deployment, borough: str, beside: Sequence[Save] = ()
    ) -> Alert:
        """An alert and its picture, sealed under a key of their own; on record, with what is `beside`, before anybody is told."""
        now, alert_id = self._clock.now(), self._ids.new("alr")
        made = Alert(
            alert_id=alert_id, deployment_id=one.deployment_id, camera_id=sighting.camera_id, track_id=sighting.track_id,
            person_id=person.person_id, category=person.category, risk=person.risk, minor_or_vulnerable=person.needs_review,
            score=raised.best.score, threshold=one.plan.threshold, quality=raised.best.quality, looks=raised.agreeing,
            seen_at=raised.best.at, raised_at=now, borough=borough, state=rules.first_state(person.category),
        )  # fmt: skip
        said = AlertRaised(
            at=now, alert_id=alert_id, deployment_id=one.deployment_id, camera_id=sighting.camera_id, person_id=person.person_id,
            score=round(raised.best.score, 4), threshold=one.plan.threshold, seen_at=raised.best.at,
            seeded=made.state is AlertState.SEEDED,
        )  # fmt: skip
        picture = Probe(alert_id=alert_id, image=sighting.probe)
        await self._recorder.record(save=[(self._all, made), (self._probes, picture), *beside], messages=[said])
        self._probes.forget(alert_id)
        self._tell(made)
        return made

    # --- what people do --------------------------------------------------------------------------------------------------------

    async def view(self, alert_id: str, who: Asker, why: Justification, *, adjudicates: bool) -> tuple[Alert, Probe]:
        """The alert with its picture: that it is seen, by whom and why, is on record before it is given.

        Args:
            adjudicates: whether the look counts as that of an officer who decides.
        """
        self.get(alert_id)
        probe = await self._probes.fetch(alert_id)
        self._probes.forget(alert_id)
        one = self.get(alert_id)  # as it is now: somebody may have taken it, or decided, while the picture was fetched
        seen = rules.viewed(one, who.account_id) if adjudicates else one
        said = AlertViewed(
            at=self._clock.now(), alert_id=alert_id, deployment_id=one.deployment_id, by=who.account_id, role=who.role,
            justification=why,
        )  # fmt: skip
        await self._recorder.record(save=[(self._all, seen)] if seen is not one else [], messages=[said])
        return seen, probe

    async def claim(self, alert_id: str, by: str) -> Alert:
        return await self._save(rules.claimed(self.get(alert_id), by, self._clock.now()), "claimed", by)

    async def release(self, alert_id: str, by: str) -> Alert:
        return await self._save(rules.released(self.get(alert_id), by), "released", by)

    async def ask_opinion(self, alert_id: str, by: str) -> Alert:
        return await self._save(rules.opinion_asked(self.get(alert_id), by, self._clock.now()), "opinion-asked", by)

    async def give_opinion(self, alert_id: str, by: str, judgement: Judgement) -> Alert:
        one = rules.opinion_given(self.get(alert_id), by, judgement, self._clock.now())
        return await self._save(one, "opinion-given", by, judgement)

    async def decide(
        self, alert_id: str, by: str, *, engage: bool, judgement: Judgement, why_not: NotEngaged | None = None
    ) -> Alert:  # fmt: skip
        one = rules.decided(self.get(alert_id), by, engage, judgement, why_not, self._clock.now())
        return await self._save(one, "decided", by, judgement)

    async def settle(self, alert_id: str, by: str, identity: IdentityFound, disposal: Disposal) -> Alert:
        return await self._save(rules.settled(self.get(alert_id), by, identity, disposal, self._clock.now()), "settled", by)

    # --- what time does --------------------------------------------------------------------------------------------------------

    async def work(self) -> int:
        """Claims that nobody went on with go back, alerts that nobody answered lapse; gives how many changed."""
        standing = self._all.in_states(AlertState.RAISED, AlertState.CLAIMED, AlertState.ENGAGED)
        return await self._end_each(standing, rules.timed_out, "timed-out")

    async def end(self, deployment_id: str) -> int:
        """Its deployment is closed: what nobody has acted on lapses."""
        return await self._end_each(self.of(deployment_id), rules.ended, "deployment-closed")

    async def _end_each(self, some: Sequence[Alert], over: Callable[[Alert, datetime], Alert | None], change: str) -> int:
        """Each as it is when its turn comes: while the one before is written, somebody may decide on the next."""
        now, ended = self._clock.now(), 0
        for alert_id in [one.alert_id for one in some]:
            one = self._all.find(alert_id)
            if one is not None and (changed := over(one, now)) is not None:
                await self._save(changed, change, "")
                ended += 1
        return ended

    # --- retention -------------------------------------------------------------------------------------------------------------

    async def since(self) -> Iterable[tuple[str, datetime]]:
        """For retention: from when it was raised (R10)."""
        return [(one.alert_id, one.raised_at) for one in self._all.all()]

    def records_of(self, subject_id: str) -> Sequence[tuple[Collection[Any], str]]:
        return [(self._all, subject_id), (self._probes, subject_id)]

    async def _save(self, one: Alert, change: str, by: str, judgement: str = "") -> Alert:
        if one.alert_id not in self._all:
            raise NotFound("the alert is erased", remedy="see the list of alerts")
        outcome = one.outcome
        said = AlertChanged(
            at=self._clock.now(), alert_id=one.alert_id, deployment_id=one.deployment_id, change=change, state=one.state, by=by,
            judgement=judgement, engaged=None if outcome is None else outcome.engaged,
            identity="" if outcome is None else outcome.identity, disposal="" if outcome is None else outcome.disposal,
        )  # fmt: skip
        await self._recorder.record(save=[(self._all, one)], messages=[said])
        self._tell(one)
        return one

    def _tell(self, one: Alert) -> None:
        """What is told is on record and stays: whoever cannot hear it ends neither the next alert nor a person's decision."""
        for told in self._told:
            try:
                told(one)
            except Exception as error:  # the listener's edge; its words may be about somebody, and stay out of the log
                log.error("somebody could not be told of an alert", alert=one.alert_id, error=type(error).__name__)
