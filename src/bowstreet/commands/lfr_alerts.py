"""Alerts at a terminal: told to whoever signed in here and may see them."""

import argparse
import sys
from pathlib import Path
from typing import IO, Any

import msgspec

from bowstreet.accountability.model import Action
from bowstreet.commands.lfr_watch import Interrupts
from bowstreet.commands.output import say
from bowstreet.commands.person import Person, asked
from bowstreet.commands.terminal import Terminal
from bowstreet.errors import BadInput
from bowstreet.process import Process
from bowstreet.recognition.alerts.model import Alert, AlertState
from bowstreet.recognition.model import Deployment

LOOK_EVERY_S = 0.25


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
        self, process: Process, terminal: Terminal, officer: Person | None, one: Deployment, out: IO[str] | None
    ) -> None:
        self._process, self._terminal, self._officer, self._out = process, terminal, officer, out
        self._deployment_id = one.deployment_id
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
        return cls(process, terminal, officer, one, _opened(arguments.alerts))

    def _hear(self, one: Alert) -> None:
        if one.deployment_id != self._deployment_id or one.state is AlertState.SEEDED or self._officer is None:
            return
        if self._out is not None:
            self._out.write(msgspec.json.encode(_line(one)).decode() + "\n")
            self._out.flush()
        camera = self._process.recognition.planning.cameras[one.camera_id].name
        say(f"\ralert {one.alert_id}: {one.state}; {camera}, {one.category}, score {one.score:.2f}, risk {one.risk}")

    async def finish(self, deployment_id: str, interrupts: Interrupts) -> None:
        """Wait while officers can still answer what is open, until somebody says that it is enough."""
        alerts, before = self._process.recognition.alerts, interrupts.count
        if self._process.server is None:  # nobody can answer anywhere
            return
        if alerts.open_of(deployment_id):
            say(f"waiting for officers to answer {alerts.open_of(deployment_id)} alerts; Ctrl-C ends that")
        while alerts.open_of(deployment_id) and interrupts.count == before:
            await self._process.real_clock.sleep(LOOK_EVERY_S)

    async def close(self) -> None:
        if self._officer is not None:
            await self._officer.leave()
        if self._out is not None and self._out is not sys.stdout:
            self._out.close()


def _opened(target: str | None) -> Any:
    if target is None:
        return None
    return sys.stdout if target == "-" else Path(target).open("a", encoding="utf-8")


def _line(one: Alert) -> Line:
    return Line(
        alert_id=one.alert_id, deployment_id=one.deployment_id, camera_id=one.camera_id, category=one.category, risk=one.risk,
        state=one.state, score=round(one.score, 3), threshold=one.threshold, quality=round(one.quality, 2), looks=one.looks,
        seen_at=one.seen_at.isoformat(),
    )  # fmt: skip
