"""Any order of launches, faults, people and crashes: what must hold, holds."""

from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.unit.flight_world import NO_ANSWER, Crashed, Pilotless, World, place, refusal, small_world

from bowstreet.errors import BowstreetError
from bowstreet.flight.model import Arm, CloseDock, Command, GoTo, Hold, Land, OpenDock, Orbit, Phase, PointGimbal, TakeOff, Wind
from bowstreet.messages import CommandIssued
from bowstreet.simulation.agenda import drive

vehicles = st.sampled_from(["v1", "v2", "v3"])
scenes = st.tuples(st.integers(-900, 3_000), st.integers(-900, 900))


class Flights(RuleBasedStateMachine):
    """Three docks, three drones, and whatever may happen to them."""

    world: World
    program: Pilotless

    @initialize(wind=st.tuples(st.integers(0, 8), st.integers(0, 359)), charge=st.integers(55, 100))
    def begin(self, wind: tuple[int, int], charge: int) -> None:
        self.world = small_world(Wind(speed_mps=float(wind[0]), from_deg=float(wind[1])))
        for drone in self.world.drones.values():
            drone.charge = charge / 100
        self.missions: list[str] = []
        self.recorded: set[str] = set()
        self.faults: list[str] = []
        self.freed_at: dict[str, float] = {}
        self.world.before_send = self._before
        self.start()
        self.run(2)

    def start(self, store: Any = None) -> None:
        self.program = Pilotless(self.world, store)
        drive(self.program.start())
        self.program.bus.subscribe(CommandIssued, self._record)

    async def _record(self, message: CommandIssued) -> None:
        self.recorded.add(message.command_id)

    def _before(self, command_id: str, command: Command) -> None:
        """Looked at on the doorstep of the link, as a vehicle would see it."""
        rows = drive(_log_kinds(self.program))
        assert rows
        if command_id.startswith("m"):
            mission = self.program.mission(command_id.rsplit("-", 1)[0])
            assert mission.commands_issued >= int(command_id.rsplit("-", 1)[1])
            if isinstance(command, Arm):
                assert mission.phase is Phase.PREFLIGHT
            if isinstance(command, TakeOff):
                assert self.world.drones[mission.vehicle_id].landed
            if isinstance(command, PointGimbal) and command.pitch_deg < 0:
                assert mission.phase is Phase.ON_SCENE
            if isinstance(command, GoTo | Orbit | Hold | Land):
                assert not mission.phase.is_final

    def run(self, seconds: float, step_s: float = 0.5) -> None:
        drive(self.program.run(seconds, step_s))

    def act(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """What a person or dispatch asks may be refused; it may not break anything."""
        with suppress(BowstreetError):
            drive(coroutine)

    def flying(self) -> list[str]:
        return [one for one in self.missions if not self.program.phase(one).is_final]

    # --- what happens -----------------------------------------------------------------------------------------------

    @rule(vehicle_id=vehicles, scene=scenes)
    def launch(self, vehicle_id: str, scene: tuple[int, int]) -> None:
        view = self.program.flight.picture.vehicle(vehicle_id)
        if view.status.value not in ("ready", "charging"):
            return
        mission_id = f"m{len(self.missions) + 1}"
        try:
            drive(self.program.authorise(mission_id, vehicle_id, place(*scene)))
        except AssertionError:
            return  # no plan: too little charge
        self.missions.append(mission_id)

    @rule(seconds=st.integers(1, 30))
    def wait(self, seconds: int) -> None:
        self.run(seconds)

    @rule(seconds=st.integers(30, 120))
    def wait_long(self, seconds: int) -> None:
        self.run(seconds)

    @precondition(lambda self: self.flying())
    @rule(data=st.data())
    def launch_the_busy(self, data: st.DataObject) -> None:
        """Dispatch would not; flight calls it off."""
        busy = self.program.mission(data.draw(st.sampled_from(self.flying())))
        mission_id = f"m{len(self.missions) + 1}"
        try:
            drive(self.program.authorise(mission_id, busy.vehicle_id, place(100, 100)))
        except AssertionError:
            return  # no plan: too little charge
        self.missions.append(mission_id)
        assert self.program.phase(mission_id) is Phase.ABORTED

    @precondition(lambda self: self.flying())
    @rule(data=st.data())
    def recall(self, data: st.DataObject) -> None:
        self.act(self.program.recall(data.draw(st.sampled_from(self.flying()))))

    @precondition(lambda self: self.flying())
    @rule(data=st.data(), scene=scenes)
    def turn(self, data: st.DataObject, scene: tuple[int, int]) -> None:
        mission_id = data.draw(st.sampled_from(self.flying()))
        if self.program.phase(mission_id) in (Phase.CLIMBING, Phase.OUTBOUND, Phase.ON_SCENE, Phase.RETURNING):
            try:
                drive(self.program.turn(mission_id, f"inc-{scene}", place(*scene)))
            except AssertionError:
                return

    @precondition(lambda self: self.flying())
    @rule(data=st.data(), beats=st.integers(0, 20))
    def pilot(self, data: st.DataObject, beats: int) -> None:
        mission_id = data.draw(st.sampled_from(self.flying()))
        self.act(self.program.flight.pilots.take(mission_id, "acc-1"))
        for _ in range(beats):
            self.act(self.program.flight.pilots.heartbeat("acc-1"))
            self.run(1)
        if beats % 2:
            self.act(self.program.flight.pilots.release(mission_id, "acc-1"))

    @rule(vehicle_id=vehicles, seconds=st.integers(1, 70))
    def lose_link(self, vehicle_id: str, seconds: int) -> None:
        self.world.drones[vehicle_id].silent = True
        self.run(seconds)
        self.world.drones[vehicle_id].silent = False

    @rule(vehicle_id=vehicles, seconds=st.integers(1, 50), stuck=st.booleans())
    def lose_position(self, vehicle_id: str, seconds: int, stuck: bool) -> None:
        drone = self.world.drones[vehicle_id]
        drone.gps_ok, drone.shown_at = (True, drone.at) if stuck else (False, None)
        self.run(seconds)
        drone.gps_ok, drone.shown_at = True, None

    @rule(dock_id=st.sampled_from(["d1", "d2"]), seconds=st.integers(1, 60))
    def jam(self, dock_id: str, seconds: int) -> None:
        self.world.docks[dock_id].jammed = True
        self.run(seconds)
        self.world.docks[dock_id].jammed = False
        self.run(1)

    @rule(
        kind=st.sampled_from([OpenDock, CloseDock, Arm, TakeOff, GoTo, Land, Orbit, PointGimbal]),
        silent=st.booleans(),
        times=st.integers(1, 4),
    )
    def fail_next(self, kind: type[Command], silent: bool, times: int) -> None:
        self.world.answers[kind] = [NO_ANSWER if silent else refusal("not now")] * times

    @rule(down_s=st.integers(0, 60), at_send=st.booleans())
    def crash(self, down_s: int, at_send: bool) -> None:
        if at_send:

            def kill(command_id: str, command: Command) -> None:
                raise Crashed

            self.world.after_send = kill
            with suppress(Crashed):
                self.run(20)
            self.world.after_send = lambda command_id, command: None
        store = self.program.store
        self.world.gone()
        for _ in range(down_s):
            drive(self.world.step(1.0))
        self.start(store)
        self.run(1)

    # --- what holds -------------------------------------------------------------------------------------------------

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "program"):
            return
        assert max([0, *self.world.ids_sent().values()]) <= 1, "a command was sent twice"
        for mission_id in self.missions:
            own = [type(command) for command_id, _, command in self.world.sent if command_id.startswith(f"{mission_id}-")]
            assert own.count(TakeOff) <= 1
            assert own.count(Arm) <= 1
        bound = [self.program.mission(one) for one in self.flying()]
        for dock_id, dock in self.world.docks.items():
            for_it = [one for one in bound if one.bound_for == dock_id and one.phase is Phase.LANDING and one.land_ordered]
            assert sum(one.landed_at is None for one in for_it) <= 1, "two on their way down to one dock"
            assert dock.conflicts == 0, "landed on a closed lid, or on a pad that was taken"
        assert not any(drone.exhausted for drone in self.world.drones.values())

    def teardown(self) -> None:
        if not hasattr(self, "program"):
            return
        self.world.answers.clear()
        for _ in range(40):
            if not self.flying():
                break
            self.run(60, 1.0)
        assert not self.flying(), [(self.program.mission(one)) for one in self.flying()]
        self.holds()
        for drone in self.world.drones.values():
            assert drone.landed
            assert not drone.armed


async def _log_kinds(program: Pilotless) -> int:
    return await program.store.log_size()


TestFlights = Flights.TestCase
TestFlights.settings = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
