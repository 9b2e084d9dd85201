"""What flight decides, in pure functions: plan a flight, advance it, call it back."""

from bowstreet.flight.energy import can_afford, needed_fraction
from bowstreet.flight.plan import plan_mission

__all__ = ["can_afford", "needed_fraction", "plan_mission"]
