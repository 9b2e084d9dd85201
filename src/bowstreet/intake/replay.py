"""Replays a file of calls: against the clock when live, as a list in order of time for a simulation."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import PurePath
from statistics import median_low
from typing import Any, NamedTuple

from bowstreet.errors import Conflict, MalformedReport, StoreUnavailable
from bowstreet.intake import rules
from bowstreet.intake.callfile import Row, read_calls
from bowstreet.intake.service import IntakeService
from bowstreet.runtime.ports import Clock

# After the store could not take a call, it is offered again this many seconds later. Nothing is skipped.
AGAIN_S = 5.0
# A year mistyped must not make everybody wait for it: what is farther than this from the middle of its file is a mistake.
MOST_FROM_MIDDLE = timedelta(days=3_653)


class Due(NamedTuple):
    """A row and when it is due; rows without a usable time are due with the one before them."""

    at: datetime
    row: Row


def source_of(data: bytes, name: str) -> str:
    """What a replayed file is called in the record: its name without folders and the beginning of its SHA-256, so that another
    file of the same name is not taken for the same calls."""
    return f"replay:{PurePath(name).name}#{sha256(data).hexdigest()[:12]}"


def _moment(row: Row) -> datetime | None:
    if row.values is None:
        return None
    try:
        return rules.read_moment(row.values.get("reported_at"))
    except MalformedReport:
        return None  # intake will say so


def due_calls(data: bytes, name: str, start: datetime | None = None) -> Iterator[Due]:
    """The rows of a file in order of time, each with an `id`: its own, or else its place in the file.

    Args:
        start: shifts all times so that the earliest call is then; None leaves them as they are.

    Raises:
        MalformedReport: when the file as a whole cannot be read.
    """
    timed = [(row, _moment(row)) for row in read_calls(data, name)]
    known = [moment for _, moment in timed if moment is not None]
    if not known:
        raise MalformedReport("no row of the file has a usable reported_at", remedy="give ISO 8601 with an offset")
    middle = median_low(known)
    last = min(moment for moment in known if abs(moment - middle) <= MOST_FROM_MIDDLE)
    shift = timedelta() if start is None else start - last
    found: list[Due] = []
    for row, moment in timed:
        if moment is not None and abs(moment - middle) > MOST_FROM_MIDDLE:
            row = _misdated(row)
        elif moment is not None:
            last = moment
        found.append(Due(last + shift, _referenced(_shifted(row, moment, shift))))
    return iter(sorted(found, key=lambda due: due.at))


def _misdated(row: Row) -> Row:
    years = MOST_FROM_MIDDLE.days // 365
    return row._replace(values=None, reason=f"reported_at is more than {years} years from the other calls of the file")


def _shifted(row: Row, moment: datetime | None, shift: timedelta) -> Row:
    if row.values is None or moment is None or not shift:
        return row
    values: dict[str, Any] = {**row.values, "reported_at": (moment + shift).isoformat()}
    return row._replace(values=values)


def reference_of(row: Row) -> str:
    """The caller's reference, or the row's place in the file, so that a restart does not take it in twice."""
    given = str((row.values or {}).get("id") or "").strip()
    return given or (f"line-{row.line}" if row.part == 1 else f"line-{row.line}.{row.part}")


def _referenced(row: Row) -> Row:
    if row.values is None or row.values.get("id") not in (None, ""):
        return row
    return row._replace(values={**row.values, "id": reference_of(row)})


async def take_in(service: IntakeService, row: Row, source: str) -> None:
    """One row into intake: an incident, a merge, or quarantine with its line."""
    if row.values is None:
        await service.quarantine(source, row.line, row.reason, row.raw, row.part)
    else:
        await service.receive_raw(row.values, source, row.line, row.part)


async def replay(service: IntakeService, data: bytes, name: str, clock: Clock, *, shift: bool = True) -> None:
    """Live: each call when it is due. Rows that were received before a restart are skipped, whatever became of them.

    Args:
        shift: the first call is due now and the others as far from it as they were; after a restart, the first that was not
            received before. Without it, calls are due when they say, and those of the past at once.
    """
    source = source_of(data, name)
    calls = [due for due in due_calls(data, name) if not await _received(service, source, due.row)]
    if not calls:
        return
    ahead = clock.now() - calls[0].at if shift else timedelta()
    for due in calls:
        at = due.at + ahead
        while (wait_s := (at - clock.now()).total_seconds()) > 0:
            await clock.sleep(wait_s)
        row = _shifted(due.row, _moment(due.row), ahead)
        while True:
            try:
                await take_in(service, row, source)
                break
            except (StoreUnavailable, Conflict):
                await clock.sleep(AGAIN_S)


async def _received(service: IntakeService, source: str, row: Row) -> bool:
    """Whether the record has this row already. A reference that comes a second time with a graver grade is news until it has
    been taken in."""
    if service.is_quarantined(source, row.line, row.part):
        return True
    if row.values is None:
        return False
    incident = await service.referred(source, reference_of(row))
    if incident is None:
        return False
    grade = rules.GRADES.get(str(row.values.get("grade")).strip().lower())
    return grade is None or not rules.is_news(grade, incident)
