"""What a partner is shown, and how often a server that does not answer is tried again. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from bowstreet.tak.events import key_of
from bowstreet.tak.model import Item, Kind, Partner, Situation, SubjectSeen

# What stands is told again within its life of five minutes, for who came later or missed it.
TOLD_AGAIN = timedelta(seconds=60)
# A TAK server that starts again is back in some seconds; one that is down for the night is asked once a minute.
FIRST_WAIT_S, MOST_WAIT_S = 1.0, 60.0


def is_shared(partner: Partner, now: datetime) -> bool:
    return partner.until is None or now < partner.until


def shown(partner: Partner, situation: Situation) -> list[Item]:
    """Of the situation what this partner sees: of the kinds and boroughs that the configuration names."""
    return [item for item in situation.items if _sees(partner, item)]


def _sees(partner: Partner, item: Item) -> bool:
    if key_of(item)[0] not in partner.shares:
        return False
    return not partner.boroughs or item.borough in partner.boroughs


def disclosures(items: Iterable[Item]) -> Iterator[tuple[str, str]]:
    """Incident and follow ("" for the incident itself) of each item that needs an entry before a partner may see it.

    A drone or a look-at point tells where an incident is as well as its marker does.
    """
    for item in items:
        yield item.incident_id, item.follow_id if isinstance(item, SubjectSeen) else ""


def gone(before: Iterable[tuple[Kind, str]], items: Iterable[Item], situation: Situation) -> list[tuple[Kind, str]]:
    """What was shown and is no more: to be taken off the partner's map."""
    there = {key_of(item) for item in items} | situation.standing
    return [key for key in before if key not in there]


def is_due(item: Item, before: Item | None, told_at: datetime | None, now: datetime) -> bool:
    """Whether it is to be told: it changed, or was told long ago."""
    return before != item or told_at is None or now - told_at >= TOLD_AGAIN


def back_off_s(failures: int, jitter: float) -> float:
    """How long to wait after so many failures in a row; `jitter` from 0 to 1 keeps many clients from coming at once."""
    longest = min(MOST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(max(0, failures - 1), 10))
    return longest * (0.5 + 0.5 * jitter)
