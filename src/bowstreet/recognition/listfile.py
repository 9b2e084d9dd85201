"""A list as a CSV file: bytes in, rows and what is wrong with the others out. No image is touched here, no file opened.

UTF-8 with a first line of names: reference, name, image, category, source, legal_basis, captured_on (2026-11-23), and if wanted
risk, under_18, vulnerable (yes or no). Several lines with one reference are several images of one person.
"""

import csv
import io
import re
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import TypeVar

from bowstreet.errors import BadInput
from bowstreet.recognition import answers, rules
from bowstreet.recognition.listing import Row, RowResult, RowState
from bowstreet.recognition.model import Category, DeploymentUse, ImageSource, LegalBasis, Risk

MOST_BYTES = 32 * 1024 * 1024
MOST_ROWS = 100_000
MOST_IMAGES_A_PERSON = 10
NEEDED = ("reference", "name", "image", "category", "source", "legal_basis", "captured_on")
OPTIONAL = ("risk", "under_18", "vulnerable")
# Longer than any name or number; a field beyond it is a file that is not what it says.
MOST_FIELD = 200
REMEDY = "see docs/recognition.md for the columns"
_PLAIN_NAME = re.compile(r"[^\x00-\x1f/\\:*?\"<>|]{1,150}")
# Control characters, and what turns the order of letters or breaks a line: a name is shown as it stands.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
# No earlier photograph of a living face is on any list: a date before it is a mistyped one.
FIRST_DAY = date(1950, 1, 1)

E = TypeVar("E", bound=StrEnum)


class _Wrong(Exception):
    """What is wrong with one line, in words without anybody's data."""


def parse_list(data: bytes, use_case: DeploymentUse, today: date) -> tuple[list[Row], list[RowResult]]:
    """The usable rows, and a result for each of the others.

    Raises:
        BadInput: it is no CSV of this form at all, or has more lines than a list may have.
    """
    if len(data) > MOST_BYTES:
        raise BadInput(f"the list is over {MOST_BYTES // 1024**2} MB", remedy="split it: a deployment has one list of its own")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"the list is not UTF-8 (byte {error.start})", remedy="save it as CSV UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    bad: list[RowResult] = []
    people: dict[str, Row] = {}
    counts: dict[str, int] = {}
    images: dict[str, int] = {}
    try:
        names = _header(next(reader, []))
        for fields in reader:
            if not any(fields):
                continue
            line = reader.line_num
            if len(rows) + len(bad) >= MOST_ROWS:
                raise BadInput(f"the list has more than {MOST_ROWS:,} lines", remedy="a deployment's list is one place's: choose")
            try:
                row = _row(line, dict(zip(names, fields, strict=True)), use_case, today)
                _fits(row, people, counts, images)
            except (_Wrong, ValueError) as error:
                why = str(error) if isinstance(error, _Wrong) else f"it has {len(fields)} fields, not {len(names)}"
                bad.append(RowResult(line=line, state=RowState.BAD, image=_image_of(names, fields), why=why))
                continue
            rows.append(row)
    except csv.Error as error:
        raise BadInput(f"the list is no CSV: line {reader.line_num}: {error}", remedy=REMEDY) from error
    if not rows and not bad:
        raise BadInput("the list is empty", remedy=REMEDY)
    return rows, bad


def _image_of(names: list[str], fields: list[str]) -> str:
    """The image that a bad line names, so that it is found again; "" where it names none."""
    said = fields[names.index("image")].strip() if len(fields) == len(names) else ""
    return said if _PLAIN_NAME.fullmatch(said) else ""


def _header(names: list[str]) -> list[str]:
    said = [name.strip().lower() for name in names]
    missing = [name for name in NEEDED if name not in said]
    strange = [name for name in said if name not in (*NEEDED, *OPTIONAL)]
    if missing:
        raise BadInput(f"the list lacks the columns {', '.join(missing)}", remedy=REMEDY)
    if strange or len(set(said)) != len(said):
        raise BadInput(
            "the list has columns that are not known here, or twice", remedy="leave them out: what is not needed is not kept"
        )
    return said


def _row(line: int, said: dict[str, str], use_case: DeploymentUse, today: date) -> Row:
    said = {name: value.strip() for name, value in said.items()}
    for name, value in said.items():
        if len(value) > MOST_FIELD or _UNSEEN.search(value):
            raise _Wrong(f"{name} is too long, or has control characters")
        if name in NEEDED and not value:
            raise _Wrong(f"{name} is empty")
    category = _one_of(Category, said["category"], "category")
    try:
        rules.check_category(category, use_case)
    except BadInput as error:
        raise _Wrong(f"{error.message}; {error.remedy}") from None
    source = _one_of(ImageSource, said["source"], "source")
    basis = _one_of(LegalBasis, said["legal_basis"], "legal_basis")
    if source not in answers.SOURCES[category]:
        raise _Wrong(
            f"'{source}' is no source of images for {category} (R5); its sources are {_named(answers.SOURCES[category])}"
        )
    if basis not in answers.LEGAL_BASES[category]:
        raise _Wrong(f"'{basis}' is no basis for {category} (R5); its bases are {_named(answers.LEGAL_BASES[category])}")
    return Row(
        line=line, reference=said["reference"], name=said["name"], image=file_name(said["image"]), category=category,
        source=source, legal_basis=basis, captured_on=_day(said["captured_on"], today),
        risk=_one_of(Risk, said.get("risk", "") or Risk.NONE_KNOWN.value, "risk"),
        under_18=_yes(said.get("under_18", ""), "under_18"), vulnerable=_yes(said.get("vulnerable", ""), "vulnerable"),
    )  # fmt: skip


def file_name(said: str) -> str:
    """A file's name and nothing else: no folder, no way up. Raises `_Wrong`."""
    if not _PLAIN_NAME.fullmatch(said) or said.startswith(".") or said != said.strip():
        raise _Wrong("image is no plain name of a file: give it without folders")
    return said


def _fits(row: Row, people: dict[str, Row], counts: dict[str, int], images: dict[str, int]) -> None:
    """Raises `_Wrong` where a line contradicts an earlier one; else notes it."""
    first = people.setdefault(row.reference, row)
    for name in ("name", "category", "risk", "under_18", "vulnerable"):
        if getattr(row, name) != getattr(first, name):
            raise _Wrong(f"{name} is another than in line {first.line} of the same reference")
    if counts.get(row.reference, 0) >= MOST_IMAGES_A_PERSON:
        raise _Wrong(f"a person has at most {MOST_IMAGES_A_PERSON} images")
    if (before := images.setdefault(row.image.casefold(), row.line)) != row.line:
        raise _Wrong(f"the image stands in line {before} already")
    counts[row.reference] = counts.get(row.reference, 0) + 1


def _one_of(kind: type[E], said: str, name: str) -> E:
    try:
        return kind(said)
    except ValueError:
        raise _Wrong(f"{name} is none of {_named(kind)} (R1)") from None


def _named(values: Iterable[StrEnum]) -> str:
    return ", ".join(sorted(value.value for value in values))


def _day(said: str, today: date) -> date:
    try:
        day = date.fromisoformat(said)
    except ValueError:
        raise _Wrong("captured_on is no day: write it as 2026-11-23") from None
    if not FIRST_DAY <= day <= today:
        raise _Wrong("captured_on lies in the future, or before any photograph that is used")
    return day


def _yes(said: str, name: str) -> bool:
    if said.lower() in ("yes", "no", ""):
        return said.lower() == "yes"
    raise _Wrong(f"{name} is neither yes nor no")
