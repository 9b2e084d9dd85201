"""The program's figures for Prometheus, read from the services when asked: nothing is counted twice."""

from collections import Counter
from collections.abc import Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bowstreet.console.access import Access
from bowstreet.console.feed import Feed
from bowstreet.console.live import LiveFeed
from bowstreet.console.services import ConsoleServices


class Figures(Collector):
    """What an operator watches. Labels are states and kinds, never people or places."""

    def __init__(self, services: ConsoleServices, access: Access, feed: Feed, live: LiveFeed) -> None:
        self._services = services
        self._access = access
        self._feed = feed
        self._live = live

    def collect(self) -> Iterable[Metric]:
        services = self._services
        incidents = Counter(incident.state.value for incident in services.intake.incidents.all())
        flights = Counter(mission.phase.value for mission in services.flight.missions.all())
        drones = Counter(view.status for view in services.flight.vehicle_views())
        yield _gauges("bowstreet_incidents", "Incidents held, by state", "state", incidents)
        yield _gauges("bowstreet_missions", "Flights held, by phase", "phase", flights)
        yield _gauges("bowstreet_drones", "Drones, by status", "status", drones)
        yield _gauge("bowstreet_ledger_entries", "Entries in the ledger", services.recorder.size)
        yield _gauge("bowstreet_live_connections", "Consoles on the live feed", self._live.connections)
        yield _count("bowstreet_live_frames", "Frames of the live feed", self._feed.seq)
        yield _count("bowstreet_live_encodes", "Frames encoded; frames times the kinds of console that look", self._feed.encodes)
        yield _count("bowstreet_denials_not_recorded", "Refusals past the recorded rate", self._access.denials_not_recorded)
        for name, said in (
            ("published", "published"),
            ("failed", "whose handler failed"),
            ("dropped", "dropped"),
        ):
            counts: Mapping[str, int] = getattr(services.bus, name, {})
            yield _counts(f"bowstreet_messages_{name}", f"Messages {said}, by type", counts)


def _gauge(name: str, said: str, value: float) -> Metric:
    return GaugeMetricFamily(name, said, value=value)


def _gauges(name: str, said: str, label: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, said, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family


def _count(name: str, said: str, value: float) -> Metric:
    return CounterMetricFamily(name, said, value=value)


def _counts(name: str, said: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, said, labels=["type"])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family
