"""How is the monitor itself doing? Numbers for Prometheus, without a name or a value of any participant."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dashboards.live.ports import HomePort, Hop, StoredPositions

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Measures:
    """What is counted here, and what the sink and the home know."""

    def __init__(self, home: HomePort, stored: StoredPositions, listeners: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Standing(home, stored, listeners))
        self._seconds = Histogram(
            "tocsin_request_seconds", "Time to make a page", ["page"], buckets=BUCKETS, registry=self._registry
        )
        self._outcomes = Counter(
            "tocsin_outcomes", "Messages received over HTTP, by outcome", ["outcome"], registry=self._registry
        )

    def timing(self, page: str) -> AbstractContextManager[object]:
        """Measures the making of a page."""
        return self._seconds.labels(page).time()

    def received(self, outcome: str) -> None:
        """Counts one message."""
        self._outcomes.labels(outcome).inc()

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)


class _Standing(Collector):
    """What is read at the moment it is asked for."""

    def __init__(self, home: HomePort, stored: StoredPositions, listeners: Callable[[], int]) -> None:
        self._home = home
        self._stored = stored
        self._listeners = listeners

    def collect(self) -> Iterable[Metric]:
        trials = self._stored.trials()
        heads = {trial: self._home.head(trial) for trial in trials}
        positions = {trial: self._stored.stored(trial) for trial in trials}
        facts = CounterMetricFamily("tocsin_facts", "Facts stored by this process", labels=["family"])
        for family, number in sorted(self._stored.written.items()):
            facts.add_metric([family], number)
        yield facts
        yield _by_trial("tocsin_ledger_position", "Last position of the ledger", heads)
        yield _by_trial("tocsin_stored_position", "Last position that pages can show", positions)
        yield _by_trial(
            "tocsin_sink_lag_facts",
            "Facts in the ledger that pages cannot show yet",
            {trial: max(0, heads[trial] - positions[trial]) for trial in trials},
        )
        yield GaugeMetricFamily("tocsin_sink_waiting_batches", "Batches not yet written", self._stored.waiting())
        yield GaugeMetricFamily(
            "tocsin_sink_failed", "1 where the store is not written", int(bool(self._stored.failure))
        )
        yield from _by_hop(self._home.pipeline("").hops)
        yield GaugeMetricFamily("tocsin_live_listeners", "Browsers that listen", self._listeners())


def _by_hop(hops: Iterable[Hop]) -> Iterable[Metric]:
    waiting = GaugeMetricFamily("tocsin_hop_waiting", "What waits for a step", labels=["who"])
    held = GaugeMetricFamily("tocsin_hop_held_back", "Messages that wait for others of their file", labels=["who"])
    stuck = GaugeMetricFamily("tocsin_hop_stuck", "Where something is owed and nothing moves", labels=["who"])
    for hop in hops:
        waiting.add_metric([hop.who], hop.waiting)
        stuck.add_metric([hop.who], len(hop.stuck))
        if hop.held is not None:
            held.add_metric([hop.who], hop.held)
    return waiting, held, stuck


def _by_trial(name: str, meaning: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=["trial"])
    for trial, value in values.items():
        family.add_metric([trial], value)
    return family
