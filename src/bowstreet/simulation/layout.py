"""A simulated city's hardware, as the fleet program reads it: docks, vehicles, wind. JSON by msgspec."""

from typing import Annotated, Literal

import msgspec

from bowstreet.errors import BadInput
from bowstreet.flight.model import Airframe, Wind

Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
SystemId = Annotated[int, msgspec.Meta(ge=1, le=255)]
Autopilot = Literal["ardupilot", "px4"]


class DockLayout(msgspec.Struct, frozen=True, kw_only=True):
    """One dock, a MAVLink peer on its own UDP port."""

    dock_id: str
    name: str
    latitude_deg: float
    longitude_deg: float
    ground_m_amsl: float
    pads: int
    port: Port
    system_id: SystemId


class VehicleLayout(msgspec.Struct, frozen=True, kw_only=True):
    """One vehicle, a MAVLink peer on its own UDP port, standing on a pad of a dock. `autopilot` is whose habits it imitates.

    `video` is where its camera sends to (`udp://HOST:PORT`, `rtsp://HOST:PORT/PATH`, `file:PATH`); "" for no camera.
    """

    vehicle_id: str
    dock_id: str
    pad: int
    port: Port
    system_id: SystemId
    autopilot: Autopilot
    airframe: Airframe
    charge_fraction: float = 1.0
    signing_key: bytes = b""  # 32 bytes, base64 in JSON; without it the vehicle signs nothing and believes everybody
    video: str = ""
    field_of_view_deg: float = 60.0  # at its widest
    zoom_most: float = 1.0  # 1: its lens does not zoom


class SceneLayout(msgspec.Struct, frozen=True, kw_only=True):
    """What the cameras show, and how (docs/simulation-camera.md).

    Attributes:
        ground_m_amsl: of the streets, which are flat.
        most: cameras that send at once; others in the air send nothing.
        noise: the poses told are as wrong as a real vehicle's.
        truth: a file for what is really in each picture, a JSON line each; "" for none. For tests.
    """

    ground_m_amsl: float
    width_px: int = 640
    height_px: int = 360
    rate_hz: float = 12.5
    gop_s: float = 1.0
    weather: Literal["day", "dusk", "rain"] = "day"
    most: int = 8
    noise: bool = False
    truth: str = ""


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    name: str
    docks: tuple[DockLayout, ...]
    vehicles: tuple[VehicleLayout, ...]
    wind: Wind
    seed: int = 1
    scene: SceneLayout | None = None


def encode(layout: Layout) -> bytes:
    return msgspec.json.encode(layout)


def decode(data: bytes) -> Layout:
    """Raises `BadInput` for what is no layout, or one that contradicts itself."""
    try:
        layout = msgspec.json.decode(data, type=Layout)
    except msgspec.DecodeError as error:
        raise BadInput(f"the layout cannot be read ({error})", remedy="write it with bowstreet.simulation.city") from error
    docks = {dock.dock_id: dock for dock in layout.docks}
    ports = [dock.port for dock in layout.docks] + [vehicle.port for vehicle in layout.vehicles]
    if len(set(ports)) != len(ports):
        raise BadInput("two peers of the layout share a port", remedy="give each dock and vehicle its own")
    for vehicle in layout.vehicles:
        if vehicle.dock_id not in docks or not 0 <= vehicle.pad < docks[vehicle.dock_id].pads:
            raise BadInput(f"vehicle {vehicle.vehicle_id} stands on no pad", remedy="name a dock and one of its pads")
    return layout
