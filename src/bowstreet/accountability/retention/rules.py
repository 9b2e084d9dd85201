"""What is due, by the table and the time. Pure."""

import tomllib
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec

from bowstreet.accountability.retention.model import Due, Standing, Table
from bowstreet.errors import MalformedConfiguration

NEEDED = frozenset(
    {
        "incident", "quarantine", "account", "processing-log", "occurrence", "complaint", "footage", "follow", "officer-link",
        "alert", "watchlist", "push-subscription",
    }
)  # fmt: skip
REMEDY = "see docs/retention.md, and start from the table that comes with the product"


def parse_table(text: str, name: str) -> Table:
    """Read a table.

    Raises:
        MalformedConfiguration: it is no TOML, a row does not fit, two rows have one name, or a class that is held has none.
    """
    try:
        table = msgspec.convert(tomllib.loads(text), Table)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise MalformedConfiguration(f"{name} is no table of periods: {error}", remedy=REMEDY) from error
    names = [one.name for one in table.classes]
    twice = {one for one in names if names.count(one) > 1}
    if twice:
        raise MalformedConfiguration(f"{name} has '{min(twice)}' more than once", remedy=REMEDY)
    if missing := NEEDED - {one.name for one in table.classes if one.held}:
        raise MalformedConfiguration(f"{name} gives no period for {', '.join(sorted(missing))}", remedy=REMEDY)
    return table


def due_at(table: Table, retention_class: str, since: datetime) -> datetime:
    """When the period of something is over. Raises `LookupError` for a class that is in no row."""
    row = table.find(retention_class)
    if row is None:
        raise LookupError(f"no period for {retention_class}")
    return since + timedelta(days=row.days)


def due(
    table: Table,
    retention_class: str,
    holdings: Iterable[tuple[str, datetime]],
    now: datetime,
    is_held: Callable[[str], bool],
) -> list[Due]:
    """What is to be erased now, longest overdue first. A legal hold suspends it, whatever the period."""
    found = [
        Due(subject_id=subject_id, retention_class=retention_class, due_at=ends_at)
        for subject_id, since in holdings
        if (ends_at := due_at(table, retention_class, since)) <= now and not is_held(subject_id)
    ]
    return sorted(found, key=lambda one: (one.due_at, one.subject_id))


def standing(
    table: Table,
    retention_class: str,
    holdings: Iterable[tuple[str, datetime]],
    now: datetime,
    is_held: Callable[[str], bool],
) -> Standing:
    """How many there are of one class, how many are to be erased now, and how many a legal hold keeps past their period."""
    ends = [(due_at(table, retention_class, since), subject_id) for subject_id, since in holdings]
    over = [is_held(subject_id) for ends_at, subject_id in ends if ends_at <= now]
    return Standing(
        retention_class=retention_class, subjects=len(ends), due=over.count(False), kept_by_hold=over.count(True),
        next_due_at=min((ends_at for ends_at, _ in ends if ends_at > now), default=None),
    )  # fmt: skip
