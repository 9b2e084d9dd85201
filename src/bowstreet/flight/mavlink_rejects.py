"""What came over the links and could not be used: counted, told once in a while, never kept."""

from collections import Counter, defaultdict
from collections.abc import Iterator

import structlog

from bowstreet.runtime.metrics import Metrics

log = structlog.get_logger(__name__)

# A line a minute for each link and reason: enough to see when it began and whether it goes on. A flood fills no disk.
LOG_EVERY_S = 60.0


class Rejects:
    """Counts by link and reason. Both are few: neither is ever made of what a packet says.

    Attributes:
        counts: since the start.
    """

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self._untold: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._unlogged: Counter[tuple[str, str]] = Counter()
        self._logged_at_s: dict[tuple[str, str], float] = {}

    def add(self, link: str, reason: str) -> None:
        self.counts[link, reason] += 1
        self._untold[link][reason] += 1
        self._unlogged[link, reason] += 1

    def by_reason(self) -> dict[str, float]:
        """Since the start, over all links: a city has hundreds of links, and a metric should not have hundreds of rows."""
        found: Counter[str] = Counter()
        for (_, reason), count in self.counts.items():
            found[reason] += count
        return dict(found)

    def register(self, metrics: Metrics) -> None:
        """Show the counts to Prometheus."""
        metrics.read_counts(
            "mavlink_packets_rejected", "Packets of vehicles' and docks' links that could not be used", "reason", self.by_reason
        )

    def take_untold(self) -> Iterator[tuple[str, str, int]]:
        """Of each link the reason that was most frequent since it was last taken, and how often; the others later."""
        for link, reasons in list(self._untold.items()):
            reason, count = reasons.most_common(1)[0]
            del reasons[reason]
            if not reasons:
                del self._untold[link]
            yield link, reason, count

    def log(self, now_s: float) -> None:
        """A line for each link and reason that has not had one for `LOG_EVERY_S`, with the number since the last."""
        for (link, reason), count in list(self._unlogged.items()):
            if now_s - self._logged_at_s.get((link, reason), -LOG_EVERY_S) >= LOG_EVERY_S:
                self._logged_at_s[link, reason] = now_s
                del self._unlogged[link, reason]
                log.warning("packets could not be used", link=link, reason=reason, count=count)
