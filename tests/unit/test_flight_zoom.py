"""A lens is its pilot's, over the scene: what is asked, what is refused, and that nobody leaves it zoomed in."""

import math
from typing import Any

import msgspec
import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink
from tests.unit.flight_world import Pilotless
from tests.unit.test_flight_control import alive, taken

from bowstreet.errors import Refused
from bowstreet.flight import lens, rules
from bowstreet.flight.mavlink_lens import LensState
from bowstreet.flight.model import Phase, VehicleConfig, ZoomCamera
from bowstreet.flight.ports import Outcome, Settled

DENIED = Settled(outcome=Outcome.REJECTED, detail="its camera does not know how to zoom (UNSUPPORTED)")


def zooms(world: Pilotless) -> list[float]:
    """What was sent, one after another."""
    return [one.zoom for _, _, one in world.world.sent if isinstance(one, ZoomCamera)]


async def zoomed_in(phase: Phase = Phase.ON_SCENE) -> Pilotless:
    world = await taken(phase)
    await world.flight.pilots.command("m1", "acc-1", ZoomCamera(zoom=4.0))
    assert world.world.drones["v1"].zoom == 4.0
    return world


async def test_a_launch_begins_with_the_lens_at_its_widest() -> None:
    world = await taken()
    assert zooms(world) == [1.0]


async def test_a_pilot_zooms_over_the_scene_and_released_it_is_wide_again() -> None:
    world = await zoomed_in()
    assert world.mission("m1").zoom == 4.0
    await world.run(10, until=alive(world))
    assert world.world.drones["v1"].zoom == 4.0
    await world.flight.pilots.release("m1", "acc-1")
    assert world.world.drones["v1"].zoom == 1.0
    assert world.mission("m1").zoom == 1.0


async def test_called_back_it_is_wide_again_before_anything_else() -> None:
    world = await zoomed_in()
    await world.recall("m1")
    assert world.phase("m1") is Phase.RETURNING
    assert world.world.drones["v1"].zoom == 1.0
    await world.run(900, until=world.over("m1"))
    assert zooms(world) == [1.0, 4.0, 1.0], "and nobody asks for it again on the way"


async def test_not_on_the_way() -> None:
    world = await taken(Phase.OUTBOUND)
    with pytest.raises(Refused, match="only over its scene"):
        await world.flight.pilots.command("m1", "acc-1", ZoomCamera(zoom=2.0))
    await world.flight.pilots.command("m1", "acc-1", ZoomCamera(zoom=1.0))
    assert zooms(world) == [1.0, 1.0]


async def test_not_with_a_lens_that_does_not_zoom() -> None:
    world = await taken()
    craft = world.flight._crafts["v1"]
    craft.config = msgspec.structs.replace(craft.config, zoom_most=1.0)
    with pytest.raises(Refused, match="has no zoom lens, as it is configured"):
        await world.flight.pilots.command("m1", "acc-1", ZoomCamera(zoom=2.0))


async def test_a_camera_that_refuses_is_told_to_its_pilot_until_it_takes_one() -> None:
    world = await taken()
    world.world.answers[ZoomCamera] = [DENIED]
    await world.flight.pilots.command("m1", "acc-1", ZoomCamera(zoom=4.0))
    assert world.mission("m1").zoom_trouble == DENIED.detail
    assert "zoom" in world.codes("m1")
    await world.flight.pilots.command("m1", "acc-1", ZoomCamera(zoom=2.0))
    assert world.mission("m1").zoom_trouble == ""


async def test_a_lens_that_does_not_go_back_is_asked_three_times_and_then_told() -> None:
    world = await zoomed_in()
    world.world.answers[ZoomCamera] = [DENIED] * 9
    await world.flight.pilots.release("m1", "acc-1")
    assert zooms(world) == [1.0, 4.0, 1.0, 1.0, 1.0]
    assert world.codes("m1")[-1] == "zoom"


async def test_a_zoom_whose_turn_comes_when_its_pilot_is_gone_is_not_sent() -> None:
    held = (await taken()).mission("m1")
    assert rules.may_send(held, ZoomCamera(zoom=4.0))
    gone = msgspec.structs.replace(held, phase=Phase.RETURNING)
    assert not rules.may_send(gone, ZoomCamera(zoom=4.0))
    assert rules.may_send(gone, ZoomCamera(zoom=1.0))


def told(
    state: LensState, now_s: float, *, hfov: float | None = None, percent: float = math.nan, camera: int = 1, of: int = 0
) -> None:
    """A camera says how wide it looks, or how far in its range it is; `of` is its number, where it hangs on an autopilot."""
    message: Any = mavlink.MAVLink_camera_settings_message(0, 1, percent, math.nan, of)
    if hfov is not None:
        message = mavlink.MAVLink_camera_fov_status_message(0, *(0,) * 6, [1.0, 0.0, 0.0, 0.0], hfov, math.nan, of)
    state.take(message, camera, 1, now_s)


def test_a_field_of_view_that_never_moves_is_not_believed_of_a_lens_that_was_zoomed() -> None:
    state = LensState(60.0, 8.0)
    told(state, 5.0, hfov=60.0)
    assert state.field_of_view_deg(5.0) is None, "nobody has said yet that it is at its widest"
    state.took(1.0, 3.0)
    assert state.field_of_view_deg(5.0) is None, "it may be on its way"
    assert state.field_of_view_deg(6.0) == 60.0
    state.took(4.0, 7.0)
    told(state, 11.0, hfov=60.0)
    assert state.field_of_view_deg(11.0) is None
    told(state, 12.0, hfov=40.0)
    assert state.field_of_view_deg(12.0) == 40.0
    assert state.field_of_view_deg(18.0) is None, "that was long ago"


def test_a_lens_that_may_have_taken_a_zoom_is_not_believed_to_be_at_its_widest() -> None:
    state = LensState(60.0, 8.0)
    state.took(1.0, 0.0)
    told(state, 5.0, hfov=60.0)
    state.asked()
    assert state.field_of_view_deg(5.0) is None, "it may have heard what its answer to was lost"
    state.refused()
    assert state.field_of_view_deg(5.0) == 60.0


def test_two_cameras_that_look_differently_are_no_lens_that_moves() -> None:
    """An autopilot tells a parameter of its own beside its camera, and of each camera that hangs on it."""
    state = LensState(60.0, 8.0)
    for now_s in (1.0, 2.0):
        told(state, now_s, hfov=60.0, of=1)
        told(state, now_s, hfov=24.0, of=2)
    assert state.field_of_view_deg(2.0) is None
    state.beats(int(mavlink.MAV_TYPE_CAMERA), 100)
    for now_s, hfov in ((3.0, 60.0), (4.0, 30.0)):
        told(state, now_s, hfov=hfov, camera=100)
        told(state, now_s, hfov=60.0, camera=1)
        told(state, now_s, hfov=24.0, camera=101)
    assert state.field_of_view_deg(4.0) == 30.0


def test_a_zoom_told_as_a_share_is_what_the_lens_is_at() -> None:
    state = LensState(60.0, 8.0)
    state.took(4.0, 0.0)
    told(state, 1.0, hfov=60.0)
    told(state, 1.0, percent=100.0 * 3.0 / 7.0)
    assert state.field_of_view_deg(1.0) == pytest.approx(lens.narrowed_deg(60.0, 4.0))
    told(state, 20.0)
    assert state.field_of_view_deg(20.0) is None


def test_a_lens_that_does_not_zoom_is_as_it_is_configured() -> None:
    assert LensState(60.0, 1.0).field_of_view_deg(0.0) is None
    fixed = VehicleConfig(vehicle_id="v", link="", system_id=1, airframe="", home_dock_id="", field_of_view_deg=70.0)
    assert not lens.zooms(fixed.zoom_most)
    for zoom in (1.0, 1.7, 8.0):
        assert lens.zoom_at(70.0, lens.narrowed_deg(70.0, zoom)) == pytest.approx(zoom)
        assert lens.zoom_of(lens.percent_of(zoom, 8.0), 8.0) == pytest.approx(zoom)
