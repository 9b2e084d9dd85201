"""What flight needs of the world outside: links to vehicles and docks."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Protocol

import msgspec

from bowstreet.accountability.vehicle_keys.model import SigningKeys
from bowstreet.flight.model import Command, DockStatus, Telemetry


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    TIMED_OUT = "timed-out"


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended on the link. `detail` is the peer's own word (a MAV_RESULT, a STATUSTEXT)."""

    outcome: Outcome
    detail: str = ""


class DockReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a dock last said. `pads` holds, for each pad, the system id of the vehicle on it, or 0 when free.

    Its wind is a mean and, where it tells them, gusts; m/s.
    """

    dock_id: str
    status: DockStatus
    pads: tuple[int, ...]
    wind_speed_mps: float | None = None
    wind_from_deg: float | None = None
    wind_gust_mps: float | None = None


OnTelemetry = Callable[[Telemetry], Awaitable[None]]
OnDock = Callable[[DockReport], Awaitable[None]]


class VehicleLink(Protocol):
    """Carries commands out and telemetry in. The MAVLink adapter and the discrete simulation both stand behind it."""

    async def send(self, target_id: str, command: Command, command_id: str) -> Settled:
        """Send to a vehicle or dock and wait for its acknowledgement, retransmitting within the protocol's own rules
        (MAVLink confirmation counter). Never raises for a silent peer: that is `TIMED_OUT`."""
        ...

    def listen(self, on_telemetry: OnTelemetry, on_dock: OnDock) -> None: ...

    def heard_s_ago(self, target_id: str) -> float | None:
        """Seconds of the injected clock since the last heartbeat; None when never heard."""
        ...


class GimbalLink(Protocol):
    """Turns a vehicle's camera after something that moves: many times a second, and not a command each."""

    def aim_gimbal(self, vehicle_id: str, tilt_deg: float, azimuth_deg: float) -> None:
        """Sent at once, or lost; the next one comes soon. Tilt from the horizon, azimuth from true north."""
        ...

    def gimbal_trouble(self, vehicle_id: str) -> str:
        """Why the gimbal did not do what it was last asked, in its own word; "" when it did."""
        ...


class VehicleKeyBook(Protocol):
    """Which signing keys vehicles have (`accountability.vehicle_keys`)."""

    def keys_of(self, vehicle_id: str) -> SigningKeys: ...

    async def taken_up(self, vehicle_id: str, key_id: str) -> None:
        """The first packet under a coming key was believed."""
        ...

    def on_change(self, told: Callable[[str], None]) -> None:
        """Have `told` called with the vehicle whose keys changed."""
        ...
