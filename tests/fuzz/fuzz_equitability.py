"""An equitability report: bytes that `write_report` wrote, to the last one, or a clear error."""

from bowstreet.errors import BadInput
from bowstreet.recognition.evaluation.report import read_report, write_report
from bowstreet.recognition.evaluation.rules import covers
from tests.unit.test_equitability_report import MADE, MODEL, REPORT

SEEDS = [write_report(REPORT)]


def fuzz_one(data: bytes) -> None:
    try:
        report = read_report(data)
    except BadInput as error:
        if not (error.message and error.remedy):
            raise AssertionError("an error that does not say what to do") from error
        return
    if write_report(report) != data:
        raise AssertionError("what was read is not what was written")
    covers(report, MODEL, 0.5, MADE)
