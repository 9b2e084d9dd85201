"""Open sessions: how each is kept, when it ends, and what their owner is shown of them. The token itself is nowhere kept.

Expiry runs on the real clock: a demo at 60 times the speed must not end its sessions after half a minute.
"""

from datetime import datetime

from msgspec.structs import replace

from bowstreet.accountability import credentials, rules
from bowstreet.accountability.model import How, Session
from bowstreet.accountability.recorder import Remove, Save
from bowstreet.runtime.ports import Clock, Store
from bowstreet.runtime.records import Collection


class Sessions:
    """The sessions of one operation. What changes them is recorded by `Accounts`, in the commit of what it belongs to."""

    def __init__(self, real_clock: Clock) -> None:
        self._real = real_clock
        self.all: Collection[Session] = Collection(
            "session", Session, id_of=lambda one: one.session_id, state_of=lambda one: one.account_id
        )
        self._seen: dict[str, datetime] = {}  # kept in memory between `stale` calls: looking is no reason to write

    async def load(self, store: Store) -> None:
        await self.all.load(store)

    def new(self, account_id: str, how: How) -> tuple[str, Session]:
        """A token and its session, still to be recorded."""
        token, now = credentials.new_token(), self._real.now()
        session = Session(
            session_id=credentials.digest(token), account_id=account_id, opened_at=now, seen_at=now,
            expires_at=now + rules.SESSION_LIFE, how=how,
        )  # fmt: skip
        return token, session

    def surplus(self, account_id: str) -> list[Remove]:
        """The oldest, to make room for one more."""
        standing = sorted(self.all.in_states(account_id), key=lambda one: one.opened_at)
        return [(self.all, one.session_id) for one in standing[: max(0, len(standing) + 1 - rules.SESSIONS_BY_ACCOUNT)]]

    def live(self, session_id: str) -> Session | None:
        """One that still counts."""
        session = self.all.find(session_id)
        return session if session is not None and rules.session_live(session, self._seen_at(session), self._real.now()) else None

    def touch(self, session_id: str) -> None:
        self._seen[session_id] = self._real.now()

    def of(self, account_id: str) -> list[Session]:
        """The live ones of an account, the last used first, each with when it was last used."""
        live = [one for one in self.all.in_states(account_id) if self.live(one.session_id) is not None]
        return sorted((replace(one, seen_at=self._seen_at(one)) for one in live), key=lambda one: one.seen_at, reverse=True)

    def ended(self, account_id: str) -> list[Remove]:
        """To end all of an account's."""
        return [self.end(one.session_id) for one in self.all.in_states(account_id)]

    def end(self, session_id: str) -> Remove:
        self._seen.pop(session_id, None)
        return self.all, session_id

    def stale(self) -> tuple[list[Save], list[Remove]]:
        """Those that have ended, to be forgotten, and when the others were last used, to be kept."""
        ended: list[Remove] = []
        used: list[Save] = []
        for session in self.all.all():
            if self.live(session.session_id) is None:
                ended.append(self.end(session.session_id))
            elif self._seen_at(session) != session.seen_at:
                used.append((self.all, replace(session, seen_at=self._seen_at(session))))
        return used, ended

    def _seen_at(self, session: Session) -> datetime:
        return self._seen.get(session.session_id, session.seen_at)
