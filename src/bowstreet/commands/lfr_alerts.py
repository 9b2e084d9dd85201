"""Alerts at a terminal: told to whoever signed in here and may see them."""

import argparse
import asyncio

import msgspec

from bowstreet.accountability.model import Action
from bowstreet.commands.lfr_alert_lines import AlertLines
from bowstreet.commands.lfr_answer import Answers
from bowstreet.commands.lfr_watch import LOOK_EVERY_S, Interrupts
from bowstreet.commands.output import clear_line, say
from bowstreet.commands.person import Person, asked
from bowstreet.commands.terminal import Terminal
from bowstreet.errors import BadInput
from bowstreet.process import Process
from bowstreet.recognition.alerts.model import Alert, AlertState
from bowstreet.recognition.model import Deployment


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as it changes, for a program that listens: no picture, and nobody's name."""

    alert_id: str
    deployment_id: str
    camera_id: str
    category: str
    risk: str
    state: str
    score: float
    threshold: float
    quality: float
    looks: int
    seen_at: str


class AlertDesk:
    """What becomes of the alerts of one deployment here. Without an officer they are counted, and shown to nobody."""

    def __init__(
        self, process: Process, terminal: Terminal, officer: Person | None, one: Deployment, out: AlertLines | None
    ) -> None:
        self._process, self._terminal, self._officer, self._out = process, terminal, officer, out
        self._deployment_id = one.deployment_id
        self._answers: Answers | None = None
        self._answering: asyncio.Task[None] | None = None
        if officer is not None and terminal.is_there and Action.ADJUDICATE in officer.identity.may:
            self._answers = Answers(process, terminal, officer, one.deployment_id)
            self._answering = process.spawn(self._answers.run(), "answers at the terminal")
        process.recognition.alerts.listen(self._hear)

    @classmethod
    async def opened(
        cls, process: Process, terminal: Terminal, name: str, one: Deployment, arguments: argparse.Namespace
    ) -> "AlertDesk":
        """Raises `BadInput`, `Refused`: alerts are wanted here, and nobody who may see them signs in."""
        source: str = arguments.officer_password
        if arguments.alerts is not None and not name:
            raise BadInput(
                "--alerts needs somebody who may see alerts", remedy="name an account at 'people.adjudicating_officer'"
            )
        officer = None
        if name and (source or terminal.is_there or arguments.alerts is not None):
            officer = await asked(process.accounts, terminal, name, "adjudicating officer", source)
            await officer.may(Action.SEE_ALERTS, places=one.plan.boroughs, changes=False)
        return cls(process, terminal, officer, one, None if arguments.alerts is None else AlertLines(arguments.alerts))

    def _hear(self, one: Alert) -> None:
        if one.deployment_id != self._deployment_id or one.state is AlertState.SEEDED or self._officer is None:
            return
        if not self._officer.may_still(Action.SEE_ALERTS, (one.borough,)):
            return
        if self._out is not None:
            self._out.put(msgspec.json.encode(_line(one)))
        camera = self._process.recognition.planning.cameras[one.camera_id].name
        clear_line()
        say(f"alert {one.alert_id}: {one.state}; {camera}, {one.category}, score {one.score:.2f}, risk {one.risk}")
        if self._answers is not None:
            self._answers.hear()

    async def finish(self, deployment_id: str, interrupts: Interrupts) -> None:
        """Wait while officers can still answer what is open, until somebody says that it is enough."""
        before = interrupts.count
        if self._answers is not None:
            self._answers.ending = True
            self._answers.hear()
        if self._open(deployment_id):
            say(f"waiting for officers to answer {self._open(deployment_id)} alerts; Ctrl-C ends that")
        while self._open(deployment_id) and interrupts.count == before:
            await self._process.real_clock.sleep(LOOK_EVERY_S)
        if self._answering is not None:
            self._answering.cancel()

    def _open(self, deployment_id: str) -> int:
        """How many somebody can still answer: at the console, where there is one, or here."""
        if self._process.server is not None:
            return self._process.recognition.alerts.open_of(deployment_id)
        return 0 if self._answers is None else len(self._answers.waiting())

    async def close(self) -> None:
        if self._answering is not None:
            self._answering.cancel()
        if self._officer is not None:
            await self._officer.leave()
        if self._out is not None:
            await self._out.close()


def _line(one: Alert) -> Line:
    return Line(
        alert_id=one.alert_id, deployment_id=one.deployment_id, camera_id=one.camera_id, category=one.category, risk=one.risk,
        state=one.state, score=round(one.score, 3), threshold=one.threshold, quality=round(one.quality, 2), looks=one.looks,
        seen_at=one.seen_at.isoformat(),
    )  # fmt: skip
