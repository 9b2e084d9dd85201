"""Lenses that zoom: what a zoom factor makes of a field of view, and how wide a camera looks now. Pure.

A zoom of 2 shows things twice as large as the lens does at its widest, which is 1. What a camera itself tells goes before
everything; where it tells nothing of a lens that can move, its field of view is not known, and nobody reckons with one.
"""

import math

from bowstreet.flight.model import Mission, Telemetry, VehicleConfig, ZoomCamera
from bowstreet.flight.step import Order, to_vehicle

WIDEST = 1.0
# Of the zoom: nearer to the widest than this is the widest.
WIDEST_WITHIN = 0.05


def zooms(most: float) -> bool:
    """Whether a lens that brings things at most so many times nearer is one that zooms."""
    return not is_widest(most)


def is_widest(zoom: float) -> bool:
    return zoom <= WIDEST + WIDEST_WITHIN


def narrowed_deg(widest_deg: float, zoom: float) -> float:
    """The field of view of a lens at that zoom."""
    return 2.0 * math.degrees(math.atan(math.tan(math.radians(widest_deg) / 2.0) / zoom))


def zoom_at(widest_deg: float, field_of_view_deg: float) -> float:
    """The zoom at which a lens has that field of view."""
    return math.tan(math.radians(widest_deg) / 2.0) / math.tan(math.radians(field_of_view_deg) / 2.0)


def percent_of(zoom: float, most: float) -> float:
    """A zoom as a share of the lens's whole range, as MAVLink asks for it: even in the factor, as ArduPilot's drivers take it."""
    return 100.0 * max(0.0, min(1.0, (zoom - WIDEST) / (most - WIDEST))) if most > WIDEST else 0.0


def zoom_of(percent: float, most: float) -> float:
    """The zoom that a share of the lens's whole range is."""
    return WIDEST + (most - WIDEST) * max(0.0, min(100.0, percent)) / 100.0


def field_of_view_deg(config: VehicleConfig, telemetry: Telemetry) -> float | None:
    """How wide the camera looks now; None where that is not known."""
    return telemetry.field_of_view_deg if zooms(config.zoom_most) else config.field_of_view_deg


def widened(mission: Mission) -> tuple[Order, ...]:
    """What brings its lens back to the widest, when a pilot has left it anywhere else."""
    return () if mission.zoom <= WIDEST else to_vehicle(mission, ZoomCamera(zoom=WIDEST))
