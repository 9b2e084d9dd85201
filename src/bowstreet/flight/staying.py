"""How long a flight stays over its scene when eyes are wanted there, and when its charge will end that."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from bowstreet.flight.air import bingo_at
from bowstreet.flight.model import Mission, Phase
from bowstreet.flight.step import Sight, Step, changed
from bowstreet.runtime.ports import Clock


class Staying:
    """What a relay asks of a flight under way.

    Args:
        flying: the mission of this id while it is under way; raises `NotFound` or `Conflict`.
        sight: what is known of a mission's vehicle now.
        apply: records a step.
        look: looks at a mission again, by its id.
    """

    def __init__(
        self,
        clock: Clock,
        flying: Callable[[str], Mission],
        sight: Callable[[Mission], Sight],
        apply: Callable[[Mission, Step | None], Awaitable[None]],
        look: Callable[[str], Awaitable[None]],
    ) -> None:
        self._clock, self._flying, self._sight, self._apply, self._look = clock, flying, sight, apply, look

    async def until(self, mission_id: str, until: datetime | None) -> None:
        """Stay over the scene until then, as far as the charge allows; None: as planned. Asked twice it is asked once.

        Raises:
            NotFound, Conflict: it is not under way, or the program has just started and has not heard it yet.
        """
        mission = self._flying(mission_id)
        if mission.stay_until == until:
            return
        after = changed(mission, stay_until=until)
        if mission.phase is Phase.ON_SCENE:
            after = changed(after, due_at=self._clock.now())
        await self._apply(mission, Step(mission=after))
        await self._look(mission_id)

    def bingo_at(self, mission: Mission) -> datetime | None:
        """When it must leave for home, should it stay where it is from now on; None before it is heard."""
        return bingo_at(mission, self._sight(mission), self._clock.now())
