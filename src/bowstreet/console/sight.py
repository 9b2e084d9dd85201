"""How far somebody sees: everywhere, or the incidents of some boroughs. Pure.

Every drone and dock is seen by all, since drones cross boundaries and must keep clear of each other. What a drone is doing for an
incident elsewhere is shown without the incident.
"""

from collections.abc import Collection

import msgspec
from msgspec.structs import replace

from bowstreet.console.views import IncidentView, MissionView


class Sight(msgspec.Struct, frozen=True):
    """No boroughs means everywhere. Two accounts with the same boroughs have equal sights, and share their frames."""

    boroughs: frozenset[str] = frozenset()

    @property
    def is_limited(self) -> bool:
        return bool(self.boroughs)

    def sees(self, borough: str | None) -> bool:
        """Whether what happens in that borough is seen. What is in none, or nobody knows where, is seen by those who see all."""
        return not self.boroughs or borough in self.boroughs

    def sees_all(self, touched: Collection[str | None]) -> bool:
        """Whether something that is about several boroughs is seen: only by who sees each. About none it is seen by all."""
        return all(self.sees(one) for one in touched)


EVERYWHERE = Sight()
ELSEWHERE = "elsewhere"
"""The incident of a flight whose incident is not shown."""


def sight_of(boroughs: Collection[str]) -> Sight:
    return Sight(frozenset(boroughs)) if boroughs else EVERYWHERE


def mission_elsewhere(view: MissionView) -> MissionView:
    """A flight to where one does not see: that it flies, which drone, how far along, in whose hand; not where to, nor why."""
    return replace(
        view, incident_id=ELSEWHERE, authorised_by="", route=(), home=(), reasons=(), return_reason=None,
    )  # fmt: skip


def incident_elsewhere(view: IncidentView) -> IncidentView:
    """The answer to who reported something where they do not see: that it was taken, without what others said or did."""
    return replace(view, reports=1, mission_ids=(), waiting_reason="", eyes_on_at=None)
