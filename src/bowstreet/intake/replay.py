"""Replays a file of calls against the clock: the first one now, the others as far apart as they were."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from bowstreet.errors import MalformedReport, StoreUnavailable
from bowstreet.intake.callfile import Row, read_calls
from bowstreet.intake.service import IntakeService
from bowstreet.runtime.ports import Clock

# After the store could not take a call, it is offered again this many seconds later. Nothing is skipped.
AGAIN_S = 5.0


class Due(NamedTuple):
    """A row and when it is due; rows without a usable time are due with the one before them."""

    at: datetime
    row: Row


def _moment(row: Row) -> datetime | None:
    if row.values is None:
        return None
    try:
        moment = datetime.fromisoformat(str(row.values.get("reported_at", "")).strip())
        return moment.astimezone(UTC) if moment.utcoffset() is not None else None
    except (ValueError, OverflowError):
        return None


def due_calls(data: bytes, name: str, start: datetime | None = None) -> Iterator[Due]:
    """The rows of a file in order of time.

    Args:
        start: shifts all times so that the earliest call is then; None leaves them as they are.

    Raises:
        MalformedReport: when the file as a whole cannot be read.
    """
    rows = list(read_calls(data, name))
    moments = [_moment(row) for row in rows]
    known = [moment for moment in moments if moment is not None]
    if not known:
        raise MalformedReport("no row of the file has a usable reported_at", remedy="give ISO 8601 with an offset")
    shift = timedelta() if start is None else start - min(known)
    last = min(known)
    found: list[Due] = []
    for row, moment in zip(rows, moments, strict=True):
        last = moment or last
        found.append(Due(last + shift, _shifted(row, moment, shift)))
    return iter(sorted(found, key=lambda due: (due.at, due.row.line)))


def _shifted(row: Row, moment: datetime | None, shift: timedelta) -> Row:
    if row.values is None or moment is None or not shift:
        return row
    values: dict[str, Any] = {**row.values, "reported_at": (moment + shift).isoformat()}
    return row._replace(values=values)


def _referenced(row: Row) -> Row:
    """A row without a reference is known by its line, so that a restart does not take it in twice."""
    if row.values is None or row.values.get("id"):
        return row
    return row._replace(values={**row.values, "id": f"line-{row.line}"})


async def take_in(service: IntakeService, row: Row, source: str) -> None:
    """One row into intake: an incident, a merge, or quarantine with its line."""
    if row.values is None:
        await service.quarantine(source, row.line, row.reason, row.raw)
    else:
        await service.receive_raw(row.values, source, row.line)


async def replay(service: IntakeService, data: bytes, name: str, clock: Clock) -> None:
    """Live: each call when it is due. Rows that were received before a restart are skipped by their reference, or by their line.

    The first call is due now; after a restart, the first that was not received before.
    """
    source = f"replay:{name}"
    calls = [due for due in due_calls(data, name) if not _received(service, source, due.row)]
    if not calls:
        return
    shift = clock.now() - calls[0].at
    for due in calls:
        at = due.at + shift
        while (wait_s := (at - clock.now()).total_seconds()) > 0:
            await clock.sleep(wait_s)
        row = _shifted(due.row, _moment(due.row), shift)
        while True:
            try:
                await take_in(service, _referenced(row), source)
                break
            except StoreUnavailable:
                await clock.sleep(AGAIN_S)


def _received(service: IntakeService, source: str, row: Row) -> bool:
    if row.values is None:
        return False  # its line is remembered by the quarantine
    reference = row.values.get("id") or f"line-{row.line}"
    return service.known(source, str(reference)) is not None
