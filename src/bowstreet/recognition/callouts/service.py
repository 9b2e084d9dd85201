"""The phones that are called when an alert waits: entered and taken out on record, called beside the alerts' own way.

Nothing waits for a call: alerts are raised, shown over the page's connection and decided on as if there were none.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import structlog
from msgspec.structs import replace

from bowstreet.accountability.accounts import Accounts
from bowstreet.accountability.authority.policy import What
from bowstreet.accountability.model import Action, Session
from bowstreet.accountability.recorder import NOT_RECORDED, Recorder
from bowstreet.errors import BadInput, BowstreetError, NotFound, NotSignedIn, Refused
from bowstreet.messages import AccountChanged, PushSubscriptionChanged
from bowstreet.recognition.alerts.model import Alert
from bowstreet.recognition.callouts import rules
from bowstreet.recognition.callouts.model import (
    Answer,
    Call,
    Ending,
    PushPolicy,
    Subscription,
    SubscriptionState,
)
from bowstreet.recognition.callouts.ports import Sender
from bowstreet.recognition.callouts.rules import Waiting
from bowstreet.recognition.ports import Erase
from bowstreet.runtime.metrics import Metrics
from bowstreet.runtime.ports import Clock, Ids, Store
from bowstreet.runtime.records import Collection

log = structlog.get_logger(__name__)

PROGRAM = "program"
# Calls under way at once; what comes beyond is counted as given up. Five phones of 2,000 officers are not called in one second.
MOST_UNDER_WAY, AT_ONCE = 4_000, 16


class Callouts:
    """All subscriptions of one operation.

    Args:
        clock: the run's, for the record and for how long an alert waits.
        real_clock: for sign-ins, and between attempts.
        application_server_key: what browsers are given, base64url.
    """

    retention_class = "push-subscription"

    def __init__(
        self, recorder: Recorder, clock: Clock, real_clock: Clock, ids: Ids, accounts: Accounts, sender: Sender,
        policy: PushPolicy, application_server_key: str,
    ) -> None:  # fmt: skip
        self.policy, self.application_server_key = policy, application_server_key
        self.outcomes: Counter[str] = Counter()
        self.erase: Erase | None = None  # set by wiring, which makes retention later
        self._recorder, self._clock, self._real, self._ids = recorder, clock, real_clock, ids
        self._accounts, self._sender = accounts, sender
        self._all: Collection[Subscription] = Collection(
            "push-subscription", Subscription, id_of=lambda one: one.subscription_id, state_of=lambda one: one.state
        )
        self._waiting: dict[str, Waiting] = {}  # of the alerts that officers are called for now
        self._under_way: dict[asyncio.Task[None], str] = {}  # the alert of each call
        self._closed = False
        self._at_once = asyncio.Semaphore(AT_ONCE)
        recorder.bus.subscribe(AccountChanged, self._on_account)

    async def load(self, store: Store) -> None:
        await self._all.load(store)

    def register(self, metrics: Metrics) -> None:
        metrics.read_counts(
            "push_calls", "Calls to officers' phones, by what came of an attempt", "outcome", lambda: self.outcomes
        )
        metrics.read_gauge(
            "push_subscriptions", "Phones that are called when an alert waits", lambda: float(len(self.standing()))
        )

    async def close(self) -> None:
        """No call goes out any more."""
        self._closed = True
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._sender.close()

    # --- for officers --------------------------------------------------------------------------------------------------------

    def standing(self, account_id: str = "") -> list[Subscription]:
        """Those that are called, of one account or of all."""
        return [one for one in self._all.in_states(SubscriptionState.STANDS) if account_id in ("", one.account_id)]

    async def subscribe(
        self, account_id: str, session_id: str, endpoint: str, public_key: str, secret: str, consent: str
    ) -> Subscription:
        """Call this browser when an alert waits; given again, its leave lasts as long as the present sign-in.

        Raises:
            BadInput: it is no address, or consent is to other words than these.
            Refused: its push service is not allowed, or too many phones are called.
            NotSignedIn: the sign-in is over.
        """
        if not self.policy.enabled:
            raise Refused("phones are not called here", remedy="keep the page open; the operator has this switched off")
        if consent != rules.CONSENT:
            raise BadInput("consent was given to other words", remedy="load the page again, and read what it says now")
        address = rules.push_address(endpoint, public_key, secret, self.policy.hosts)
        known, session = self._room(account_id, session_id, endpoint)
        while other := next((one for one in self._with(endpoint) if one.account_id != account_id), None):  # it changed hands
            await self.end(other, Ending.TAKEN_OVER, PROGRAM)
            known, session = self._room(account_id, session_id, endpoint)  # as it is now: the same phone may have asked twice
        made = Subscription(
            subscription_id=self._ids.new("psh") if known is None else known.subscription_id, account_id=account_id,
            session_id=session_id, host=rules.endpoint_host(endpoint), address=address, consent=consent,
            made_at=self._real.now() if known is None else known.made_at, until=session.expires_at,
        )  # fmt: skip
        await self._save(made, "subscribed" if known is None else "renewed", account_id)
        return made

    def _with(self, endpoint: str) -> list[Subscription]:
        return [one for one in self.standing() if one.address and one.address.endpoint == endpoint]

    def _room(self, account_id: str, session_id: str, endpoint: str) -> tuple[Subscription | None, Session]:
        """This phone of this account as it stands, and the sign-in that it goes by. Raises `NotSignedIn`, `Refused`."""
        session = self._accounts.sessions.live(session_id)
        if session is None or session.account_id != account_id:
            raise NotSignedIn("the sign-in is over", remedy="sign in again")
        known = next((one for one in self._with(endpoint) if one.account_id == account_id), None)
        if known is None and len(self.standing(account_id)) >= rules.MOST_BY_ACCOUNT:
            raise Refused("too many phones are called for this account", remedy="take one of them out")
        if known is None and len(self.standing()) >= rules.MOST_IN_ALL:
            raise Refused("too many phones are called", remedy="keep the page open")
        return known, session

    async def unsubscribe(self, account_id: str, subscription_id: str) -> None:
        """Raises `NotFound` for one that is not there, is over, or is another's: it is not said which."""
        one = self._all.find(subscription_id)
        if one is None or one.account_id != account_id or one.state is SubscriptionState.ENDED:
            raise NotFound("there is no such phone of yours", remedy="see the list of yours")
        await self.end(one, Ending.BY_OFFICER, account_id)

    # --- how they end --------------------------------------------------------------------------------------------------------

    def ending(self, one: Subscription) -> Ending | None:
        """Why a phone is not to be called now; None when it is."""
        if not self.policy.enabled or not rules.host_allowed(one.host, self.policy.hosts):
            return Ending.SWITCHED_OFF
        if self._real.now() >= one.until:
            return Ending.TIME_UP
        if one.session_id and one.session_id not in self._accounts.sessions.all:
            return Ending.SIGNED_OUT
        if not self._accounts.may_now(one.account_id, Action.ADJUDICATE):
            return Ending.MAY_NOT
        return None

    async def work(self) -> None:
        """Every second or so: who is not to be called any more is taken out, and what is over is destroyed."""
        for subscription_id in [one.subscription_id for one in self.standing()]:
            one = self._stands(subscription_id)  # as it is now: its officer may have taken it out while another was written
            if one is None:
                continue
            try:
                why = self.ending(one)
                if why is not None:
                    await self.end(one, why, PROGRAM)
                elif one.session_id and self._accounts.sessions.live(one.session_id) is None:
                    # Left alone, not signed out: still to be called.
                    await self._recorder.record(save=[(self._all, replace(one, session_id=""))])
            except NOT_RECORDED as error:  # it is not called all the same; tried again in a second
                log.error("the end of a subscription could not be recorded", problem=error.problem)
        for over in self._all.in_states(SubscriptionState.ENDED):
            await self._destroy(over.subscription_id)

    def _stands(self, subscription_id: str) -> Subscription | None:
        one = self._all.find(subscription_id)
        return None if one is None or one.state is SubscriptionState.ENDED else one

    async def end(self, one: Subscription, why: Ending, by: str) -> None:
        """Its address and keys go from the record with the entry that says so; then what is left is destroyed, with a receipt."""
        over = replace(
            one, session_id="", address=None, state=SubscriptionState.ENDED, ended_at=self._clock.now(), ending=why
        )  # fmt: skip
        await self._save(over, "ended", by)
        await self._destroy(over.subscription_id)

    async def _destroy(self, subscription_id: str) -> None:
        if self.erase is None:
            return
        try:
            await self.erase(self.retention_class, subscription_id, PROGRAM)
        except (Refused, NotFound):  # a legal hold, on record: retention goes on when it ends
            log.warning("an ended subscription is not destroyed yet", subscription=subscription_id)
        except NOT_RECORDED as error:
            log.error("an ended subscription could not be destroyed yet", problem=error.problem)

    async def _on_account(self, message: AccountChanged) -> None:
        """Whatever ends an account's sign-ins ends its calls, those too that outlive a sign-in left alone."""
        if message.change not in ("disabled", "password", "sessions-ended"):
            return
        for subscription_id in [one.subscription_id for one in self.standing(message.subject)]:
            try:
                if (one := self._stands(subscription_id)) is not None:
                    await self.end(one, Ending.ACCOUNT_CHANGED, message.by)
            except BowstreetError as error:
                log.error("the end of a subscription could not be recorded", problem=error.problem)

    async def _save(self, one: Subscription, change: str, by: str) -> None:
        said = PushSubscriptionChanged(
            at=self._clock.now(), subject=one.account_id, subscription_id=one.subscription_id, change=change, by=by,
            host=one.host, until=one.until, consent=one.consent, why="" if one.ending is None else one.ending,
        )  # fmt: skip
        await self._recorder.record(save=[(self._all, one)], messages=[said])

    # --- calls ---------------------------------------------------------------------------------------------------------------

    def hear(self, alert: Alert) -> None:
        """An alert is as it is now. Gives back at once, raises nothing: what is wrong with calls is no matter of alerts."""
        if not self._closed:
            asyncio.get_running_loop().call_soon(self._heard, alert)

    def _heard(self, alert: Alert) -> None:
        waiting, before = rules.waits(alert), self._waiting.get(alert.alert_id)
        if waiting == before:
            return
        self._cancel(alert.alert_id)
        if waiting is None:
            self._waiting.pop(alert.alert_id, None)
            return
        self._waiting[alert.alert_id] = waiting
        place = What(thing=alert.alert_id, borough=alert.borough)
        for one in self.standing():
            if one.account_id == waiting.not_for or self.ending(one) is not None:
                continue
            if not self._accounts.may_now(one.account_id, Action.ADJUDICATE, place):
                continue
            if len(self._under_way) >= MOST_UNDER_WAY:
                self.outcomes["given-up"] += 1
                continue
            call = Call(alert_id=alert.alert_id, deployment_id=alert.deployment_id)
            task = asyncio.get_running_loop().create_task(self._call(call, one.subscription_id, waiting.until), name="call-out")
            self._under_way[task] = alert.alert_id
            task.add_done_callback(self._called)

    def _cancel(self, alert_id: str) -> None:
        for task in [task for task, about in self._under_way.items() if about == alert_id]:
            task.cancel()

    def _called(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        if not task.cancelled() and task.exception() is not None:
            self.outcomes["failed"] += 1
            log.error("a call-out failed", error=type(task.exception()).__name__)

    async def _call(self, call: Call, subscription_id: str, until: datetime) -> None:
        """Try until it is sent, never will be, or helps nobody any more."""
        tries = 0
        while True:
            one, left_s = self._all.find(subscription_id), (until - self._clock.now()).total_seconds()
            if one is None or one.address is None or self.ending(one) is not None or left_s <= 0:
                return
            async with self._at_once:
                attempt = await self._sender.send(call, one.address, left_s)
            tries += 1
            left_s = (until - self._clock.now()).total_seconds()
            wait_s = rules.next_wait(attempt, tries, left_s)
            given_up = attempt.answer is Answer.LATER and wait_s is None
            self.outcomes["given-up" if given_up else attempt.answer] += 1
            if attempt.answer is not Answer.SENT:
                log.warning("a phone was not called", host=one.host, answer=attempt.answer, why=attempt.why, tries=tries)
            if attempt.answer is Answer.GONE and (gone := self._stands(subscription_id)) is not None:
                await self.end(gone, Ending.GONE, PROGRAM)
            if wait_s is None:
                return
            await self._real.sleep(wait_s)

    # --- retention -----------------------------------------------------------------------------------------------------------

    async def since(self) -> Iterable[tuple[str, datetime]]:
        return [(one.subscription_id, one.ended_at) for one in self._all.all() if one.ended_at is not None]

    def records_of(self, subject_id: str) -> Sequence[tuple[Collection[Any], str]]:
        return [(self._all, subject_id)]
