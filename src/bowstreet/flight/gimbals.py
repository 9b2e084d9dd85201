"""Cameras that are turned after a subject. Each turn is no command of its own in the record: the follow is (ADR 30)."""

from collections.abc import Callable

from bowstreet.flight.model import Mission, Phase
from bowstreet.flight.ports import GimbalLink


class Gimbals:
    """Lets a camera be turned only where it may look (D2), asked at the moment of each turn.

    Args:
        mission: the mission of this id as it stands now; None when there is none.
    """

    def __init__(self, mission: Callable[[str], Mission | None], link: GimbalLink) -> None:
        self._mission, self._link = mission, link

    def aim(self, mission_id: str, tilt_deg: float, azimuth_deg: float) -> bool:
        """Turn it; False where it may not be turned now: only over the scene, by the flight itself or under its pilot."""
        mission = self._mission(mission_id)
        if mission is None or not may_be_turned(mission):
            return False
        self._link.aim_gimbal(mission.vehicle_id, tilt_deg, azimuth_deg)
        return True

    def trouble(self, vehicle_id: str) -> str:
        return self._link.gimbal_trouble(vehicle_id)


def may_be_turned(mission: Mission) -> bool:
    """Over the scene, and nothing has called it away."""
    if mission.return_reason is not None or mission.serving != mission.incident_id:
        return False
    if mission.phase is Phase.CONTROLLED:
        return mission.eyes_on_at is not None and mission.resume in (Phase.ON_SCENE, Phase.OUTBOUND)
    return mission.phase is Phase.ON_SCENE
