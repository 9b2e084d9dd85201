"""Who belongs to which group of people, as the evaluator says it: given, never guessed. Bytes in, values out."""

import csv
import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bowstreet.errors import BadInput

Flags = npt.NDArray[np.bool_]
MOST_BYTES = 64 * 1024 * 1024
MOST_COLUMNS, MOST_VALUES = 8, 40
MOST_GROUPS = 1_000
REMEDY = "give a CSV with a column 'person' and one for each attribute, such as sex or skin_tone"


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """People who share one value of an attribute, or of several."""

    values: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        return ", ".join(f"{attribute} {value}" for attribute, value in self.values)


@dataclass(frozen=True, kw_only=True, slots=True)
class Groups:
    """`people`: for each person, attribute = value."""

    attributes: tuple[str, ...]
    people: dict[str, dict[str, str]]

    def all(self) -> list[Group]:
        """Every value of every attribute, then every intersection of two attributes that somebody is in, then of all."""
        found: list[Group] = []
        depths = [1, 2, *([len(self.attributes)] if len(self.attributes) > 2 else [])]
        for depth in depths:
            for chosen in itertools.combinations(self.attributes, depth):
                seen = {
                    tuple((name, values[name]) for name in chosen)
                    for values in self.people.values()
                    if all(values.get(name) for name in chosen)
                }
                found.extend(Group(values=one) for one in sorted(seen))
        return found[:MOST_GROUPS]

    def members(self, groups: Sequence[Group], people: Sequence[str]) -> Iterator[tuple[Flags, Flags]]:
        """For each group, which of the people are in it, and of which of them it is known."""
        values = {
            name: np.array([self.people.get(person, {}).get(name, "") for person in people], dtype=object)
            for name in self.attributes
        }
        for group in groups:
            inside, known = np.ones(len(people), bool), np.ones(len(people), bool)
            for name, value in group.values:
                inside &= values[name] == value
                known &= values[name] != ""
            yield inside, known


NO_GROUPS = Groups(attributes=(), people={})


def parse_groups(data: bytes) -> Groups:
    """Raises `BadInput` for what is no such CSV; the line is named."""
    if len(data) > MOST_BYTES:
        raise BadInput("the groups' file is larger than 64 MB", remedy=REMEDY)
    try:
        rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        header = [name.strip() for name in next(rows, [])]
        if len(header) < 2 or header[0].lower() != "person" or len(set(header)) != len(header) or not all(header):
            raise BadInput("the groups' file does not begin with 'person' and the attributes' names", remedy=REMEDY)
        if len(header) - 1 > MOST_COLUMNS:
            raise BadInput(f"the groups' file has more than {MOST_COLUMNS} attributes", remedy="leave some out")
        people = _people(rows, header)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"the groups' file is no CSV in UTF-8 ({error})", remedy=REMEDY) from None
    for name in header[1:]:
        if len({values[name] for values in people.values()}) > MOST_VALUES:
            raise BadInput(f"'{name[:60]}' has more than {MOST_VALUES} values: it is no group", remedy="leave the column out")
    return Groups(attributes=tuple(header[1:]), people=people)


def _people(rows: Iterator[list[str]], header: list[str]) -> dict[str, dict[str, str]]:
    people: dict[str, dict[str, str]] = {}
    for line, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise BadInput(f"line {line} of the groups' file has {len(row)} cells, not {len(header)}", remedy=REMEDY)
        person, *values = (cell.strip()[:200] for cell in row)
        if not person or person in people:
            raise BadInput(f"line {line} of the groups' file has no person, or one twice", remedy=REMEDY)
        people[person] = dict(zip(header[1:], values, strict=True))
    return people
