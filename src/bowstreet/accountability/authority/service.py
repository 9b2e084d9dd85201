"""The authorisations of one operation: asked for, decided on, ended, and asked whether they cover an act. All of it recorded."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import UNSET

from bowstreet.accountability.authority import document, rules
from bowstreet.accountability.authority.model import Authorisation, Ground, Place, State, UseCase
from bowstreet.accountability.recorder import Recorder, Save
from bowstreet.messages import AuthorisationChanged
from bowstreet.runtime.ports import Clock, Ids, Store
from bowstreet.runtime.records import Collection

# Who notes that time is up: no person.
CLOCK = "clock"

Change = tuple[Save, AuthorisationChanged]


class Authorities:
    """Raises, beside what each method says, what `Recorder.record` does."""

    def __init__(self, recorder: Recorder, clock: Clock, ids: Ids) -> None:
        self._recorder, self._clock, self._ids = recorder, clock, ids
        self._all: Collection[Authorisation] = Collection(
            "authorisation", Authorisation, id_of=lambda one: one.authorisation_id, state_of=lambda one: one.state
        )

    async def load(self, store: Store) -> None:
        await self._all.load(store)

    def all(self) -> list[Authorisation]:
        return self._all.all()

    def get(self, authorisation_id: str) -> Authorisation:
        """Raises `NotFound`."""
        return self._all.get(authorisation_id)

    def find(self, authorisation_id: str) -> Authorisation | None:
        return self._all.find(authorisation_id)

    def covering(self, use_case: UseCase, subject_id: str, borough: str | None = None) -> Authorisation | None:
        """One in force that covers the act now."""
        now = self._clock.now()
        standing = self._all.in_states(State.IN_FORCE)
        return next((one for one in standing if rules.covers(one, use_case, subject_id, borough, now)), None)

    def in_force(self, use_case: UseCase) -> list[Authorisation]:
        now = self._clock.now()
        return [one for one in self._all.in_states(State.IN_FORCE) if one.use_case is use_case and now < one.ends_at]

    async def request(self, asked: Authorisation, *, urgent: bool = False) -> Authorisation:
        """Ask for authority; `asked` comes from `requested`. Urgent it is in force at once.

        Raises:
            BadInput, Refused: see `rules.check_request`, `rules.made_urgent`.
        """
        made = rules.made_urgent(asked, self._clock.now()) if urgent else asked
        save, said = self.requesting(made)
        await self._recorder.record(save=[save], messages=[said])
        return made

    def requesting(self, asked: Authorisation) -> Change:
        """What a request enters, for whoever enters it together with what it is asked for. Raises as `request`."""
        rules.check_request(asked, self._clock.now())
        return self._change(asked, asked.requested_by)

    def revoking(self, authorisation_id: str, by: str) -> Change | None:
        """The same of an end; None where there is nothing left to end."""
        standing, now = self.find(authorisation_id), self._clock.now()
        if standing is None or standing.state.is_final or rules.expired(standing, now) is not None:
            return None
        return self._change(rules.revoked(standing, now), by)

    def requested(
        self,
        *,
        use_case: UseCase,
        ground: Ground,
        subject_id: str,
        boroughs: tuple[str, ...],
        starts_at: datetime,
        ends_at: datetime,
        by: str,
    ) -> Authorisation:
        """What somebody asks for, before anything is decided or kept."""
        return Authorisation(
            authorisation_id=self._ids.new("aut"), use_case=use_case, ground=ground, subject_id=subject_id,
            place=Place(boroughs=boroughs), starts_at=starts_at, ends_at=ends_at, requested_by=by,
            requested_at=self._clock.now(),
        )  # fmt: skip

    async def decide(
        self, authorisation_id: str, by: str, *, allow: bool, because: rules.Because = UNSET, makers: Sequence[str] = ()
    ) -> Authorisation:
        """Another officer's word on a request, or their review of an urgent authority. Raises `NotFound`, `Refused`."""
        standing, now = self.get(authorisation_id), self._clock.now()
        say = rules.reviewed if standing.urgent else rules.decided
        return await self._save(say(standing, by, allow, now, because, makers), by)

    async def revoke(self, authorisation_id: str, by: str) -> Authorisation:
        """Raises `NotFound`, `Refused`."""
        return await self._save(rules.revoked(self.get(authorisation_id), self._clock.now()), by)

    async def expire(self) -> int:
        """Note those whose time is over; gives how many. They cover nothing from that moment on, noted or not."""
        now, over = self._clock.now(), 0
        for authorisation_id in [one.authorisation_id for one in self.all() if rules.expired(one, now) is not None]:
            # As it is when its turn comes: while the one before was written, somebody may have revoked or reviewed it.
            ended = rules.expired(self.get(authorisation_id), now)
            if ended is not None:
                await self._save(ended, CLOCK)
                over += 1
        return over

    async def _save(self, one: Authorisation, by: str) -> Authorisation:
        save, said = self._change(one, by)
        await self._recorder.record(save=[save], messages=[said])
        return one

    def _change(self, one: Authorisation, by: str) -> Change:
        said = AuthorisationChanged(
            at=self._clock.now(), authorisation_id=one.authorisation_id, use_case=one.use_case, state=one.state, by=by,
            digest=document.digest(one),
        )  # fmt: skip
        return (self._all, one), said
