"""Pairs of pictures of the same person and of two, in folds: the form of LFW's `pairs.txt`. Bytes in, values out.

A first line with the number of folds and of pairs of each kind in a fold, then for each fold the same (`name n1 n2`) and the
different (`name1 n1 name2 n2`). Tabs, commas or spaces; a CSV with a line of names in place of numbers is ten folds.
"""

import re
from dataclasses import dataclass

from bowstreet.errors import BadInput

MOST_BYTES = 64 * 1024 * 1024
MOST_PAIRS = 1_000_000
USUAL_FOLDS = 10
REMEDY = "give a file in the form of LFW's pairs.txt (docs/evaluate.md)"
# A name is a folder's: it must not lead elsewhere.
_NAME = re.compile(r"^(?!\.{1,2}$)[^/\\\x00-\x1f]{1,200}$")
Picture = tuple[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    first: Picture
    second: Picture
    same: bool
    fold: int


def parse_pairs(data: bytes) -> list[Pair]:
    """Raises `BadInput`, which names the line."""
    if len(data) > MOST_BYTES:
        raise BadInput("the file of pairs is larger than 64 MB", remedy=REMEDY)
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise BadInput("the file of pairs is not UTF-8", remedy=REMEDY) from None
    if len(lines) > MOST_PAIRS:
        raise BadInput(f"the file has more than {MOST_PAIRS:,} pairs", remedy="evaluate a part of them")
    rows = [(number, cells) for number, line in enumerate(lines, start=1) if (cells := _cells(line))]
    folds, each = _header(rows)
    if (rows and len(rows[0][1]) <= 2) or (rows and not _is_pair(rows[0][1])):
        rows = rows[1:]
    if each and len(rows) != folds * each * 2:
        raise BadInput(f"the first line tells of {folds * each * 2:,} pairs, the file has {len(rows):,}", remedy=REMEDY)
    if not rows:
        raise BadInput("the file has no pairs", remedy=REMEDY)
    pairs = [_pair(number, cells, place * folds // len(rows)) for place, (number, cells) in enumerate(rows)]
    for fold in range(folds):
        if {pair.same for pair in pairs if pair.fold == fold} != {True, False}:
            raise BadInput(f"fold {fold + 1} of the pairs lacks pairs of the same person, or of two", remedy=REMEDY)
    return pairs


def _cells(line: str) -> list[str]:
    separator = "\t" if "\t" in line else "," if "," in line else None
    return [cell.strip() for cell in line.split(separator) if cell.strip()]


def _is_pair(cells: list[str]) -> bool:
    return (len(cells) == 3 and _number(cells[1], cells[2])) or (len(cells) == 4 and _number(cells[1], cells[3]))


def _number(*cells: str) -> bool:
    return all(cell.isascii() and cell.isdigit() and len(cell) < 7 for cell in cells)


def _header(rows: list[tuple[int, list[str]]]) -> tuple[int, int]:
    """How many folds, and how many pairs of each kind in one; 0 where the file does not say."""
    if rows and _number(*rows[0][1]) and len(rows[0][1]) <= 2:
        numbers = [int(cell) for cell in rows[0][1]]
        folds, each = (numbers[0], numbers[1]) if len(numbers) == 2 else (1, numbers[0])
        if not (1 <= folds <= 1_000 and each >= 1):
            raise BadInput("the first line of the pairs tells of no folds", remedy=REMEDY)
        return folds, each
    return (USUAL_FOLDS if len(rows) >= 2 * USUAL_FOLDS else 1), 0


def _pair(number: int, cells: list[str], fold: int) -> Pair:
    if not _is_pair(cells):
        raise BadInput(f"line {number} is no pair", remedy=REMEDY)
    first, second = (cells[0], int(cells[1])), (cells[0] if len(cells) == 3 else cells[2], int(cells[-1]))
    if not (_NAME.match(first[0]) and _NAME.match(second[0])):
        raise BadInput(f"line {number} has a name that is no folder's", remedy=REMEDY)
    return Pair(first=first, second=second, same=len(cells) == 3, fold=fold)
