"""The equitability report: what an evaluation found, bound to one model, for a time. A deployment needs one (R12).

One line that says what it is, then canonical JSON (RFC 8785), then nothing. Its digest is what an authorisation names. Bytes in,
values out; no IO.
"""

import hashlib
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
import rfc8785
from msgspec import Meta

from bowstreet.errors import BadInput

HEAD = b"Bowstreet equitability report 1\n"
MOST_BYTES = 4 * 1024 * 1024
# The model may stay the same, cameras, crowds and the law do not: a year at most.
VALID_MONTHS = 12
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Count = Annotated[int, Meta(ge=0, le=10**9)]
Word = Annotated[str, Meta(min_length=1, max_length=300)]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Moment = Annotated[datetime, Meta(tz=True)]


class Verdict(StrEnum):
    SUFFICIENT = "sufficient"
    INSUFFICIENT = "insufficient data"


class Compared(StrEnum):
    """A group beside everybody else. That no difference was found is no proof that there is none."""

    HIGHER = "higher"
    LOWER = "lower"
    NONE_FOUND = "no difference found"
    INSUFFICIENT = "insufficient data"


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True): ...


class Measured(_Part, frozen=True, kw_only=True):
    """A rate, its 95% interval, and what was counted. No value where nothing was."""

    value: Share | None
    low: Share
    high: Share
    hits: Count
    of: Count
    subjects: Count


class GroupFinding(_Part, frozen=True, kw_only=True):
    name: Word
    tpir: Measured
    fpir: Measured
    tpir_verdict: Verdict
    fpir_verdict: Verdict
    tpir_compared: Compared
    fpir_compared: Compared


class Finding(_Part, frozen=True, kw_only=True):
    """At one threshold, against the whole list, one search a frame or a track."""

    threshold: Share
    tpir: Measured
    fpir: Measured
    tpir_verdict: Verdict
    fpir_verdict: Verdict
    groups: Annotated[tuple[GroupFinding, ...], Meta(max_length=1_000)] = ()


class EquitabilityReport(_Part, frozen=True, kw_only=True):
    """See docs/evaluate.md.

    Attributes:
        model_sha256: of `models.shipped.ModelFiles`.
        unit: what one search was: a frame, or a track, which finds whom a deployment would have alerted about.
    """

    made_at: Moment
    expires_at: Moment
    program: Word
    model_sha256: Digest
    model_name: Word
    threshold_floor: Share
    list_size: Count
    images: Count
    unit: Literal["frame", "track"]
    failure_to_enrol: Measured
    failure_to_acquire: Measured
    findings: Annotated[tuple[Finding, ...], Meta(min_length=1, max_length=200)]


def write_report(report: EquitabilityReport) -> bytes:
    return HEAD + rfc8785.dumps(msgspec.to_builtins(report)) + b"\n"


def digest(data: bytes) -> str:
    """What an authorisation and the ledger name a report by."""
    return hashlib.sha256(data).hexdigest()


def read_report(data: bytes) -> EquitabilityReport:
    """Raises `BadInput` for bytes that `write_report` did not write, to the last one."""
    if len(data) > MOST_BYTES:
        raise _not("it is too long")
    if not data.startswith(HEAD):
        raise _not("it does not begin as one")
    try:
        report = msgspec.json.decode(data[len(HEAD) :], type=EquitabilityReport)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise _not(str(error)[:200]) from None
    if report.expires_at <= report.made_at or report.expires_at > expiry(report.made_at):
        raise _not(f"it is valid for more than {VALID_MONTHS} months, or for no time")
    for finding in report.findings:
        for rate in (finding.tpir, finding.fpir, *(one for group in finding.groups for one in (group.tpir, group.fpir))):
            _check(rate)
    try:
        canonical = write_report(report)
    except (ValueError, OverflowError, rfc8785.CanonicalizationError) as error:
        raise _not(str(error)[:200]) from None
    if canonical != data:
        raise _not("it is not in its canonical form: something was changed")
    return report


def _check(rate: Measured) -> None:
    if rate.hits > rate.of or rate.subjects > rate.of or (rate.value is None) != (rate.of == 0):
        raise _not("a rate's counts do not fit")
    if rate.value is not None and not rate.low <= rate.value <= rate.high:
        raise _not("a rate lies outside its interval")


def expiry(made_at: datetime) -> datetime:
    """The last of the month where the day does not exist a year later."""
    year = made_at.astimezone(UTC)
    try:
        return year.replace(year=year.year + VALID_MONTHS // 12)
    except ValueError:
        return year.replace(year=year.year + VALID_MONTHS // 12, day=28)


def _not(why: str) -> BadInput:
    return BadInput(f"this is no equitability report: {why}", remedy="give a file that bowstreet lfr evaluate wrote")
