"""What dispatch may be told to prefer. A policy never makes an unfit drone fit: it orders those that may fly."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec
import numpy as np

from bowstreet.dispatch.fleet import Fleet
from bowstreet.errors import BadInput
from bowstreet.flight.energy import LEAST_ON_SCENE_S
from bowstreet.flight.model import VehicleStatus
from bowstreet.geo import FloatArray
from bowstreet.intake.model import Grade, Incident

# Targets of the Metropolitan Police for a first response: 15 minutes for I, 60 for S (london.gov.uk, MPS charter times). Eyes
# that would come later than the officers' own target are not sent. E and R are answered by appointment or by phone: no drone
# flies to them.
TARGETS: dict[Grade, timedelta] = {Grade.IMMEDIATE: timedelta(minutes=15), Grade.SIGNIFICANT: timedelta(minutes=60)}

# What it costs, in seconds of arrival, to take a drone from people who were promised it. Turning one that is under way delays
# a scene by about a launch and half a leg; taking eyes off a scene ends what officers there are relying on. Chosen by us; see
# benchmarks.
TURN_PENALTY_S = 20.0
LEAVE_SCENE_PENALTY_S = 45.0

# Another ready drone within this distance of a dock still answers its neighbourhood in about two minutes (15 m/s for 95 s).
COVER_RADIUS_M = 1_400.0
# How much later the drone of a neighbourhood that stays covered may arrive before the only one there is sent after all.
COVER_PENALTY_S = {Grade.IMMEDIATE: 10.0, Grade.SIGNIFICANT: 45.0}

Penalties = Callable[[Fleet, Grade], FloatArray]


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How a drone is chosen. Penalties are seconds added to an arrival when candidates are compared, never to what is shown.

    Attributes:
        penalties: seconds for each drone of the fleet, none below zero.
        targets: how long after the report eyes still matter, by grade; a grade without one waits for ever.
        on_scene_s: time over the scene that must be affordable before a drone is sent.
        explain: how many drones, nearest first, are kept with each decision for people to read.
    """

    name: str
    penalties: Penalties
    flown: frozenset[Grade] = frozenset(TARGETS)
    targets: Mapping[Grade, timedelta] = msgspec.field(default_factory=TARGETS.copy)
    retask_returning: bool = True
    preempt: bool = True
    on_scene_s: float = LEAST_ON_SCENE_S
    explain: int = 12


def no_penalty(fleet: Fleet, grade: Grade) -> FloatArray:
    """Whoever is there first."""
    return np.zeros(len(fleet))


def cover_penalty(fleet: Fleet, grade: Grade) -> FloatArray:
    """Full penalty for the only drone ready in its neighbourhood, half when one other stays, and so on."""
    ready = fleet.with_status(VehicleStatus.READY, VehicleStatus.CHARGING) & (fleet.charge >= 0.5)
    others = fleet.near(COVER_RADIUS_M) @ ready - ready
    penalties: FloatArray = np.where(ready, COVER_PENALTY_S.get(grade, 0.0) / (1.0 + others), 0.0)
    return penalties


def while_wanted(policy: Policy, incident: Incident, until: datetime) -> Policy:
    """Where eyes are wanted, they matter until then, whatever the target of the grade."""
    targets = {**policy.targets, incident.grade: until - incident.reported_at}
    return msgspec.structs.replace(policy, flown=policy.flown | {incident.grade}, targets=targets)


POLICIES: dict[str, Policy] = {
    policy.name: policy
    for policy in (
        Policy(name="closest-eta", penalties=no_penalty),
        Policy(name="nearest-with-cover", penalties=cover_penalty),
        Policy(name="no-preemption", penalties=no_penalty, preempt=False, retask_returning=False),
    )
}
DEFAULT_POLICY = "closest-eta"


def policy_named(name: str) -> Policy:
    """Raises `BadInput` for a name that is not registered."""
    if name not in POLICIES:
        raise BadInput(f"there is no dispatch policy '{name}'", remedy=f"use one of {', '.join(POLICIES)}")
    return POLICIES[name]
