"""Commands on their way: recorded, waiting their turn, sent once, settled. Never sent twice, whatever happens in between.

Each vehicle, dock, camera and lens has its own lane, in which commands go out one after another; a lane that waits for an
acknowledgement holds up no other. In the simulation the link answers at once, and `spawn` is left out: lanes run on the spot.
"""

from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from typing import Any

import msgspec
import structlog

from bowstreet.flight.model import Command, GoTo, Hold, Land, Orbit, PointGimbal, ZoomCamera
from bowstreet.flight.ports import Outcome, Settled, VehicleLink

log = structlog.get_logger(__name__)

Spawn = Callable[[Coroutine[Any, Any, None]], object]
"""Runs a coroutine apart, such as `asyncio.TaskGroup.create_task`."""

# Commands of which a vehicle follows only the last: an older one that has not been sent yet is pointless.
GUIDANCE = (GoTo, Orbit, Hold, Land)

WITHDRAWN = "withdrawn before it was sent"


class IssuedCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A command that was recorded and is not settled, as the store keeps it. It goes when it is settled."""

    command_id: str
    mission_id: str | None
    target_id: str
    command: str
    at: datetime


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded command on its way."""

    command_id: str
    mission_id: str | None
    target_id: str
    command: Command

    @property
    def lane(self) -> str:
        """A gimbal and a lens each have their own: one that does not answer holds up nothing else."""
        part = "/camera" if isinstance(self.command, PointGimbal) else "/lens" if isinstance(self.command, ZoomCamera) else ""
        return self.target_id + part


def _waits(behind: deque[Sending], kind: type[Command] | tuple[type[Command], ...]) -> bool:
    return any(isinstance(later.command, kind) for later in behind)


Permit = Callable[[Sending], bool]
OnSettled = Callable[[Sending, Settled], Awaitable[None]]


class Lanes:
    """Sends what it is given, in order for each lane.

    Args:
        link: where commands go.
        permit: asked right before a command is sent; what it denies is withdrawn.
        on_settled: told how each command ended.
        spawn: runs a lane apart; None runs it on the spot.
    """

    def __init__(self, link: VehicleLink, permit: Permit, on_settled: OnSettled, spawn: Spawn | None) -> None:
        self._link, self._permit, self._on_settled, self._spawn = link, permit, on_settled, spawn
        self._lanes: dict[str, deque[Sending]] = {}
        self._running: set[str] = set()
        self.outcomes: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        return sum(len(lane) for lane in self._lanes.values())

    async def send(self, sendings: list[Sending]) -> None:
        """Put recorded commands on their way."""
        lanes: dict[str, None] = {}
        for sending in sendings:
            lane = sending.lane
            lanes[lane] = None
            self._lanes.setdefault(lane, deque()).append(sending)
        for lane in lanes:
            if lane in self._running:
                continue
            self._running.add(lane)
            if self._spawn is None:
                await self._run(lane)
            else:
                self._spawn(self._apart(lane))

    async def _apart(self, lane: str) -> None:
        try:
            await self._run(lane)
        except Exception:
            # The edge of a task: what failed is in the log, and the lane goes on with the next command.
            log.exception("a lane failed", lane=lane)

    async def _run(self, lane: str) -> None:
        waiting = self._lanes[lane]
        try:
            while waiting:
                await self._one(waiting.popleft(), waiting)
        finally:
            self._running.discard(lane)

    async def _one(self, sending: Sending, behind: deque[Sending]) -> None:
        stale = any(isinstance(sending.command, kind) and _waits(behind, kind) for kind in (GUIDANCE, ZoomCamera))
        if stale or not self._permit(sending):
            answer = Settled(outcome=Outcome.REJECTED, detail=WITHDRAWN)
        else:
            answer = await self._link.send(sending.target_id, sending.command, sending.command_id)
        self.outcomes[answer.outcome.value] += 1
        await self._on_settled(sending, answer)
