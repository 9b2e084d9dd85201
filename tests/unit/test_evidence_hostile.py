"""Bundles that are made to keep whoever verifies them busy: what is done is counted, not timed."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.unit.evidence_world import World, as_file, settled
from tests.unit.test_evidence_redacted import copied, exported

from bowstreet.video.evidence import model, verify
from bowstreet.video.evidence.model import Copies, ExportedFile, Manifest
from bowstreet.video.evidence.reading import Files, Wrong
from bowstreet.video.evidence.redacted import Lifts
from bowstreet.video.redaction import rules
from bowstreet.video.redaction.model import CoveredRegion, CoverKind, Lifted

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


class Counted(str):
    """A name that counts how often somebody looks it up."""

    looked_up = 0

    def __hash__(self) -> int:
        Counted.looked_up += 1
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other)


class Named:
    """A bundle of which there are only names."""

    path, checks_sums = Path("nowhere"), False

    def __init__(self, names: list[str]) -> None:
        self.octets = dict.fromkeys(names, 1)

    def open(self, name: str) -> io.BufferedReader:
        raise KeyError(name)

    def broken(self) -> str:
        return ""

    def finish(self, folder: str, sums: dict[str, int]) -> tuple[str, str]:
        return "", ""

    def close(self) -> None: ...


@pytest.mark.parametrize("foreign", [[], ["put-there.txt"]])
def test_the_names_of_a_manifest_are_looked_up_a_few_times_each(foreign: list[str]) -> None:
    names = [Counted(f"n{number}") for number in range(1_000)]
    files = tuple(ExportedFile(name=name, octets=1, sha256="") for name in names)
    manifest = Manifest(bundle=1, export_id="e", files=files, incident_id="i", key="", made_at=NOON, origin="", version="")
    held = Files(Named([model.NOTE, model.MANIFEST, *names, *foreign]))
    held.said = {one.name: one for one in files}
    Counted.looked_up = 0
    if foreign:
        with pytest.raises(Wrong, match="somebody put it there"):
            held.check_names(manifest)
    else:
        held.check_names(manifest)
    assert Counted.looked_up <= 10 * len(names)


# --- what people changed of a copy ------------------------------------------------------------------------------------------


class Moment(int):
    """A time that counts how often it is compared."""

    compared = 0

    def _counts(self) -> None:
        Moment.compared += 1

    def __lt__(self, other: int) -> bool:
        self._counts()
        return super().__lt__(other)

    def __le__(self, other: int) -> bool:
        self._counts()
        return super().__le__(other)

    def __gt__(self, other: int) -> bool:
        self._counts()
        return super().__gt__(other)

    def __ge__(self, other: int) -> bool:
        self._counts()
        return super().__ge__(other)


def lift(from_us: int, until_us: int) -> Lifted:
    return Lifted(edit_id="e", region_id="c", from_us=from_us, until_us=until_us, reason="", by="", at=NOON)


def region(from_us: int, until_us: int) -> CoveredRegion:
    return CoveredRegion(
        region_id="c", kind=CoverKind.PERSON, from_us=from_us, until_us=until_us, left=0, top=0, right=1, bottom=1
    )  # fmt: skip


SPAN = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted)


@given(lifted=st.lists(SPAN, max_size=12), covered=SPAN)
def test_a_region_meets_a_lift_when_they_have_a_moment_in_common(lifted: list[list[int]], covered: list[int]) -> None:
    meets = any(covered[0] <= until and covered[1] >= begin for begin, until in lifted)
    assert Lifts([lift(*one) for one in lifted]).meet(region(*covered)) is meets
    assert not Lifts([]).meet(region(*covered))


def test_a_region_is_held_against_a_few_lifts_however_many_there_are() -> None:
    lifts = Lifts([lift(10 * number, 10 * number + 3) for number in range(rules.MOST_EDITS)])
    Moment.compared = 0
    assert not lifts.meet(region(Moment(9_995), Moment(9_999)))
    assert Moment.compared < 30


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda edits: edits * 1_001, "more than 2,000 changes"),
        (lambda edits: (*edits, edits[1]), "twice"),
        (lambda edits: (edits[0], replace(edits[1], from_us=500_000, until_us=400_000)), "ends before it begins"),
    ],
)
async def test_a_record_of_changes_that_nobody_can_have_made_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Any, what: str
) -> None:  # fmt: skip
    world = await World(tmp_path).open()
    recording_id = await world.record(8)
    redactions = await copied(world, recording_id)
    one = redactions.all.get(recording_id)
    await world.acts.record(save=[(redactions.all, replace(one, edits=change(one.edits)))])
    with monkeypatch.context() as lax:
        lax.setattr(rules, "MOST_EDITS", 10_000)  # the operator alters the program
        await redactions.make_copy(recording_id, "acc-redacts", "looked through")
    await settled(redactions, recording_id)
    found = verify.verify(as_file(await exported(world, Copies.REDACTED), tmp_path / "one.zip"))
    assert (found.ok, found.file) == (False, f"{recording_id}.redacted/redaction.jsonl")
    assert what in found.what
