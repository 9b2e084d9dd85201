"""What many releases say together. Sums of what is published, nothing else. Pure."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import msgspec

from bowstreet.accountability.disclosure.model import ReleaseBody

# Whole minutes on scene, as people speak of them. The first is for those that were called back before.
ON_SCENE = ((0, "not reached"), (2, "1 to 2"), (5, "3 to 5"), (10, "6 to 10"), (10**9, "over 10"))


class Summary(msgspec.Struct, kw_only=True):
    """Figures of one release, or of many added up."""

    start: datetime
    end: datetime
    releases: int = 0
    flights: int = 0
    missing: int = 0  # flights that the ledger has and the releases do not
    air_min: int = 0
    scene_min: int = 0
    commands: int = 0
    denied: int = 0
    authorised: int = 0
    erased: int = 0
    deployments: int = 0
    entries: int = 0  # of the ledger, at the latest checkpoint that a release was computed from
    boroughs: Counter[str]
    categories: Counter[str]
    outcomes: Counter[str]
    hours: Counter[int]
    on_scene: Counter[str]
    area_seconds: Counter[str]
    requests: Counter[str]


def empty(start: datetime, end: datetime) -> Summary:
    return Summary(
        start=start, end=end, boroughs=Counter(), categories=Counter(), outcomes=Counter(), hours=Counter(), on_scene=Counter(),
        area_seconds=Counter(), requests=Counter(),
    )  # fmt: skip


def of(body: ReleaseBody) -> Summary:
    """The figures of one release."""
    known = [path for path in body.paths if path.scene_min is not None]
    return Summary(
        start=body.start, end=body.end, releases=1, flights=len(body.flights),
        missing=body.took_off_by_ledger - len(body.flights),
        air_min=sum(path.air_min or 0 for path in body.paths), scene_min=sum(path.scene_min or 0 for path in body.paths),
        commands=body.commands, denied=body.denied, authorised=body.authorised, erased=body.erased,
        deployments=body.deployments, entries=body.checkpoint.size,
        boroughs=Counter(flight.borough for flight in body.flights),
        categories=Counter(flight.category for flight in body.flights),
        outcomes=Counter(flight.outcome for flight in body.flights),
        hours=Counter(path.hour for path in body.paths if path.hour is not None),
        on_scene=Counter(_on_scene(path.scene_min or 0) for path in known),
        area_seconds=Counter({area: share.amount for area, share in body.areas.items()}), requests=Counter(body.requests),
    )  # fmt: skip


def added(parts: Iterable[Summary]) -> Summary | None:
    """All together; None of none."""
    parts = list(parts)
    if not parts:
        return None
    whole = empty(min(one.start for one in parts), max(one.end for one in parts))
    whole.entries = max(one.entries for one in parts)
    for one in parts:
        for name in (
            "releases",
            "flights",
            "missing",
            "air_min",
            "scene_min",
            "commands",
            "denied",
            "authorised",
            "erased",
            "deployments",
        ):
            setattr(whole, name, getattr(whole, name) + getattr(one, name))
        for name in ("boroughs", "categories", "outcomes", "hours", "on_scene", "area_seconds", "requests"):
            getattr(whole, name).update(getattr(one, name))
    return whole


def by_month(parts: Iterable[Summary]) -> list[tuple[str, Summary]]:
    """By the month in which each release began (UTC), newest first."""
    months: dict[str, list[Summary]] = {}
    for one in parts:
        months.setdefault(f"{one.start:%Y-%m}", []).append(one)
    return [(month, whole) for month in sorted(months, reverse=True) if (whole := added(months[month])) is not None]


def _on_scene(minutes: int) -> str:
    return next(name for most, name in ON_SCENE if minutes <= most)
