"""The flights' records: missions, commands that are not settled, and the messages that go into the ledger with them.

A command is durable, as `CommandIssued` and as a record, before anybody may send it. An acknowledgement that says "accepted" is
recorded with the next act, or within a second: until then a restart would find the command uncertain, which is the careful side.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from bowstreet.accountability.recorder import Recorder, Save
from bowstreet.errors import LedgerBroken, StoreUnavailable
from bowstreet.flight import rules
from bowstreet.flight.model import CloseDock, Mission, Phase
from bowstreet.flight.ports import Settled
from bowstreet.flight.sending import IssuedCommand, Sending
from bowstreet.flight.step import Step, because, changed
from bowstreet.messages import CommandIssued, CommandSettled, ControlReleased, Message, MissionChanged, Reason
from bowstreet.runtime.ports import Clock, Store
from bowstreet.runtime.records import Collection

log = structlog.get_logger(__name__)

# What an acknowledgement says in a peer's own words is cut to this in the record.
MOST_DETAIL = 200
# Seconds of the operation's clock between two words about a record that cannot be written.
TELL_AGAIN_S = 60.0


class Book:
    """Keeps missions and commands, and records what changes them.

    Args:
        shows: told at once of a mission as it now stands, and told again of what stood before when it could not be recorded.
    """

    def __init__(self, recorder: Recorder, clock: Clock, shows: Callable[[Mission], None]) -> None:
        self._recorder, self._clock, self._shows = recorder, clock, shows
        self.missions: Collection[Mission] = Collection(
            "mission", Mission, id_of=lambda one: one.mission_id, state_of=lambda one: one.phase.value
        )
        self._commands: Collection[IssuedCommand] = Collection("command", IssuedCommand, id_of=lambda one: one.command_id)
        self._settlements: list[CommandSettled] = []
        self._told_s = -TELL_AGAIN_S
        self._unrecorded: dict[str, tuple[Mission, list[Message]]] = {}

    @property
    def unrecorded(self) -> int:
        """Flights that go on while the record cannot be written."""
        return len(self._unrecorded)

    @property
    def unsettled(self) -> int:
        return len(self._commands)

    async def load(self, store: Store, vehicles: Sequence[str], docks: Sequence[str]) -> list[Mission]:
        """Read what was left when the program stopped; gives the missions that are not over.

        Commands that are not settled are settled as uncertain, and are never sent again.
        """
        await self.missions.load(store)
        await self._commands.load(store)
        now = self._clock.now()
        messages: list[Message] = [
            CommandSettled(at=now, command_id=command.command_id, target_id=command.target_id, outcome="uncertain")
            for command in self._commands.all()
        ]
        saves: list[Save] = []
        for mission in self.missions.all():
            if mission.phase.is_final:
                continue
            if mission.vehicle_id in vehicles:
                saves.append((self.missions, _bound_somewhere(rules.restarted(mission, now), docks)))
                continue
            phase = Phase.ABORTED if mission.never_left else Phase.LOST
            gone = changed(mission, phase=phase, phase_since=now)
            saves.append((self.missions, gone))
            messages.append(self.changed(gone, phase, because(mission, "no-vehicle", "its vehicle is not configured any more")))
        removes = [(self._commands, command.command_id) for command in self._commands.all()]
        if saves or removes:
            await self._recorder.record(save=saves, remove=removes, messages=messages)
        return [mission for mission in self.missions.all() if not mission.phase.is_final]

    def mission(self, mission_id: str) -> Mission | None:
        """As it stands, recorded or not."""
        kept = self._unrecorded.get(mission_id)
        return kept[0] if kept is not None else self.missions.find(mission_id)

    # --- writing ----------------------------------------------------------------------------------------------------

    async def write(self, step: Step, extra: Sequence[Message] = ()) -> tuple[Mission, list[Sending]]:
        """Record a step with all that it tells and orders; gives what may now be sent.

        Raises:
            StoreUnavailable, LedgerBroken: nothing was recorded, and nothing may be sent.
        """
        after, sendings, messages = self._written(step, extra)
        await self._record(after, sendings, messages)
        return after, sendings

    def keep(self, step: Step, extra: Sequence[Message] = ()) -> tuple[Mission, list[Sending]]:
        """The same when the record cannot be written: kept in memory, and recorded with the next step that can be."""
        after, sendings, messages = self._written(step, extra)
        backlog = self._unrecorded[after.mission_id][1] if after.mission_id in self._unrecorded else []
        self._unrecorded[after.mission_id] = after, backlog + messages
        self._shows(after)
        return after, sendings

    async def order(self, sending: Sending) -> None:
        """Record a command that belongs to no mission."""
        await self._record(None, [sending], [self._issued(sending)])

    async def abort(self, mission: Mission, why: Reason) -> None:
        """Record that a launch which was authorised does not take place."""
        after = changed(mission, phase=Phase.ABORTED, phase_since=self._clock.now(), return_reason=why)
        await self._recorder.record(save=[(self.missions, after)], messages=[self.changed(after, Phase.ABORTED, why)])

    def settled(self, sending: Sending, answer: Settled) -> None:
        """Take note of how a command ended. It is recorded with the next act, or by `flush`."""
        self._settlements.append(
            CommandSettled(
                at=self._clock.now(),
                command_id=sending.command_id,
                target_id=sending.target_id,
                outcome=answer.outcome.value,
                detail=answer.detail[:MOST_DETAIL],
            )
        )

    async def flush(self) -> None:
        """Record what is held back. What cannot be recorded yet stays held back."""
        try:
            for mission, _ in list(self._unrecorded.values()):
                await self._record(mission, [], [])
            if self._settlements:
                await self._record(None, [], [])
        except (StoreUnavailable, LedgerBroken) as error:
            # Tried every second, told now and then: a full disk must not be filled with what it says of itself.
            now_s = self._clock.monotonic_s()
            if now_s >= self._told_s + TELL_AGAIN_S:
                self._told_s = now_s
                log.error("what is held back cannot be recorded yet", missions=len(self._unrecorded), error=str(error))

    async def _record(self, mission: Mission | None, sendings: Sequence[Sending], messages: Sequence[Message]) -> None:
        held, self._settlements = self._settlements, []
        now = self._clock.now()
        saves: list[Save] = [(self._commands, _issued_command(one, now)) for one in sendings]
        backlog: list[Message] = []
        if mission is not None:
            saves.append((self.missions, mission))
            backlog = self._unrecorded[mission.mission_id][1] if mission.mission_id in self._unrecorded else []
            self._shows(mission)
        removes = [(self._commands, one.command_id) for one in held if one.command_id in self._commands]
        try:
            await self._recorder.record(save=saves, remove=removes, messages=[*held, *backlog, *messages])
        except BaseException:
            self._settlements = held + self._settlements
            if mission is not None and (standing := self.mission(mission.mission_id)) is not None:
                self._shows(standing)
            raise
        if mission is not None:
            self._unrecorded.pop(mission.mission_id, None)

    # --- messages ---------------------------------------------------------------------------------------------------

    def _written(self, step: Step, extra: Sequence[Message]) -> tuple[Mission, list[Sending], list[Message]]:
        """The step as it is recorded: its commands numbered by mission, its messages in order."""
        mission, number = step.mission, step.mission.commands_issued
        sendings = [
            Sending(
                command_id=f"{mission.mission_id}-{place:03d}",
                mission_id=mission.mission_id,
                target_id=order.target_id,
                command=order.command,
            )
            for place, order in enumerate(step.orders, start=number + 1)
        ]
        after = changed(mission, commands_issued=number + len(sendings)) if sendings else mission
        messages: list[Message] = [*extra, *(self.changed(after, one.phase, one.reason) for one in step.changes)]
        if step.released is not None:
            now = self._clock.now()
            messages.append(
                ControlReleased(at=now, mission_id=after.mission_id, vehicle_id=after.vehicle_id, pilot=step.released)
            )
        messages.extend(self._issued(one) for one in sendings)
        return after, sendings, messages

    def _issued(self, sending: Sending) -> CommandIssued:
        return CommandIssued(
            at=self._clock.now(),
            command_id=sending.command_id,
            target_id=sending.target_id,
            mission_id=sending.mission_id,
            command=type(sending.command).__name__,
        )

    def changed(self, mission: Mission, phase: Phase, reason: Reason) -> MissionChanged:
        return MissionChanged(
            at=self._clock.now(),
            mission_id=mission.mission_id,
            vehicle_id=mission.vehicle_id,
            incident_id=mission.incident_id,
            phase=phase.value,
            reason=reason,
        )


def _bound_somewhere(mission: Mission, docks: Sequence[str]) -> Mission:
    """A dock that is not configured any more is no place to land: any other will do until the nearest is looked for."""
    if mission.bound_for in docks or not docks:
        return mission
    return changed(mission, diverted_to=min(docks))


def _issued_command(sending: Sending, now: datetime) -> IssuedCommand:
    return IssuedCommand(
        command_id=sending.command_id,
        mission_id=sending.mission_id,
        target_id=sending.target_id,
        command=type(sending.command).__name__,
        at=now,
    )


def closing(dock_id: str, command_id: str) -> Sending:
    """A lid that nobody needs is closed."""
    return Sending(command_id=command_id, mission_id=None, target_id=dock_id, command=CloseDock(dock_id=dock_id))
