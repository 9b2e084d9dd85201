"""OFIQ's table: what it writes is read back, and whatever else comes is refused whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ofiq_peer import MEASURES, shown

from bowstreet.errors import MeasureUnavailable
from bowstreet.recognition.ofiq.model import UNIFIED, OfiqScores
from bowstreet.recognition.ofiq.table import parse_table

SCALARS = st.just(-1.0) | st.integers(0, 100).map(float) | st.floats(0, 100)
NATIVES = st.floats(-1e6, 1e6)
ROWS = st.none() | st.lists(st.tuples(NATIVES, SCALARS), min_size=len(MEASURES), max_size=len(MEASURES))
TABLES = st.lists(ROWS, min_size=1, max_size=4)


def written(rows: list[list[tuple[float, float]] | None]) -> tuple[bytes, list[str]]:
    """As OFIQ's sample application writes it, the header by the first image."""
    titles = MEASURES if rows[0] is not None else ()
    names = [f"/dev/fd/{number}" for number in range(len(rows))]
    lines = ["Filename;" + "".join(f"{one};" for one in titles) + "".join(f"{one}.scalar;" for one in titles)]
    for name, row in zip(names, rows, strict=True):
        lines.append(";".join([name, ";".join(shown(one) for one, _ in row or ()), ";".join(shown(one) for _, one in row or ())]))
    return ("\n".join(lines) + "\n").encode(), names


@given(TABLES)
def test_what_it_writes_is_read(rows: list[list[tuple[float, float]] | None]) -> None:
    found = parse_table(*written(rows))
    for row, said in zip(rows, found, strict=True):
        if row is None:
            assert said == OfiqScores()
        elif rows[0] is None:
            assert said is None  # the header names no measure
        else:
            assert said is not None
            scores = {UNIFIED: said.unified} | said.components
            assert set(scores) == set(MEASURES)
            for (_, scalar), value in zip(row, scores.values(), strict=True):
                assert value is None if scalar == -1.0 else value == pytest.approx(scalar, abs=1e-6)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_table_or_an_error_with_a_remedy(data: bytes) -> None:
    with pytest.raises(MeasureUnavailable) as told:
        parse_table(data, ["/dev/fd/3"])
    assert told.value.remedy


@given(TABLES, st.data())
def test_one_byte_changed_changes_a_value_or_is_refused(
    rows: list[list[tuple[float, float]] | None], data: st.DataObject
) -> None:
    """Never a wrong number of images, never a value beyond 0 to 100."""
    made, names = written(rows)
    at = data.draw(st.integers(0, len(made) - 1))
    changed = made[:at] + data.draw(st.binary(min_size=1, max_size=1)) + made[at + 1 :]
    try:
        found = parse_table(changed, names)
    except MeasureUnavailable:
        return
    assert len(found) == len(names)
    for said in found:
        for value in () if said is None else (said.unified, *said.components.values()):
            assert value is None or 0.0 <= value <= 100.0


GOOD = "Filename;UnifiedQualityScore;Sharpness;UnifiedQualityScore.scalar;Sharpness.scalar;\n/dev/fd/3;17.5;1;40;50.25\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Filename", "filename"), ("\n/dev/fd/3", "\n/dev/fd/4"), ("40;50.25", "40"), ("40;50.25", "40;101"), ("40;50.25", "40;-2"),
        ("40;50.25", "40;nan"), ("40;50.25", "40;1e1"), ("40;50.25", "40;50,25"), ("17.5", "0x11"), ("17.5", "\u0661"), ("50.25\n", "50.25"),
        ("Sharpness.scalar", "Sharp.scalar"), ("Sharpness", "UnifiedQualityScore"), ("UnifiedQualityScore", "Other"), ("\n/dev", "\n\n/dev"),
        ("Sharpness;", "S<b>;"), ("Filename;", "Filename;" + "A;" * 300), ("17.5", "1" * 400),
    ],
)  # fmt: skip
def test_what_is_not_its_form_is_refused(old: str, new: str) -> None:
    assert parse_table(GOOD.encode(), ["/dev/fd/3"]) == [OfiqScores(unified=40.0, components={"Sharpness": 50.25})]
    with pytest.raises(MeasureUnavailable):
        parse_table(GOOD.replace(old, new).encode(), ["/dev/fd/3"])
    assert parse_table(GOOD.replace("17.5", "nan").encode(), ["/dev/fd/3"])
