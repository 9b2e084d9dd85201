"""Makes links for officers, opens them to the devices they are bound to, and ends them: on record, and at once."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from bowstreet.accountability import credentials
from bowstreet.accountability.accounts import Accounts
from bowstreet.accountability.authority.policy import What
from bowstreet.accountability.model import Action
from bowstreet.accountability.recorder import Recorder
from bowstreet.dispatch.officers import rules
from bowstreet.dispatch.officers.model import LinkEnd, LinkPurpose, LinkState, OfficerLink
from bowstreet.errors import BowstreetError, Conflict, NotSignedIn, Refused
from bowstreet.geo import Position
from bowstreet.intake.model import IncidentState
from bowstreet.intake.service import IntakeService
from bowstreet.messages import IncidentChanged, OfficerLinkChanged
from bowstreet.runtime.ports import Clock, Ids, Store
from bowstreet.runtime.records import Collection

log = structlog.get_logger(__name__)

OnEnded = Callable[[str], None]


class OfficerLinks:
    """All links of one operation.

    Args:
        clock: the run's, for the record.
        real_clock: for expiry.
    """

    retention_class = "officer-link"

    def __init__(
        self, recorder: Recorder, clock: Clock, real_clock: Clock, ids: Ids, intake: IntakeService, accounts: Accounts
    ) -> None:
        self._recorder, self._clock, self._real, self._ids = recorder, clock, real_clock, ids
        self._intake, self._accounts = intake, accounts
        self.links: Collection[OfficerLink] = Collection(
            "officer-link", OfficerLink, id_of=lambda one: one.link_id, state_of=lambda one: one.state
        )
        self._by_digest: dict[str, str] = {}
        self._cut: set[str] = set()  # ended for everybody, though the record of it may still be owed
        self._on_ended: list[OnEnded] = []
        recorder.bus.subscribe(IncidentChanged, self._on_incident)

    async def load(self, store: Store) -> None:
        await self.links.load(store)
        self._by_digest = {one.digest: one.link_id for one in self.links.all()}

    def listen(self, on_ended: OnEnded) -> None:
        """Told the id of every link that ends, before that is on record: what is open by it is to be closed."""
        self._on_ended.append(on_ended)

    # --- for the room -------------------------------------------------------------------------------------------------

    async def make(
        self, incident_id: str, recipient: str, purpose: LinkPurpose, by: str, lasts: timedelta, *, words: bool = False,
        devices: int = 1,
    ) -> tuple[OfficerLink, str]:  # fmt: skip
        """A link, and its secret, which is kept nowhere.

        Raises:
            NotFound: no such incident.
            Conflict: it is closed.
            BadInput: the recipient, the time or the number of devices will not do.
            Refused: too many are open for this incident.
        """
        incident = self._intake.incidents.get(incident_id)
        if incident.state is IncidentState.CLOSED:
            raise Conflict("the incident is closed", remedy="links end with their incident")
        if len(self.standing(incident_id)) >= rules.MOST_OPEN:
            raise Refused("too many links are open for this incident", remedy="revoke one that is not used")
        secret = credentials.new_token()
        link = rules.made(
            self._ids.new("lnk"), incident_id, credentials.digest(secret), recipient, purpose, by, self._real.now(), lasts,
            words=words, devices=devices,
        )  # fmt: skip
        await self._record(link, "made", by)
        self._by_digest[link.digest] = link.link_id
        return link, secret

    async def revoke(self, link_id: str, by: str) -> OfficerLink:
        """End it now. One that is over stays as it is. Raises `NotFound`."""
        link = self.links.get(link_id)
        if link.ended is None:
            await self._end(link, LinkEnd.REVOKED, by)
        return self.links.get(link_id)

    def of_incident(self, incident_id: str) -> list[OfficerLink]:
        """Newest first."""
        found = [one for one in self.links.all() if one.incident_id == incident_id]
        return sorted(found, key=lambda one: one.made_at, reverse=True)

    def standing(self, incident_id: str) -> list[OfficerLink]:
        """Those that open something now."""
        return [one for one in self.of_incident(incident_id) if self.ending(one) is None]

    # --- for the phone ------------------------------------------------------------------------------------------------

    async def open(self, secret: str, device_of: Callable[[str], str]) -> tuple[OfficerLink, str]:
        """The link with this secret, bound to this device, on record before; and the secret that the browser is to keep.

        Args:
            device_of: what the browser kept of the link with this id, "" for nothing. A new device is always given a new secret:
                one that somebody put there before would be known to them.

        Raises:
            NotSignedIn: there is no such link.
            Refused: it is over, or open on another device, which is on record too.
        """
        digest = credentials.digest(secret)
        link = self.links.find(self._by_digest.get(digest, ""))
        if link is None or not credentials.same(link.digest, digest):
            raise NotSignedIn("this link opens nothing", remedy="ask the control room for a new one")
        self._require_standing(link)
        kept = device_of(link.link_id)
        if kept and rules.is_bound_to(link, credentials.digest(kept)):
            return link, kept
        device = credentials.new_token()
        try:
            after = rules.opened(link, credentials.digest(device), self._real.now())
        except Refused:
            if link.turned_away < rules.MOST_TURNED_AWAY:
                await self._record(rules.turned_away(link), "turned-away", link.link_id)
            raise
        await self._record(after, "opened", link.link_id)
        return after, device

    def visited(self, link_id: str, device: str) -> OfficerLink:
        """The link that this device has open.

        Raises:
            NotSignedIn: it is not bound to this device.
            Refused: it is over.
        """
        link = self.links.find(link_id)
        if link is None or not rules.is_bound_to(link, credentials.digest(device)):
            raise NotSignedIn("this link is not open here", remedy="open it again as you were given it")
        self._require_standing(link)
        return link

    def holds(self, link_id: str) -> bool:
        """Whether it still opens something: asked again and again while somebody looks."""
        link = self.links.find(link_id)
        return link is not None and self.ending(link) is None

    def ending(self, link: OfficerLink) -> LinkEnd | None:
        """Why it opens nothing now; None when it does."""
        if link.ended is None and link.link_id in self._cut:
            return LinkEnd.REVOKED
        incident = self._intake.incidents.find(link.incident_id)
        closed = incident is None or incident.state is IncidentState.CLOSED
        return rules.ending(
            link, self._real.now(), incident_closed=closed, maker_may=incident is None or self._maker_may(link, incident.position)
        )

    def _maker_may(self, link: OfficerLink, position: Position) -> bool:
        borough = self._intake.area.borough_of(position)
        what = What(thing=link.incident_id, borough="" if borough is None else borough.name)
        return self._accounts.may_now(link.made_by, Action.LINK_OFFICERS, what)

    def _require_standing(self, link: OfficerLink) -> None:
        why = self.ending(link)
        if why is not None:
            raise Refused(_OVER[why], remedy="ask the control room for another")

    # --- how they end -------------------------------------------------------------------------------------------------

    async def work(self) -> None:
        """Every second or so: what is over is noted, and what is open by it is closed."""
        for link in self.links.in_states(LinkState.MADE, LinkState.OPENED):
            why = self.ending(link)
            if why is not None:
                await self._try_to_end(link, why)

    async def _on_incident(self, message: IncidentChanged) -> None:
        if message.state != IncidentState.CLOSED:
            return
        for link in self.of_incident(message.incident_id):
            if link.ended is None:
                await self._try_to_end(link, LinkEnd.INCIDENT_CLOSED)

    async def _try_to_end(self, link: OfficerLink, why: LinkEnd) -> None:
        try:
            await self._end(link, why, "")
        except BowstreetError as error:  # it opens nothing all the same; the record of it is tried again
            log.error("the end of a link could not be recorded", link=link.link_id, problem=error.problem)

    async def _end(self, link: OfficerLink, why: LinkEnd, by: str) -> None:
        """First nobody sees any more by it, then it is recorded."""
        self._cut.add(link.link_id)
        for on_ended in self._on_ended:
            on_ended(link.link_id)
        await self._record(rules.ended(link, why, self._real.now()), "ended", by)
        self._cut.discard(link.link_id)

    async def _record(self, link: OfficerLink, change: str, by: str) -> None:
        said = OfficerLinkChanged(
            at=self._clock.now(), link_id=link.link_id, incident_id=link.incident_id, change=change, by=by, purpose=link.purpose,
            expires_at=link.expires_at, words=link.words, devices=len(link.devices), most_devices=link.most_devices,
            why="" if link.ended is None else link.ended,
        )  # fmt: skip
        await self._recorder.record(save=[(self.links, link)], messages=[said])

    # --- for retention, and for the log of processing -----------------------------------------------------------------

    def recipients(self) -> dict[str, str]:
        """For whom each link was made, by its id: for those who may read the log of processing."""
        return {one.link_id: f"officer {one.recipient}" for one in self.links.all()}

    async def since(self) -> Iterable[tuple[str, datetime]]:
        return [(one.link_id, one.ended_at) for one in self.links.all() if one.ended_at is not None]

    def records_of(self, subject_id: str) -> Sequence[tuple[Collection[Any], str]]:
        return [(self.links, subject_id)]


_OVER = {
    LinkEnd.REVOKED: "the control room has ended this link",
    LinkEnd.EXPIRED: "the time of this link is up",
    LinkEnd.INCIDENT_CLOSED: "the incident is closed, and the link with it",
    LinkEnd.MAKER_MAY_NOT: "whoever made this link may not give it any more",
}
