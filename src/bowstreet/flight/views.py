"""The fleet as others may see it: frozen values, made anew from what the service knows whenever they are asked for."""

import msgspec

from bowstreet.flight.model import Airframe, DockConfig, DockStatus, Phase, Telemetry, VehicleConfig, VehicleStatus


class VehicleView(msgspec.Struct, frozen=True, kw_only=True):
    """One vehicle now.

    Attributes:
        reason: why it is in this status, when that is not plain.
        dock_id: where it stands, or is bound for.
        mission_id, phase: of the mission that it flies or prepares for.
        telemetry: its last word; None until it was heard for the first time.
        position_trusted: false while its position is off, stuck or contradicts itself. Show it as such, and task nothing by it.
    """

    vehicle_id: str
    config: VehicleConfig
    airframe: Airframe
    status: VehicleStatus
    reason: str
    dock_id: str
    mission_id: str | None
    phase: Phase | None
    telemetry: Telemetry | None
    position_trusted: bool


class DockView(msgspec.Struct, frozen=True, kw_only=True):
    """One dock now. `pads_taken` counts the pads with a vehicle on them, `pads_free` those that nobody is on or bound for."""

    dock_id: str
    config: DockConfig
    status: DockStatus
    reason: str
    pads_taken: int
    pads_free: int
    wind_speed_mps: float | None
    wind_from_deg: float | None
