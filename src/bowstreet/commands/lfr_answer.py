"""An adjudicating officer answers alerts at the terminal: claim, look, decide, and say what came of it (R11).

By the services and the policy that the console's page goes by; a look is on record before the two pictures are shown.
"""

import asyncio
from collections.abc import Iterable

from bowstreet.accountability.model import Action
from bowstreet.accountability.processing import rules as processing
from bowstreet.commands import lfr_pictures
from bowstreet.commands.output import say
from bowstreet.commands.person import Person, about
from bowstreet.commands.terminal import Terminal
from bowstreet.console.alerts import A_PERSON_DECIDES
from bowstreet.errors import BowstreetError, NotFound, NotPermitted, NotSignedIn, TerminalClosed
from bowstreet.process import Process
from bowstreet.recognition.alerts import rules
from bowstreet.recognition.alerts.model import Alert, AlertState, Disposal, IdentityFound, Judgement, NotEngaged, Probe

LOOK, LEAVE = "look at both pictures", "leave it to others"
ENGAGE, DO_NOT, COMPARE = "walk up to the person", "do not", "look at both pictures again"
LATER = "not known yet"
AGAIN = "draw them again, the terminal is larger now"
SMALL = "This terminal is too small to compare faces: make it larger, or its letters smaller, and have them drawn again.\n"


class Answers:
    """One officer's, of one deployment."""

    def __init__(self, process: Process, terminal: Terminal, officer: Person, deployment_id: str) -> None:
        self._process, self._terminal, self._officer = process, terminal, officer
        self._alerts = process.recognition.alerts
        self._deployment_id = deployment_id
        self._left: set[str] = set()  # to others
        self._over: set[str] = set()  # not to be answered here any more
        self._taken: set[str] = set()  # here, not at the console
        self._later: set[str] = set()  # outcomes that were not known when they were asked for
        self._came = asyncio.Event()
        self.ending = False

    def hear(self) -> None:
        """An alert is new, or changed."""
        self._came.set()

    def waiting(self) -> list[Alert]:
        """What this officer has yet to answer, alerts before outcomes, the oldest first."""
        mine = sorted(self._alerts.of(self._deployment_id), key=lambda one: (one.state is AlertState.ENGAGED, one.raised_at))
        return [one for one in mine if self._is_asked(one)]

    def _is_asked(self, one: Alert) -> bool:
        if one.alert_id in self._over:
            return False
        if one.state is AlertState.ENGAGED:
            return self._is_mine(one) and (self.ending or one.alert_id not in self._later)
        if one.state is AlertState.CLAIMED:
            return self._is_mine(one) and one.alert_id in self._taken
        return one.state is AlertState.RAISED and one.alert_id not in self._left

    def _is_mine(self, one: Alert) -> bool:
        return one.claimed_by == self._officer.account_id

    async def run(self) -> None:
        """Until cancelled. An answer that cannot be taken, or a password, is asked for again: nothing ends the answering."""
        while True:
            self._came.clear()
            for one in self.waiting()[:1]:
                try:
                    await self._step(one)
                except BowstreetError as error:
                    say(str(error))
                self._came.set()
            await self._came.wait()

    async def _step(self, one: Alert) -> None:
        try:
            await (self._outcome(one) if one.state is AlertState.ENGAGED else self._answer(one))
        except NotSignedIn:
            await self._officer.again(await self._terminal.secret(f"Password of '{self._officer.name}', again: "))
        except (TerminalClosed, NotPermitted, NotFound):
            # Not one that was lost to time or to somebody faster: it may be all's again.
            self._over.add(one.alert_id)
            raise

    async def _answer(self, one: Alert) -> None:
        if await self._terminal.choice(f"{one.alert_id}: answer it?", (LOOK, LEAVE)) == LEAVE:
            await self._leave(one.alert_id)
            return
        await self._officer.may(Action.ADJUDICATE, about(one.alert_id), places=(one.borough,))
        await self._alerts.claim(one.alert_id, self._officer.account_id)
        self._taken.add(one.alert_id)
        engage, judgement, why_not = await self._decision(one)
        await self._officer.may(Action.ADJUDICATE, about(one.alert_id), places=(one.borough,))
        await self._alerts.decide(one.alert_id, self._officer.account_id, engage=engage, judgement=judgement, why_not=why_not)

    async def _leave(self, alert_id: str) -> None:
        self._left.add(alert_id)
        one = self._alerts.get(alert_id)
        if one.state is AlertState.CLAIMED and self._is_mine(one):
            await self._officer.may(Action.ADJUDICATE, about(alert_id), places=(one.borough,))
            await self._alerts.release(alert_id, self._officer.account_id)

    async def _decision(self, one: Alert) -> tuple[bool, Judgement, NotEngaged | None]:
        """Whether to engage, what the officer sees, and why not."""
        while True:
            judgement = await self._compared(one)
            said = await self._terminal.choice("Your decision:", _decisions(judgement))
            if said != COMPARE:
                break
        if said == ENGAGE:
            return True, judgement, None
        why_not = rules.reasons(judgement)
        if len(why_not) > 1:
            return False, judgement, NotEngaged(await self._terminal.choice("Why not?", _values(why_not)))
        return False, judgement, why_not[0]

    async def _compared(self, one: Alert) -> Judgement:
        """Both pictures, and what the officer sees in them; they leave the screen with the answer."""
        identity = await self._officer.may(Action.SEE_ALERTS, about(one.alert_id), places=(one.borough,), changes=False)
        why = processing.justified(identity.role, None, acts=True, standing=True)
        seen, probe = await self._alerts.view(one.alert_id, identity, why, adjudicates=True)
        try:
            while True:
                lfr_pictures.show(await self._shown(seen, probe))
                said = await self._terminal.choice("What do you see?", (*_values(Judgement), AGAIN))
                if said != AGAIN:
                    return Judgement(said)
        finally:
            lfr_pictures.put_away()

    async def _shown(self, one: Alert, probe: Probe) -> str:
        name, reference, images = self._process.recognition.as_listed(one)
        camera = self._process.recognition.planning.cameras[one.camera_id].name
        marks = ", under 18 or vulnerable" if one.minor_or_vulnerable else ""
        small = SMALL if lfr_pictures.side_px() < lfr_pictures.LEAST_SIDE else ""
        words = (
            f"{small}{A_PERSON_DECIDES}\n\nLeft: {camera}, {one.seen_at:%H:%M:%S} UTC, score {one.score:.2f}, threshold "
            f"{one.threshold:g}, quality {one.quality:.0%}.\n"
            f"Right: {name}, {reference}; {one.category}, risk {one.risk}{marks}.\n"
        )
        return f"{await lfr_pictures.beside([probe.image, *images[:1]])}\n\n{words}"

    async def _outcome(self, one: Alert) -> None:
        said = await self._terminal.choice(f"{one.alert_id}: who was it?", (*_values(IdentityFound), LATER))
        if said == LATER:
            self._later.add(one.alert_id)
            return
        identity = IdentityFound(said)
        disposal = Disposal(await self._terminal.choice("What came of it?", _values(rules.disposals(identity))))
        await self._officer.may(Action.ADJUDICATE, about(one.alert_id), places=(one.borough,))
        await self._alerts.settle(one.alert_id, self._officer.account_id, identity, disposal)


def _decisions(judgement: Judgement) -> tuple[str, ...]:
    return (ENGAGE, DO_NOT, COMPARE) if rules.may_engage(judgement) else (DO_NOT, COMPARE)


def _values(kind: Iterable[Judgement | NotEngaged | IdentityFound | Disposal]) -> tuple[str, ...]:
    return tuple(one.value for one in kind)
