"""Releases of a city that was flown over, made by the rules themselves, for tests of the pages that show them."""

from datetime import timedelta

import msgspec
from tests.integration.console_city import SCENE, START, City

from bowstreet.accountability.disclosure.model import Flown, PublicCheckpoint, Release
from bowstreet.accountability.disclosure.rules import TAKE_OFF, Happening, digest, release, written
from bowstreet.geo import Position


async def flown_over(town: City, flights: int = 12, months: tuple[int, ...] = (10, 11), spread: int = 1) -> str:
    """Some flights a month, half robberies and half burglaries, over so many areas; gives the area of the scene."""
    areas = town.services.disclosure.areas
    over = [
        areas.of(Position(latitude_deg=SCENE.latitude_deg + 0.008 * n, longitude_deg=SCENE.longitude_deg - 0.004 * n))
        for n in range(spread)
    ]
    known = {
        f"mis-{n}": Flown(
            mission_id=f"mis-{n}", day="2026-11-23", hour=(15 + n) % 24, borough="Islington", category=("robbery", "burglary")[n % 2],
            purpose="999-response", outcome="seen, and home", air_min=6, scene_min=3, squares=("TQ3184",),
            areas=tuple(dict.fromkeys(over)), area_seconds=tuple(120 + 90 * k for k, _ in enumerate(dict.fromkeys(over))),
        )
        for n in range(flights)
    }  # fmt: skip
    where = PublicCheckpoint(origin="bowstreet.example/city", size=77, root="00" * 32)
    made = []
    for month in months:
        start = START.replace(month=month)
        happened = [Happening(at=start, what=TAKE_OFF, mission_id=one) for one in known]
        body, _ = release(
            f"r{month}", "Police", start, start + timedelta(days=1), where, happened, known, {}, areas.kind, salt=bytes(32)
        )
        text = written(msgspec.structs.replace(body, requests={"complaint: received": 5 + month}))
        made.append(Release(release_id=f"r{month}", start=start, end=body.end, digest=digest(text), text=text))
    await town.recorder.record(save=[(town.services.disclosure.releases, one) for one in made])
    return over[0]
