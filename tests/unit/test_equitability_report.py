"""R12, R13: a report is of one model, for a time, at thresholds that were measured; nothing in it can be changed."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowstreet.errors import BadInput
from bowstreet.recognition.evaluation import rules
from bowstreet.recognition.evaluation.intervals import Rate
from bowstreet.recognition.evaluation.report import (
    Compared,
    EquitabilityReport,
    Finding,
    GroupFinding,
    Measured,
    Verdict,
    digest,
    expiry,
    read_report,
    write_report,
)
from bowstreet.recognition.known_models import KnownModels
from bowstreet.recognition.models import shipped

MADE = datetime(2026, 11, 28, 12, tzinfo=UTC)
MODEL = "ab" * 32


def measured(value: float = 0.5, of: int = 100) -> Measured:
    return Measured(
        value=value, low=max(0.0, value - 0.05), high=min(1.0, value + 0.05), hits=int(value * of), of=of, subjects=of
    )


def finding(threshold: float, **more: Any) -> Finding:
    given_values: dict[str, Any] = {
        "threshold": threshold, "tpir": measured(0.9), "fpir": measured(0.0), "tpir_verdict": Verdict.SUFFICIENT,
        "fpir_verdict": Verdict.SUFFICIENT,
    }  # fmt: skip
    return Finding(**(given_values | more))


def group(name: str, **more: Any) -> GroupFinding:
    given_values: dict[str, Any] = {
        "name": name, "tpir": measured(0.9), "fpir": measured(0.0), "tpir_verdict": Verdict.SUFFICIENT,
        "fpir_verdict": Verdict.SUFFICIENT, "tpir_compared": Compared.NONE_FOUND, "fpir_compared": Compared.NONE_FOUND,
    }  # fmt: skip
    return GroupFinding(**(given_values | more))


REPORT = EquitabilityReport(
    made_at=MADE, expires_at=expiry(MADE), program="bowstreet 0", model_sha256=MODEL, model_name="a model", threshold_floor=0.4,
    list_size=100, images=300, unit="track", failure_to_enrol=measured(0.01), failure_to_acquire=measured(0.02),
    findings=(finding(0.5, groups=(group("sex f"),)), finding(0.55)),
)  # fmt: skip


def test_what_was_written_is_read() -> None:
    data = write_report(REPORT)
    assert read_report(data) == REPORT
    assert re.fullmatch("[0-9a-f]{64}", digest(data))


@given(st.data())
def test_not_one_byte_can_be_changed_unseen(data: st.DataObject) -> None:
    written = bytearray(write_report(REPORT))
    place = data.draw(st.integers(0, len(written) - 1))
    written[place] ^= data.draw(st.integers(1, 255))
    try:
        changed = read_report(bytes(written))
    except BadInput:
        return
    # Another true report, with another digest: what an authorisation names is not this one.
    assert changed != REPORT
    assert digest(bytes(written)) != digest(write_report(REPORT))


@pytest.mark.parametrize(
    "change",
    [
        lambda report: msgspec.structs.replace(report, expires_at=expiry(MADE) + timedelta(seconds=1)),
        lambda report: msgspec.structs.replace(report, expires_at=MADE),
        lambda report: msgspec.structs.replace(
            report, findings=(finding(0.5, tpir=msgspec.structs.replace(measured(0.9), low=0.95)),)
        ),
        lambda report: msgspec.structs.replace(
            report, findings=(finding(0.5, fpir=msgspec.structs.replace(measured(0.9), hits=101)),)
        ),
    ],
)
def test_what_does_not_fit_is_refused(change: Any) -> None:
    with pytest.raises(BadInput, match="no equitability report"):
        read_report(write_report(change(REPORT)))


@pytest.mark.parametrize("data", [b"", b"{}", b"Bowstreet equitability report 1\n", b"Bowstreet equitability report 1\n{}\n"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BadInput, match="no equitability report"):
        read_report(data)


def test_it_covers_its_model_at_its_thresholds_for_a_year() -> None:
    assert rules.covers(REPORT, MODEL, 0.5, MADE).covered
    assert rules.covers(REPORT, MODEL, 0.55, expiry(MADE) - timedelta(seconds=1)).covered
    for model, threshold, now, word in (
        ("cd" * 32, 0.5, MADE, "another model"),
        (MODEL, 0.52, MADE, "nothing was measured"),
        (MODEL, 0.3, MADE, "floor"),
        (MODEL, 0.5, expiry(MADE), "expired"),
        (MODEL, 0.5, MADE - timedelta(seconds=1), "future"),
    ):
        cover = rules.covers(REPORT, model, threshold, now)
        assert not cover.covered
        assert word in " ".join(cover.refusals)


def test_a_year_ends_also_after_a_leap_day() -> None:
    assert expiry(datetime(2028, 2, 29, 12, tzinfo=UTC)) == datetime(2029, 2, 28, 12, tzinfo=UTC)


def test_what_it_leaves_open_is_said() -> None:
    def warned(*groups: GroupFinding, **more: Any) -> str:
        report = msgspec.structs.replace(REPORT, findings=(finding(0.5, groups=groups, **more),))
        return "; ".join(rules.covers(report, MODEL, 0.5, MADE).warnings)

    assert warned(group("sex f")) == ""
    assert "no group" in warned()
    assert "insufficient data for tone VI" in warned(group("tone VI", fpir_verdict=Verdict.INSUFFICIENT))
    assert "worse for sex f" in warned(group("sex f", fpir_compared=Compared.HIGHER))
    assert "worse for sex f" in warned(group("sex f", tpir_compared=Compared.LOWER))
    assert "everybody" in warned(group("sex f"), fpir_verdict=Verdict.INSUFFICIENT)


def test_a_difference_that_was_found_is_told_first_whatever_is_not_known() -> None:
    """The officer who authorises reads it, though the group is too small to say how large the difference is."""
    few = group("tone VI", tpir_verdict=Verdict.INSUFFICIENT, fpir_verdict=Verdict.INSUFFICIENT, fpir_compared=Compared.HIGHER)
    missed = group("age 60+", tpir_verdict=Verdict.INSUFFICIENT, tpir_compared=Compared.LOWER)
    found = finding(
        0.5, groups=(group("sex f", fpir_verdict=Verdict.INSUFFICIENT), few, missed), tpir_verdict=Verdict.INSUFFICIENT
    )
    warnings = rules.covers(msgspec.structs.replace(REPORT, findings=(found,)), MODEL, 0.5, MADE, listed=101).warnings
    assert warnings == (
        "worse for tone VI than for others (more false alerts)",
        "worse for age 60+ than for others (more of them missed)",
        "the list has 101 people, and the report was made with 100: more false alerts are to be expected than it says",
        "insufficient data for the true positive identification rate of everybody",
        "insufficient data for sex f", "insufficient data for tone VI", "insufficient data for age 60+",
    )  # fmt: skip


@pytest.mark.parametrize(("listed", "told"), [(0, False), (100, False), (101, True), (60_000, True)])
def test_a_list_longer_than_the_one_measured_is_told(listed: int, told: bool) -> None:
    warnings = rules.covers(REPORT, MODEL, 0.5, MADE, listed=listed).warnings
    assert any("more false alerts are to be expected" in one for one in warnings) is told


def test_the_report_in_use_warns_for_the_list_that_it_is_asked_about(tmp_path: Path) -> None:
    (tmp_path / "report.bow").write_bytes(write_report(REPORT))
    known = KnownModels(shipped.find(), tmp_path)
    for listed, told in ((0, False), (100, False), (150, True)):
        found = known.report(MODEL, 0.5, MADE, listed)
        assert found is not None
        assert any("150 people" in one for one in found.warnings) is told


def rate(value: float | None, low: float, high: float, subjects: int) -> Rate:
    return Rate(value=value, low=low, high=high, hits=0, of=subjects, subjects=subjects, method="bootstrap")


def test_when_a_rate_says_too_little() -> None:
    assert rules.judge_tpir(rate(0.9, 0.86, 0.94, 500)) == "sufficient"
    assert rules.judge_tpir(rate(0.9, 0.80, 0.96, 500)) == "insufficient data"
    assert rules.judge_tpir(rate(0.9, 0.86, 0.94, 29)) == "insufficient data"
    assert rules.judge_tpir(rate(None, 0.0, 1.0, 0)) == "insufficient data"
    # No false alert among 100 people bounds the rate at 3.6%: not known to be low. Among 400 it is.
    assert rules.judge_fpir(rate(0.0, 0.0, 0.036, 100)) == "insufficient data"
    assert rules.judge_fpir(rate(0.0, 0.0, 0.0092, 400)) == "sufficient"
    assert rules.judge_fpir(rate(0.2, 0.15, 0.26, 100)) == "sufficient", "high, and known to be"


def test_groups_differ_only_when_the_interval_says_so() -> None:
    many, few = 200, 20
    assert rules.compare(many, many, 0.01, 0.2) == "higher"
    assert rules.compare(many, many, -0.2, -0.01) == "lower"
    assert rules.compare(many, many, -0.1, 0.1) == "no difference found"
    assert rules.compare(few, many, 0.01, 0.2) == "insufficient data"
