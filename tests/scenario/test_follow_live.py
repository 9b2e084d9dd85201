"""A subject followed by the whole program, through a relay, with the cameras' own word as the witness. See follow_live.md."""

import asyncio
import math
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from tests.scenario.stage import Stage
from tests.truth_lookout import TruthFile

from bowstreet.dispatch.relay.model import WatchReason
from bowstreet.flight.model import Mission, Phase
from bowstreet.flight.reckoning import distance_m, moved
from bowstreet.frames import CameraPose
from bowstreet.geo import Position
from bowstreet.messages import CommandIssued, FollowChanged, FollowConsentChanged, WatchHandedOver
from bowstreet.simulation import hardware
from bowstreet.simulation.scenery.truth import Seen, Truth
from bowstreet.tracking.model import Box, FollowPhase, Shape
from bowstreet.tracking.wire import Findings

pytestmark = pytest.mark.live

SPEED = 2.0
DOCK = Position(latitude_deg=51.5446, longitude_deg=-0.1087)
SCENE = moved(DOCK, 260.0, 180.0)
W, H = 640, 360
PILOT = "acc-pilot"


class Play:
    """The stage with cameras, and what is really in their pictures."""

    def __init__(self, stage: Stage, truth: Path) -> None:
        self.stage, self.truth = stage, TruthFile(truth)
        self.said: list[object] = []
        for kind in (FollowChanged, FollowConsentChanged, WatchHandedOver, CommandIssued):
            stage.process.bus.subscribe(kind, self._hear)
        self._looked_at: dict[str, int] = {}
        self._heart = asyncio.ensure_future(self._beat())

    async def _hear(self, message: object) -> None:
        self.said.append(message)

    async def _beat(self) -> None:
        """The pilot's console is alive."""
        while True:
            await self.stage.process.flight.pilots.heartbeat(PILOT)
            await asyncio.sleep(0.5)

    def close(self) -> None:
        self._heart.cancel()

    async def over_the_scene(self) -> Mission:
        """A call, its flight over the scene with a live picture, and the pilot in control."""
        mission = await self.stage.flight_to(SCENE, phase=Phase.ON_SCENE)
        follows, vehicle_id = self.stage.process.follows, mission.vehicle_id
        await self.stage.process.flight.pilots.take(mission.mission_id, PILOT)
        await self.stage.until("the camera's picture is looked at", lambda: self.tracked(vehicle_id) > 0, 120)
        assert follows.latest(vehicle_id) is not None
        return self.stage.mission(mission)

    def tracked(self, vehicle_id: str) -> int:
        found = self.stage.process.follows.latest(vehicle_id)
        return 0 if found is None else sum(one.place is not None for one in found.tracks)

    def found(self, vehicle_id: str) -> Findings:
        found = self.stage.process.follows.latest(vehicle_id)
        assert found is not None
        return found

    async def click(self, mission: Mission, shape: Shape) -> str:
        """On who is nearest to the picture's middle; gives the follow's id once its subject is held. A vehicle is one that stands
        in the open, so that nothing hides it from the next drone for long."""
        follows, vehicle_id = self.stage.process.follows, mission.vehicle_id
        for _ in range(10):
            found = self.found(vehicle_id)
            fit = [one for one in found.tracks if one.shape is shape and one.place is not None]
            if shape is Shape.VEHICLE:
                fit = [
                    one
                    for one in fit
                    if one.motion is not None and one.motion.speed_mps < 1.0 and self.is_open(vehicle_id, one.box)
                ]
            if fit:
                one = min(fit, key=lambda one: math.dist(one.box.centre, (W / 2, H / 2)))
                x, y = one.box.centre
                made = await follows.begin(mission.mission_id, PILOT, x / W, y / H, found.sequence)
                await self.stage.sleep(4.0)
                if self.phase(vehicle_id) is FollowPhase.HELD:
                    return made.id
            await self.stage.sleep(2.0)
        raise AssertionError("nobody could be clicked on")

    async def again(self, mission: Mission, name: str, limit_s: float) -> None:
        """Until the subject is held again. Where several fit the pilot is asked, takes control, and says which it is."""
        vehicle_id, follows = mission.vehicle_id, self.stage.process.follows
        until_s = self.stage.process.clock.monotonic_s() + limit_s
        told: list[str] = []
        while self.stage.process.clock.monotonic_s() < until_s:
            seen, found = self.really(vehicle_id), follows.latest(vehicle_id)
            if seen is not None and seen[1].name == name:
                return
            if found is not None and found.follow is not None:
                told.append(f"{found.follow.phase}: {found.follow.reason}")
                truth = self.truth.near(vehicle_id, found.captured_us)
                subject = next((one for one in (() if truth is None else truth.objects) if one.name == name), None)
                for one in found.follow.candidates if subject is not None else ():
                    if one.box.overlap(box_of(subject)) > 0.5:
                        await self.stage.process.flight.pilots.take(mission.mission_id, PILOT)
                        await follows.choose(found.follow.follow_id, PILOT, one.track_id)
            await self.stage.sleep(1.0)
        raise AssertionError(f"{name} is not held again: {list(dict.fromkeys(told))[-12:]}")

    def is_open(self, vehicle_id: str, box: Box) -> bool:
        truth = self.truth.near(vehicle_id, self.found(vehicle_id).captured_us)
        close = [] if truth is None else [one for one in truth.objects if box.overlap(box_of(one)) > 0.5]
        return bool(close) and min(one.visible for one in close) > 0.97

    async def troubled(self, mission: Mission, words: str) -> str:
        """Follow somebody off the middle, so that the camera has to turn, until its trouble is said in these words; the follow."""
        follows, told = self.stage.process.follows, list[str]()
        for _ in range(6):
            found = self.found(mission.vehicle_id)
            inside = [one for one in found.tracks if 60 < one.box.centre[0] < W - 60 and 60 < one.box.centre[1] < H - 60]
            if inside:
                one = max(inside, key=lambda one: math.dist(one.box.centre, (W / 2, H / 2)))
                x, y = one.box.centre
                made = await follows.begin(mission.mission_id, PILOT, x / W, y / H, found.sequence)
                for _ in range(14):
                    await self.stage.sleep(1.0)
                    steered = follows.steering.of(made.id)
                    if steered is not None:
                        told.append(steered.trouble)
                        if words in steered.trouble:
                            return made.id
            await self.stage.sleep(1.0)
        raise AssertionError(f"its trouble is not said: {list(dict.fromkeys(told))}")

    def pose(self, vehicle_id: str) -> CameraPose:
        """How its camera really looked in the last picture."""
        self.truth.read()
        ours = (one for one in self.truth.by_moment.values() if one.vehicle_id == vehicle_id)
        return max(ours, key=lambda one: one.captured_us).pose

    def phase(self, vehicle_id: str) -> FollowPhase | None:
        found = self.stage.process.follows.latest(vehicle_id)
        return None if found is None or found.follow is None else found.follow.phase

    def really(self, vehicle_id: str) -> tuple[Truth, Seen] | None:
        """Who stands where the subject is said to be, by the cameras' own word; None while the subject is not held."""
        found = self.stage.process.follows.latest(vehicle_id)
        if found is None or found.follow is None or found.follow.phase is not FollowPhase.HELD or found.follow.box is None:
            return None
        if found.sequence == self._looked_at.get(vehicle_id):
            return None  # asked for again and again: once a look will do
        self._looked_at[vehicle_id] = found.sequence
        truth = self.truth.near(vehicle_id, found.captured_us)
        if truth is None:
            return None
        box = found.follow.box
        best = max(truth.objects, key=lambda one: box.overlap(box_of(one)), default=None)
        return None if best is None or box.overlap(box_of(best)) < 0.3 else (truth, best)


def box_of(one: Seen) -> Box:
    left, top, right, low = one.box
    return Box(left=left, top=top, width=right - left, height=low - top)


def off_middle(one: Seen) -> float:
    """How far from the picture's middle, as a share of its width."""
    x, y = box_of(one).centre
    return math.hypot(x - W / 2, y - H / 2) / W


@asynccontextmanager
async def playing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Play]:
    truth, layout_of = folder / "truth.jsonl", hardware.layout_of

    def with_truth(*args: object, **named: object) -> hardware.Layout:
        layout = layout_of(*args, **named)  # type: ignore[arg-type]
        assert layout.scene is not None
        return msgspec.structs.replace(layout, scene=msgspec.structs.replace(layout.scene, truth=str(truth), rate_hz=6.25))

    (folder / "lookout_of_this_run.py").write_text(
        f"from tests.truth_lookout import lookout\n\n\ndef Lookout():\n    return lookout({str(truth)!r})\n"
    )
    here = Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(here / "src"), str(here), str(folder)]))
    monkeypatch.setattr(hardware, "layout_of", with_truth)
    monkeypatch.setattr("bowstreet.wiring.ANALYST", "lookout_of_this_run:Lookout")
    async with Stage(folder, [("dock", DOCK, 2)], speed=SPEED, cameras=True) as stage:
        play = Play(stage, truth)
        try:
            yield play
        finally:
            play.close()


@pytest.mark.requirement("D2", "D4")
async def test_a_subject_is_followed_by_camera_and_vehicle_and_through_a_relay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with playing(tmp_path, monkeypatch) as play:
        stage = play.stage
        follows = stage.process.follows
        mission = await play.over_the_scene()
        pose = play.pose(mission.vehicle_id)
        follow_id = await play.click(mission, Shape.PERSON)
        first = await stage.until("the subject is really there", lambda: play.really(mission.vehicle_id), 30)
        name = first[1].name
        entries = len([one for one in play.said if isinstance(one, CommandIssued)])
        # The camera: it turns, and has them near the middle.
        off = await watch(play, mission.vehicle_id, name, 12)
        assert len(off) >= 7, f"held in {len(off)} of 12 looks"
        assert sorted(off)[len(off) // 2] < 0.12, off
        last = play.pose(mission.vehicle_id)
        assert abs(last.tilt_deg - pose.tilt_deg) + abs(math.remainder(last.pan_deg - pose.pan_deg, 360.0)) > 0.5
        assert len([one for one in play.said if isinstance(one, CommandIssued)]) == entries, "no entry for a turn"
        # The vehicle, with consent.
        before = where(stage, mission)
        await follows.consent(follow_id, PILOT)
        await stage.sleep(20.0)
        given = follows.consents.of(follow_id)
        assert given is not None, [one for one in play.said if isinstance(one, FollowConsentChanged)]
        went_m, moves = distance_m(before, where(stage, mission)), [c for c in play.said if is_move(c)]
        assert moves or "stands well" in given.says, given.says
        assert not moves or went_m > 3.0
        await follows.revoke(follow_id, PILOT)
        # Another subject; its worker dies.
        follow_id = await play.click(mission, Shape.VEHICLE)
        name = (await stage.until("the subject is really there", lambda: play.really(mission.vehicle_id), 30))[1].name
        stream = stage.process.video.of_vehicle(mission.vehicle_id)
        assert stream is not None
        assert stream.ingest.worker_pid is not None
        os.kill(stream.ingest.worker_pid, signal.SIGKILL)
        await stage.until("the worker is restarted", lambda: stream.ingest.status.restarts > 0, 30)
        await play.again(mission, name, 60)
        # The next drone takes the watch.
        assert follows.of_vehicle(mission.vehicle_id) is not None
        until = stage.now().replace(microsecond=0) + (follows.standing.get(follow_id).follow.ends_at - stage.now()) / 2
        await stage.process.relay.keep(mission.incident_id, WatchReason.CRIME_IN_PROGRESS, until, "acc-dispatcher")
        await stage.fault(mission.vehicle_id, "charge", fraction=0.5)
        over = await stage.until(
            "the relief has the watch", lambda: next((m for m in play.said if isinstance(m, WatchHandedOver)), None), 600
        )
        await stage.until("the follow is the relief's", lambda: follows.of_vehicle(over.to_vehicle_id), 20)
        await play.again(stage.process.flight.missions.get(over.to_mission_id), name, 60)
        assert len(await watch(play, over.to_vehicle_id, name, 12)) >= 4
        # Closed: over, and level.
        await stage.process.dispatch.withdraw(mission.incident_id, PILOT, "it is over")
        await stage.until("the follow is over", lambda: follows.of_vehicle(over.to_vehicle_id) is None, 10)
        relief = stage.process.flight.missions.get(over.to_mission_id)
        await stage.until("the relief comes home", lambda: stage.mission(relief).phase is Phase.RETURNING, 30)
        await stage.sleep(4.0)
        view = stage.process.flight.picture.vehicle(over.to_vehicle_id).telemetry
        assert view is not None
        assert abs(view.gimbal_pitch_deg) < 10.0
        assert abs(view.gimbal_pan_deg) < 10.0


def is_move(message: object) -> bool:
    return isinstance(message, CommandIssued) and message.command == "GoTo"


def where(stage: Stage, mission: Mission) -> Position:
    telemetry = stage.process.flight.picture.vehicle(mission.vehicle_id).telemetry
    assert telemetry is not None
    return telemetry.position


async def watch(play: Play, vehicle_id: str, name: str, looks: int) -> list[float]:
    """So many looks: how far off the middle the subject really is, in those that hold it."""
    off, seen_looks = [], set()
    until_s = play.stage.process.clock.monotonic_s() + 10.0 * looks
    while len(seen_looks) < looks and play.stage.process.clock.monotonic_s() < until_s:
        await play.stage.sleep(0.2)
        latest = play.stage.process.follows.latest(vehicle_id)
        if latest is None or latest.sequence in seen_looks:
            continue
        seen_looks.add(latest.sequence)
        seen = play.really(vehicle_id)
        if seen is not None and seen[1].name == name:
            off.append(off_middle(seen[1]))
    return off


@pytest.mark.requirement("D2")
async def test_a_gimbal_that_does_not_answer_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with playing(tmp_path, monkeypatch) as play:
        stage = play.stage
        follows = stage.process.follows
        mission = await play.over_the_scene()
        for state, words in (("stuck", "does not turn"), ("deaf", "no acknowledgement")):
            await stage.fault(mission.vehicle_id, "gimbal", state=state)
            follow_id = await play.troubled(mission, words)
            await stage.sleep(4.0)
            said = [one.why for one in play.said if isinstance(one, FollowChanged) and one.follow_id == follow_id]
            assert said.count("gimbal-does-not-answer") == 1
            if follows.standing.get(follow_id).follow.stage != "ended":
                await follows.end(follow_id, PILOT)
