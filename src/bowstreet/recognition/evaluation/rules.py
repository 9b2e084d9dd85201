"""What an evaluation is good for: when a rate says too little, when groups differ, when a report covers a deployment.

Pure; what a regulator reads. Requirements R12 and R13 of ACCOUNTABILITY.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from bowstreet.recognition.evaluation.intervals import Rate
from bowstreet.recognition.evaluation.report import Compared, EquitabilityReport, Finding, Verdict

# Below this many people in a group an interval says more about who was picked than about the model.
LEAST_SUBJECTS = 30
# An interval of the true positive rate wider than this hides differences of ten points.
WIDEST_TPIR = 0.10
# Unless its bound is below one in a hundred, or no more than three times the estimate, a false positive rate is not known.
KNOWN_FPIR, KNOWN_FPIR_TIMES = 0.01, 3.0
# Two thresholds are the same when no score that is shown tells them apart.
SAME_THRESHOLD = 5e-5


def judge_tpir(rate: Rate) -> Verdict:
    enough = rate.value is not None and rate.subjects >= LEAST_SUBJECTS and rate.high - rate.low <= WIDEST_TPIR
    return Verdict.SUFFICIENT if enough else Verdict.INSUFFICIENT


def judge_fpir(rate: Rate) -> Verdict:
    known = rate.value is not None and rate.high <= max(KNOWN_FPIR, KNOWN_FPIR_TIMES * rate.value)
    return Verdict.SUFFICIENT if known and rate.subjects >= LEAST_SUBJECTS else Verdict.INSUFFICIENT


def compare(people: int, others: int, low: float, high: float) -> Compared:
    """`low` and `high` are of the difference, group less rest, widened for the number of groups that are looked at."""
    if min(people, others) < LEAST_SUBJECTS:
        return Compared.INSUFFICIENT
    if low > 0.0:
        return Compared.HIGHER
    return Compared.LOWER if high < 0.0 else Compared.NONE_FOUND


@dataclass(frozen=True, kw_only=True, slots=True)
class Cover:
    """Whether a report allows a deployment, and what its authorising officer has to be told.

    Attributes:
        refusals: why it does not; empty when it does.
        warnings: what it leaves open.
    """

    refusals: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    @property
    def covered(self) -> bool:
        return not self.refusals


def finding_for(report: EquitabilityReport, threshold: float) -> Finding | None:
    return next((one for one in report.findings if abs(one.threshold - threshold) < SAME_THRESHOLD), None)


def covers(report: EquitabilityReport, model_sha256: str, threshold: float, now: datetime, *, listed: int = 0) -> Cover:
    """Whether the accuracy of this model at this threshold is known now (R12), and the threshold high enough (R13).

    Args:
        listed: people on the deployment's list; 0 where it has none yet.
    """
    refusals = []
    if report.model_sha256 != model_sha256:
        refusals.append("the report is of another model, or of another way of running it")
    if not report.made_at <= now < report.expires_at:
        refusals.append("the report has expired" if now >= report.expires_at else "the report was made in the future")
    if threshold < report.threshold_floor - SAME_THRESHOLD:
        refusals.append(f"the threshold is below the model's floor of {report.threshold_floor:g}")
    finding = finding_for(report, threshold)
    if finding is None:
        given = ", ".join(f"{one.threshold:g}" for one in report.findings)
        refusals.append(f"nothing was measured at the threshold {threshold:g}, only at {given}")
        return Cover(refusals=tuple(refusals))
    return Cover(refusals=tuple(refusals), warnings=(*_worse(finding), *_larger(report.list_size, listed), *_unknown(finding)))


def _worse(finding: Finding) -> Iterator[str]:
    """A difference that was found is told whatever else is not known: in a small group it is a large one."""
    for group in finding.groups:
        how = []
        if group.fpir_compared == Compared.HIGHER:
            how.append("more false alerts")
        if group.tpir_compared == Compared.LOWER:
            how.append("more of them missed")
        if how:
            yield f"worse for {group.name} than for others ({', '.join(how)})"


def _larger(measured: int, listed: int) -> Iterator[str]:
    if listed > measured:
        yield (
            f"the list has {listed:,} people, and the report was made with {measured:,}: more false alerts are to be expected "
            "than it says"
        )


def _unknown(finding: Finding) -> Iterator[str]:
    for name, judged in (("true positive", finding.tpir_verdict), ("false positive", finding.fpir_verdict)):
        if judged == Verdict.INSUFFICIENT:
            yield f"insufficient data for the {name} identification rate of everybody"
    if not finding.groups:
        yield "no group of people was looked at on its own"
    for group in finding.groups:
        if Verdict.INSUFFICIENT in (group.tpir_verdict, group.fpir_verdict):
            yield f"insufficient data for {group.name}"
