"""The log of processing, read from the ledger: filtered, as CSV or JSON lines, counted."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime

import msgspec

from bowstreet.accountability import ledger
from bowstreet.accountability.processing import rules
from bowstreet.accountability.processing.model import LogLine, Processing
from bowstreet.errors import BadInput
from bowstreet.runtime.ports import LogRow

Opened = Callable[[LogRow], LogRow]
COLUMNS = tuple(field.name for field in msgspec.structs.fields(LogLine))
# What a spreadsheet would take for a formula (OWASP, CSV injection). Ids begin with none of them; names may.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines: days (UTC) from and to, both included; about whom or what; by whom."""

    first: date | None = None
    last: date | None = None
    subject_id: str = ""
    account_id: str = ""

    def has(self, at: datetime) -> bool:
        day = at.date()
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)

    def takes(self, one: LogLine) -> bool:
        return (not self.subject_id or self.subject_id == one.subject_id) and (not self.account_id or self.account_id == one.by)


def wanted(first: str | None, last: str | None, subject_id: str | None, account_id: str | None) -> Wanted:
    """Raises `BadInput` for a day that is none."""
    return Wanted(first=_day(first), last=_day(last), subject_id=subject_id or "", account_id=account_id or "")


def _day(said: str | None) -> date | None:
    if said is None:
        return None
    try:
        return date.fromisoformat(said)
    except ValueError as error:
        raise BadInput(f"'{said[:20]}' is no day", remedy="write it as 2026-11-23") from error


def line_of(row: LogRow, filtered: Wanted, names: Mapping[str, str], opened: Opened = lambda row: row) -> LogLine | None:
    """The line of a row that is wanted; None for the others. `opened` is asked only for those of some processing."""
    entry = ledger.read_entry(row.entry)
    if entry.kind not in rules.BY_NAME or not filtered.has(entry.at):
        return None
    row = opened(row)
    message = ledger.message_of(row) if row.salt else None
    one = rules.line(entry.index, entry.at, entry.kind, entry.subject, message, names)
    return one if one is not None and filtered.takes(one) else None


def lines(
    rows: Iterable[LogRow], filtered: Wanted, names: Mapping[str, str], opened: Opened = lambda row: row
) -> Iterator[LogLine]:
    for row in rows:
        one = line_of(row, filtered, names, opened)
        if one is not None:
            yield one


def as_csv(some: Iterable[LogLine]) -> Iterator[str]:
    """With a first line of names (RFC 4180)."""
    yield _csv(COLUMNS)
    for one in some:
        yield _csv([_cell(value) for value in msgspec.to_builtins(one).values()])


def as_json_lines(some: Iterable[LogLine]) -> Iterator[str]:
    for one in some:
        yield msgspec.json.encode(one).decode() + "\n"


def _cell(value: object) -> str:
    said = str(value).lower() if isinstance(value, bool) else str(value)
    return "'" + said if said.startswith(_FORMULA) else said


def _csv(values: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(values)
    return out.getvalue()


class Summary:
    """Counts of what passes through."""

    def __init__(self) -> None:
        self.kinds: Counter[Processing] = Counter()
        self.reasons: Counter[str] = Counter()
        self.unreadable = 0
        self.first_at: datetime | None = None
        self.last_at: datetime | None = None

    def counted(self, some: Iterable[LogLine]) -> Iterator[LogLine]:
        for one in some:
            self.kinds[one.processing] += 1
            self.unreadable += not one.readable
            if one.justification:
                self.reasons[f"{one.processing} for {one.justification}"] += 1
            self.first_at, self.last_at = self.first_at or one.at, one.at
            yield one

    def says(self) -> str:
        """To print."""
        if self.first_at is None or self.last_at is None:
            return "Nothing of that is on record."
        rows = [(kind.value, self.kinds[kind]) for kind in Processing]
        rows += [(f"  {reason}", count) for reason, count in sorted(self.reasons.items())]
        width = max(len(name) for name, _ in rows)
        said = [f"{name:<{width}}  {count:>9,}" for name, count in rows]
        erased = f"{self.unreadable:,} of them can only be counted: their content was erased." if self.unreadable else ""
        head = f"Log of processing (DPA 2018 s.62), {self.first_at:%Y-%m-%d %H:%M} to {self.last_at:%Y-%m-%d %H:%M} UTC"
        return "\n".join([head, "", *said, *([erased] if erased else [])])
