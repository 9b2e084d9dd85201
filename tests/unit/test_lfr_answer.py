"""An officer who answers at a terminal: what is offered fits, and neither a slip nor a mistyped password ends the answering. Real
accounts, alerts and pictures; only the terminal is a list of what is typed."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import argon2
import pytest
from tests.unit.recognition_world import NOW, World

from bowstreet.accountability.accounts import Accounts
from bowstreet.accountability.credentials import Passwords
from bowstreet.accountability.model import Role
from bowstreet.commands.lfr_answer import COMPARE, DO_NOT, ENGAGE, LATER, LEAVE, LOOK, Answers
from bowstreet.commands.person import Person, sign_in
from bowstreet.commands.terminal import Terminal
from bowstreet.errors import BadInput, StoreUnavailable, TerminalClosed
from bowstreet.process import Process
from bowstreet.recognition.alerts import rules
from bowstreet.recognition.alerts.model import Alert, AlertState, Disposal, IdentityFound, Judgement, NotEngaged

NAME, PASSWORD = "D. Constable", "three unrelated words"
CLOSED = "the terminal is closed"
Line = str | Callable[[], Coroutine[Any, Any, None]]


@dataclass
class Typed:
    """A terminal at which this is typed, or done, one after the other; `asked` is what was asked, with what was offered."""

    lines: list[Line]
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    async def choice(self, question: str, answers: Sequence[str]) -> str:
        self.asked.append((re.sub(r"^alr-\w+", "alert", question), tuple(answers)))
        said = await self._next()
        assert said in answers, f"{question} offers {answers}, and not {said}"
        return said

    async def secret(self, question: str) -> str:
        self.asked.append((question, ()))
        return await self._next()

    async def _next(self) -> str:
        if not self.lines:
            await asyncio.Event().wait()
        said = self.lines.pop(0)
        if callable(said):
            await said()
            return await self._next()
        if said == CLOSED:
            self.lines.insert(0, CLOSED)
            raise TerminalClosed(CLOSED, remedy="run it again")
        return said

    @property
    def questions(self) -> list[str]:
        return [question for question, _ in self.asked]


class Desk:
    """An officer signed in, one alert, and the answering of it."""

    def __init__(self, world: World, officer: Person, accounts: Accounts, alert: Alert) -> None:
        self.world, self.officer, self.accounts, self.alert_id = world, officer, accounts, alert.alert_id
        self.answers: Answers
        self.answering: asyncio.Task[None] | None = None

    def types(self, *lines: Line) -> Typed:
        terminal = Typed(list(lines))
        process = SimpleNamespace(recognition=self.world.recognition)
        deployment_id = self.world.alerts.get(self.alert_id).deployment_id
        self.answers = Answers(cast(Process, process), cast(Terminal, terminal), self.officer, deployment_id)
        self.world.alerts.listen(lambda _: self.answers.hear())
        self.answering = asyncio.ensure_future(self.answers.run())
        return terminal

    @property
    def alert(self) -> Alert:
        return self.world.alerts.get(self.alert_id)

    async def until(self, state: AlertState) -> Alert:
        assert self.answering is not None
        async with asyncio.timeout(30.0):
            while self.alert.state is not state:
                assert not self.answering.done()
                await asyncio.sleep(0.01)
        return self.alert

    async def end_session(self) -> None:
        await self.accounts.end_session(self.officer.identity, self.accounts.sessions.of(self.officer.account_id)[0].session_id)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    world = await World(tmp_path / "data").started()
    cheap = Passwords(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    accounts = Accounts(world.recorder, world.clock, world.ids, passwords=cheap, real_clock=world.clock)
    await accounts.load(world.store)
    token = await accounts.new_setup_token()
    assert token is not None
    supervisor = (await accounts.set_up(token, "A supervisor", PASSWORD, "test")).identity
    await accounts.create(supervisor, NAME, Role("adjudicating-officer"), PASSWORD)
    officer = await sign_in(accounts, NAME, PASSWORD)
    one = await world.running()
    raised = await world.recognition.submit(world.sighting(one.deployment_id, world.person_id(one.deployment_id, "P001")))
    assert isinstance(raised, Alert)
    made = Desk(world, officer, accounts, raised)
    yield made
    if made.answering is not None:
        made.answering.cancel()
        await asyncio.gather(made.answering, return_exceptions=True)
    accounts.close()
    await world.close()


# --- answers that fit ----------------------------------------------------------------------------------------------------------


def ready(state: AlertState) -> Alert:
    made = Alert(
        alert_id="alr-1", deployment_id="dep-1", camera_id="north", track_id="1", person_id="per-1", category=cast(Any, "wanted"),
        risk=cast(Any, "none-known"), minor_or_vulnerable=False, score=0.7, threshold=0.5, quality=0.8, looks=2, seen_at=NOW,
        raised_at=NOW, borough="Islington", state=AlertState.CLAIMED, viewed_by=("acc-1",), claimed_by="acc-1", claimed_at=NOW,
    )  # fmt: skip
    if state is AlertState.CLAIMED:
        return made
    return rules.decided(made, "acc-1", True, Judgement.SAME, None, NOW)


@pytest.mark.requirement("R11")
@pytest.mark.parametrize("judgement", Judgement)
def test_whatever_is_offered_can_be_decided(judgement: Judgement) -> None:
    if rules.may_engage(judgement):
        rules.decided(ready(AlertState.CLAIMED), "acc-1", True, judgement, None, NOW)
    else:
        with pytest.raises(BadInput):
            rules.decided(ready(AlertState.CLAIMED), "acc-1", True, judgement, None, NOW)
    for why_not in rules.reasons(judgement):
        rules.decided(ready(AlertState.CLAIMED), "acc-1", False, judgement, why_not, NOW)


def test_every_reason_can_be_given() -> None:
    assert {why for judgement in Judgement for why in rules.reasons(judgement)} == set(NotEngaged)


@pytest.mark.requirement("R11")
@pytest.mark.parametrize("identity", IdentityFound)
def test_whatever_is_offered_settles(identity: IdentityFound) -> None:
    offered = rules.disposals(identity)
    for disposal in Disposal:
        if disposal in offered:
            rules.settled(ready(AlertState.ENGAGED), "acc-1", identity, disposal, NOW)
        else:
            with pytest.raises(BadInput):
                rules.settled(ready(AlertState.ENGAGED), "acc-1", identity, disposal, NOW)


# --- at the terminal -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("R11")
async def test_who_sees_another_person_is_offered_no_engagement_and_asked_no_reason(desk: Desk) -> None:
    terminal = desk.types(LOOK, Judgement.NOT_SAME, DO_NOT)
    settled = await desk.until(AlertState.SETTLED)
    assert terminal.asked[-1] == ("Your decision:", (DO_NOT, COMPARE))
    assert settled.outcome is not None
    assert (settled.outcome.engaged, settled.outcome.why_not) == (False, NotEngaged.NOT_SAME)


@pytest.mark.requirement("R11")
async def test_a_slip_is_mended_by_looking_again(desk: Desk) -> None:
    terminal = desk.types(LOOK, Judgement.NOT_SAME, COMPARE, Judgement.SAME, ENGAGE, IdentityFound.UNCONFIRMED, Disposal.NONE)
    settled = await desk.until(AlertState.SETTLED)
    assert terminal.questions.count("What do you see?") == 2
    assert terminal.asked[-1] == ("What came of it?", ("no-action",))
    assert settled.outcome is not None
    assert settled.outcome.engaged


@pytest.mark.requirement("R11")
async def test_mistyped_passwords_are_asked_for_again_and_the_alert_is_still_this_officers(desk: Desk) -> None:
    terminal = desk.types(
        LOOK, Judgement.UNSURE, desk.end_session, DO_NOT, "not the password", LOOK, "nor this", LOOK, PASSWORD,
        LOOK, Judgement.UNSURE, DO_NOT,
    )  # fmt: skip
    settled = await desk.until(AlertState.SETTLED)
    assert terminal.questions.count(f"Password of '{NAME}', again: ") == 3
    assert settled.claimed_by == desk.officer.account_id


@pytest.mark.requirement("R11")
@pytest.mark.parametrize("error", [BadInput, StoreUnavailable])
async def test_what_cannot_be_taken_is_asked_for_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: type[BadInput | StoreUnavailable]
) -> None:
    real, refused = desk.world.alerts.decide, list[str]()

    async def once(alert_id: str, *told: Any, **answers: Any) -> Alert:
        if not refused:
            refused.append(alert_id)
            raise error("that cannot be taken", remedy="say it otherwise")
        return await real(alert_id, *told, **answers)

    monkeypatch.setattr(desk.world.alerts, "decide", once)
    answers = (LOOK, Judgement.UNSURE, DO_NOT)
    desk.types(*answers, *answers)
    await desk.until(AlertState.SETTLED)
    assert "that cannot be taken; say it otherwise" in capsys.readouterr().err


async def test_a_claim_is_waited_for_at_the_end_and_can_be_given_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuses(*_: Any, **__: Any) -> Alert:
        raise BadInput("that cannot be taken", remedy="say it otherwise")

    monkeypatch.setattr(desk.world.alerts, "decide", refuses)
    terminal = desk.types(LOOK, Judgement.UNSURE, DO_NOT)
    await desk.until(AlertState.CLAIMED)
    assert desk.answers.waiting() == [desk.alert]
    async with asyncio.timeout(30.0):
        while terminal.questions.count("alert: answer it?") < 2:
            await asyncio.sleep(0.01)
    assert desk.answering is not None
    desk.answering.cancel()
    await asyncio.gather(desk.answering, return_exceptions=True)
    taken = desk.answers
    terminal.lines.append(LEAVE)
    desk.answering = asyncio.ensure_future(taken.run())
    given_back = await desk.until(AlertState.RAISED)
    assert given_back.claimed_by == ""
    assert taken.waiting() == []


@pytest.mark.requirement("R11")
async def test_an_alert_that_went_back_to_all_during_a_long_comparison_is_offered_again(desk: Desk) -> None:
    async def compares_for_long() -> None:
        desk.world.simulated.advance_to(desk.world.clock.now() + rules.CLAIM_LASTS)
        await desk.world.alerts.work()

    terminal = desk.types(LOOK, Judgement.SAME, compares_for_long, DO_NOT, NotEngaged.GONE)
    async with asyncio.timeout(30.0):
        while terminal.questions.count("alert: answer it?") < 2:
            await asyncio.sleep(0.01)
    assert desk.answers.waiting() == [desk.alert]
    assert desk.alert.state is AlertState.RAISED
    assert desk.answering is not None
    desk.answering.cancel()
    await asyncio.gather(desk.answering, return_exceptions=True)
    taken = desk.answers
    terminal.lines += [LOOK, Judgement.SAME, DO_NOT, NotEngaged.GONE]
    desk.answering = asyncio.ensure_future(taken.run())
    settled = await desk.until(AlertState.SETTLED)
    assert settled.outcome is not None
    assert settled.outcome.why_not is NotEngaged.GONE


@pytest.mark.requirement("R11")
async def test_an_alert_that_another_was_faster_with_is_offered_again_once_they_give_it_back(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    async def another_takes_it() -> None:
        await desk.world.alerts.claim(desk.alert_id, "acc-another")

    desk.types(another_takes_it, LOOK)
    async with asyncio.timeout(30.0):
        while "another officer has it" not in capsys.readouterr().err:
            await asyncio.sleep(0.01)
    await desk.world.alerts.release(desk.alert_id, "acc-another")
    assert desk.answers.waiting() == [desk.alert]


async def test_a_terminal_that_closed_is_asked_nothing_more(desk: Desk) -> None:
    terminal = desk.types(LOOK, Judgement.SAME, ENGAGE, LATER)
    await desk.until(AlertState.ENGAGED)
    async with asyncio.timeout(30.0):
        while terminal.lines:
            await asyncio.sleep(0.01)
    terminal.lines.append(CLOSED)
    desk.answers.ending = True
    desk.answers.hear()
    async with asyncio.timeout(30.0):
        while desk.answers.waiting():
            await asyncio.sleep(0.01)
    assert desk.alert.state is AlertState.ENGAGED
