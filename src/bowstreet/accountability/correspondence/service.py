"""Takes in what the public asks, seals it, and keeps what becomes of it on record."""

import secrets
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from bowstreet.accountability.correspondence import rules
from bowstreet.accountability.correspondence.model import PublicRequest, RefusalGround, RequestKind, RequestState
from bowstreet.accountability.recorder import Recorder
from bowstreet.errors import NotFound, TooManyAttempts
from bowstreet.messages import PublicRequestChanged
from bowstreet.runtime.ports import Clock, Ids, Store
from bowstreet.runtime.records import Collection

log = structlog.get_logger(__name__)

# Of everybody together: a force has some tens of such letters a day. Past it the form says where else to turn, and the disk
# stays free.
MOST_IN_A_DAY = 1_000
DAY = timedelta(days=1)


class Correspondence:
    """The public's requests of one operation. Its contents never leave it but to whoever may see them."""

    retention_class = "complaint"

    def __init__(self, recorder: Recorder, clock: Clock, ids: Ids) -> None:
        self._recorder, self._clock, self._ids = recorder, clock, ids
        self.requests: Collection[PublicRequest] = Collection(
            "public-request", PublicRequest, id_of=lambda one: one.request_id, state_of=lambda one: one.state
        )
        self._by_reference: dict[str, str] = {}
        self._recent: deque[datetime] = deque()

    async def load(self, store: Store) -> None:
        await self.requests.load(store)
        self._by_reference = {one.reference_digest: one.request_id for one in self.requests.all()}
        now = self._clock.now()
        self._recent.extend(sorted(one.filed_at for one in self.requests.all() if now - one.filed_at < DAY))

    async def file(self, kind: RequestKind, contact: str, words: str) -> tuple[PublicRequest, str]:
        """Take in a request; gives it with the reference, which is not kept.

        Raises:
            BadInput: what was written cannot be taken as it is.
            TooManyAttempts: so many came today that this one would fill the record.
        """
        now = self._clock.now()
        while self._recent and now - self._recent[0] >= DAY:
            self._recent.popleft()
        reference = "".join(secrets.choice(rules.ALPHABET) for _ in range(rules.REFERENCE_LENGTH))
        made = rules.filed(self._ids.new("req"), kind, contact, words, reference, now)
        if len(self._recent) >= MOST_IN_A_DAY:
            raise TooManyAttempts("too many requests came today", remedy="try tomorrow, or write to the operator")
        self._recent.append(now)
        await self._record(made)
        self._by_reference[made.reference_digest] = made.request_id
        log.info("a request of the public came", kind=str(kind))
        return made, reference

    def status(self, reference: str) -> PublicRequest:
        """Raises `NotFound` for a reference that is none, or whose request is erased."""
        one = self.requests.find(self._by_reference.get(rules.digest_of(reference), ""))
        if one is None:
            raise NotFound("there is no request with this reference", remedy="compare it with what you were given")
        return one

    async def move(self, request_id: str, state: RequestState, ground: RefusalGround | None, by: str) -> PublicRequest:
        """One step on, by a person.

        Raises:
            NotFound: no such request.
            Refused: it does not follow.
        """
        made = rules.moved(self.requests.get(request_id), state, ground, by, self._clock.now())
        await self._record(made)
        return made

    def overdue(self) -> list[PublicRequest]:
        """Those that the law says should have been acknowledged or answered by now."""
        open_ = self.requests.in_states(RequestState.RECEIVED, RequestState.ACKNOWLEDGED)
        return [one for one in open_ if self.is_overdue(one)]

    def is_overdue(self, one: PublicRequest) -> bool:
        now = self._clock.now()
        if one.state.is_final:
            return False
        late = one.answer_by is not None and now > one.answer_by
        return late or (one.acknowledge_by is not None and one.state is RequestState.RECEIVED and now > one.acknowledge_by)

    async def _record(self, one: PublicRequest) -> None:
        last = one.changes[-1]
        said = PublicRequestChanged(
            at=last.at, request_id=one.request_id, request_kind=one.kind, state=one.state, by=last.by,
            ground="" if last.ground is None else last.ground,
        )  # fmt: skip
        await self._recorder.record(save=[(self.requests, one)], messages=[said])

    # --- for retention ------------------------------------------------------------------------------------------------

    async def since(self) -> Iterable[tuple[str, datetime]]:
        return [(one.request_id, at) for one in self.requests.all() if (at := one.settled_at) is not None]

    def records_of(self, subject_id: str) -> Sequence[tuple[Collection[Any], str]]:
        return [(self.requests, subject_id)]
