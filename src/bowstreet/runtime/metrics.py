"""What can be counted from outside, for Prometheus. A registry of its own: nothing is shared between programs or tests."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

PREFIX = "bowstreet_"
CONTENT_TYPE = CONTENT_TYPE_LATEST
# A decision should take below 10 ms and must take below a second; an fsync lies between.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class _Read(Collector):
    """A figure that somebody else keeps, read when it is asked for: it costs its owner nothing."""

    def __init__(self, collect: Callable[[], Metric]) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        yield self._collect()


def _named(name: str) -> str:
    """The whole name. Raises `ValueError` for one that has the prefix already: it would be there twice, and no alarm find it."""
    if name.startswith(PREFIX):
        raise ValueError(f"name the figure '{name.removeprefix(PREFIX)}': the prefix is set here")
    return PREFIX + name


class Metrics:
    """The figures of one program. Names get the prefix `bowstreet_`, and whoever gives one with it gets a `ValueError`; a name
    may be registered once."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(namespace="", registry=self._registry)

    def counter(self, name: str, documentation: str, labels: Sequence[str] = ()) -> Counter:
        return Counter(_named(name), documentation, labels, registry=self._registry)

    def gauge(self, name: str, documentation: str, labels: Sequence[str] = ()) -> Gauge:
        return Gauge(_named(name), documentation, labels, registry=self._registry)

    def histogram(
        self, name: str, documentation: str, labels: Sequence[str] = (), buckets: Sequence[float] = SECONDS
    ) -> Histogram:
        return Histogram(_named(name), documentation, labels, buckets=buckets, registry=self._registry)

    def read_counts(self, name: str, documentation: str, label: str, counts: Callable[[], Mapping[str, float]]) -> None:
        """Counts by one label that somebody keeps, such as a bus's `published`."""
        whole = _named(name)

        def collect() -> Metric:
            family = CounterMetricFamily(whole, documentation, labels=[label])
            for value, count in list(counts().items()):
                family.add_metric([value], count)
            return family

        self._registry.register(_Read(collect))

    def read_gauge(self, name: str, documentation: str, value: Callable[[], float]) -> None:
        """A present value that somebody keeps, such as the ledger's size."""
        whole = _named(name)
        self._registry.register(_Read(lambda: GaugeMetricFamily(whole, documentation, value=value())))

    def render(self) -> bytes:
        """The exposition text; its content type is `CONTENT_TYPE`."""
        return generate_latest(self._registry)
