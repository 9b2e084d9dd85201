"""Who comes by a link: the browser that it is bound to, and nobody else. Guessing is refused, counted and recorded."""

import asyncio
from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.responses import Response

from bowstreet.accountability.processing.model import Justification, Matter
from bowstreet.console.access import address_of
from bowstreet.console.desk import Desk
from bowstreet.console.limits import Buckets, Rate
from bowstreet.console.officer.situation import Situations
from bowstreet.console.viewings import Guest, Viewings
from bowstreet.dispatch.officers import rules
from bowstreet.dispatch.officers.model import OfficerLink
from bowstreet.errors import NotSignedIn, TooManyAttempts

# Only what is wrong counts: officers share their carrier's addresses with everybody, and a right link must open at once.
GUESSES = Rate(burst=10, per_s=1 / 60)
COOKIE_PATH = "/api/v1/officer"
ROLE = "officer"


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """A browser that has a link open."""

    link: OfficerLink
    guest: Guest

    @property
    def account_id(self) -> str:
        return self.link.link_id

    @property
    def role(self) -> str:
        return ROLE


class Visits:
    """All that is open by links, and how it is cut."""

    def __init__(self, desk: Desk, viewings: Viewings, situations: Situations) -> None:
        links = desk.services.officer_links
        self._desk, self._links, self._viewings, self._situations = desk, links, viewings, situations
        self._access = desk.access
        self._guesses = Buckets(GUESSES, desk.services.real_clock)
        self._sockets: dict[str, set[asyncio.Event]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        links.listen(self._cut)

    def cookie(self, link_id: str) -> str:
        """One for each link, so that an officer may have several."""
        return f"{'__Secure-' if self._desk.settings.https else ''}bowstreet-{link_id}"

    async def open(self, connection: HTTPConnection, secret: str) -> tuple[Visitor, str]:
        """The visitor that opens a link, and the secret of their device; on record before.

        Raises:
            NotSignedIn: there is no such link.
            Refused: it is over, or open elsewhere.
            TooManyAttempts: too many wrong ones came from this address.
        """
        try:
            link, device = await self._links.open(secret, lambda link_id: connection.cookies.get(self.cookie(link_id), ""))
        except NotSignedIn:
            await self._refuse(connection, "no-such-link")
            raise
        visitor = self._visitor(link)
        await self._desk.services.consultations.record(visitor, Matter.OFFICER_PAGE, link.incident_id, visitor.guest.why)
        return visitor, device

    async def visitor(self, connection: HTTPConnection, link_id: str) -> Visitor:
        """Whoever has this link open. Raises as `open` does."""
        try:
            link = self._links.visited(link_id, connection.cookies.get(self.cookie(link_id), ""))
        except NotSignedIn:
            await self._refuse(connection, "not-this-device")
            raise
        return self._visitor(link)

    def give_cookie(self, answer: Response, link_id: str, device: str) -> Response:
        """Out of reach of scripts and other sites, sent to this page's own addresses only."""
        answer.set_cookie(
            self.cookie(link_id), device, max_age=int(rules.LONGEST.total_seconds()), path=COOKIE_PATH,
            secure=self._desk.settings.https, httponly=True, samesite="strict",
        )  # fmt: skip
        return answer

    def sits(self, link_id: str) -> asyncio.Event:
        """A socket is open by this link: the event is set when it must close. Hand it back with `left`."""
        cut = asyncio.Event()
        self._sockets.setdefault(link_id, set()).add(cut)
        return cut

    def left(self, link_id: str, cut: asyncio.Event) -> None:
        here = self._sockets.get(link_id, set())
        here.discard(cut)
        if not here:
            self._sockets.pop(link_id, None)

    def open_now(self, link_id: str) -> int:
        """How many sockets are open by this link: whether somebody looks now."""
        return len(self._sockets.get(link_id, ()))

    def _visitor(self, link: OfficerLink) -> Visitor:
        guest = Guest(
            account_id=link.link_id, incident_id=link.incident_id, why=Justification.INCIDENT_HANDLING,
            holds=lambda: self._links.holds(link.link_id),
        )  # fmt: skip
        return Visitor(link=link, guest=guest)

    async def _refuse(self, connection: HTTPConnection, rule: str) -> None:
        address = address_of(connection)
        allowed = self._guesses.take(address)
        await self._access.denied(address, "open-link", rule)
        if not allowed:
            raise TooManyAttempts(
                "too many links that open nothing came from here", remedy="wait some minutes, and open your own"
            )

    def _cut(self, link_id: str) -> None:
        for cut in tuple(self._sockets.get(link_id, ())):
            cut.set()
        self._situations.forget(link_id)
        task = asyncio.ensure_future(self._viewings.cut(link_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
