"""The model in use, and the equitability reports about it, as deployments ask for them (R12, R13)."""

from datetime import datetime
from pathlib import Path

import msgspec
import structlog

from bowstreet.errors import BadInput
from bowstreet.recognition.evaluation.report import MOST_BYTES, EquitabilityReport, digest, read_report
from bowstreet.recognition.evaluation.rules import covers
from bowstreet.recognition.models.shipped import ModelFiles
from bowstreet.recognition.ports import KnownReport

log = structlog.get_logger(__name__)

# Files beyond it are no folder of reports.
MOST_REPORTS = 100


class _Read(msgspec.Struct, frozen=True, kw_only=True):
    digest: str
    report: EquitabilityReport


class KnownModels:
    """`ports.Models` over the files that are configured.

    Args:
        reports: the folder of equitability reports; each file is read once, and again when it has changed.
    """

    def __init__(self, files: ModelFiles, reports: Path) -> None:
        self._files, self._folder = files, reports
        self.sha256 = files.sha256
        self._read: dict[tuple[str, int, int], _Read | None] = {}

    def floor(self, model_sha256: str) -> float | None:
        return self._files.embedder.threshold_floor if model_sha256 == self.sha256 else None

    def report(self, model_sha256: str, threshold: float, now: datetime, listed: int = 0) -> KnownReport | None:
        """The newest report that covers it."""
        found = []
        for one in self._reports():
            cover = covers(one.report, model_sha256, threshold, now, listed=listed)
            if not cover.refusals:
                found.append((one.report.made_at, one, cover.warnings))
        if not found:
            return None
        _, newest, warnings = max(found, key=lambda each: each[0])
        return KnownReport(
            sha256=newest.digest, made_at=newest.report.made_at, expires_at=newest.report.expires_at,
            list_size=newest.report.list_size, warnings=tuple(warnings),
        )  # fmt: skip

    def _reports(self) -> list[_Read]:
        try:
            paths = sorted(path for path in self._folder.iterdir() if path.is_file() and not path.is_symlink())[:MOST_REPORTS]
            keyed = [((path.name, stat.st_mtime_ns, stat.st_size), path) for path in paths for stat in [path.stat()]]
        except OSError:
            return []
        self._read = {key: self._read[key] if key in self._read else _read(path) for key, path in keyed}
        return [one for one in self._read.values() if one is not None]


def _read(path: Path) -> _Read | None:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        return _Read(digest=digest(data), report=read_report(data))
    except (OSError, BadInput) as error:
        log.warning("a file among the reports is none", file=path.name, error=str(error))
        return None
