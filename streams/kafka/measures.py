"""How is a worker doing? Numbers for Prometheus, per hop and partition, without a name or a value of any participant.

Said when asked, from a thread of its own: a worker that hangs still says how long it has stood still.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from time import monotonic

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.topics import Topic

STUCK_SECONDS = 30.0
"""How long nothing may move while there is something to do, before that is an alarm."""


@dataclass(slots=True)
class _Hop:
    """One partition of a topic that an agent reads."""

    end: int = 0
    done: int = 0
    committed: int = 0
    mended: int = 0
    moved: float = field(default_factory=monotonic)
    """When the mark moved last, or nothing was owed."""

    @property
    def lag(self) -> int:
        return max(0, self.end - self.committed)


class Measures(Collector):
    """What is counted in one worker."""

    def __init__(self, agent: str, path: str = "runs") -> None:
        self._agent = agent
        self._path = path
        self._owned: frozenset[int] = frozenset()
        self._hops: dict[tuple[Topic, int], _Hop] = {}
        self._take_up: dict[int, float] = {}
        self._standing: dict[str, dict[str, float]] = {}
        self._counted: Counter[tuple[str, str]] = Counter()

    def served(self, host: str, port: int) -> None:
        """Answers Prometheus at this address. Raises OSError where it cannot be had."""
        registry = CollectorRegistry()
        registry.register(self)
        ProcessCollector(registry=registry)
        start_http_server(port, host, registry)

    # -- what the frame says

    def owned(self, numbers: Collection[int]) -> None:
        """These partition numbers are ours now."""
        self._owned = frozenset(numbers)
        self._hops = {place: hop for place, hop in self._hops.items() if place[1] in self._owned}

    def taken_up(
        self, partition: int, seconds: float, marks: Mapping[Topic, int], following: Mapping[Topic, int]
    ) -> None:
        """The memory of a partition is up to date: where the group's marks stand, and where we go on."""
        self._take_up[partition] = seconds
        for topic, mark in marks.items():
            self.committed(topic, partition, mark)
            self.handled(topic, partition, following[topic])

    def begun(self, topic: Topic, partition: int, end: int) -> None:
        """A run has begun that ends here."""
        hop = self._hop(topic, partition)
        hop.end = max(hop.end, end)

    def handled(self, topic: Topic, partition: int, end: int) -> None:
        """A run was handled to its end."""
        self._hop(topic, partition).done = end

    def mended(self, topic: Topic, partition: int, records: int) -> None:
        """So many records had to be read from the topic, since they were not delivered."""
        self._hop(topic, partition).mended += records

    def looked(self, topic: Topic, partition: int, end: int) -> None:
        """How long the topic is."""
        hop = self._hop(topic, partition)
        if not hop.lag:  # nothing was owed until now
            hop.moved = monotonic()
        hop.end = max(hop.end, end)

    def committed(self, topic: Topic, partition: int, mark: int) -> None:
        """The group's mark stands here."""
        hop = self._hop(topic, partition)
        hop.committed, hop.moved = mark, monotonic()

    def repeated(self, records: int) -> None:
        """These came again."""
        self._counted["tocsin_worker_repeated_records", ""] += records

    def stale(self, records: int) -> None:
        """These came for a partition that is no longer ours."""
        self._counted["tocsin_worker_stale_records", ""] += records

    # -- what an agent says

    def count(self, name: str, kind: str, number: int = 1) -> None:
        """Counts something of an agent's own, by kind."""
        self._counted[name, kind] += number

    def stands(self, name: str, what: str, value: float) -> None:
        """Something of an agent's own that is now so much."""
        self._standing.setdefault(name, {})[what] = value

    # -- what is asked

    def stuck(self) -> tuple[str, ...]:
        """The partitions where something is owed and nothing has moved for long."""
        late = monotonic() - STUCK_SECONDS
        hops = sorted(self._hops.items(), key=lambda one: (one[0][0].name, one[0][1]))
        return tuple(f"{topic.name}[{number}]" for (topic, number), hop in hops if hop.lag and hop.moved < late)

    def collect(self) -> Iterable[Metric]:
        """All of it, for Prometheus."""
        stuck = set(self.stuck())
        yield _labelled("tocsin_worker", "1; how it is delivered to", {("path", self._path): 1}, self._agent)
        yield _by_hop("tocsin_hop_end_offset", "Offset after the last record", self._agent, self._hops, "end")
        yield _by_hop("tocsin_hop_done_offset", "Offset up to which it is handled", self._agent, self._hops, "done")
        yield _by_hop("tocsin_hop_committed_offset", "The group's mark", self._agent, self._hops, "committed")
        yield _by_hop("tocsin_hop_lag_records", "Records above the mark", self._agent, self._hops, "lag")
        yield _by_hop("tocsin_hop_mended_records", "Records read past delivery", self._agent, self._hops, "mended")
        family = GaugeMetricFamily(
            "tocsin_hop_stuck", "1 where something is owed and nothing moves", labels=["agent", "topic", "partition"]
        )
        for topic, number in list(self._hops):
            family.add_metric([self._agent, topic.name, str(number)], int(f"{topic.name}[{number}]" in stuck))
        yield family
        yield _labelled(
            "tocsin_worker_take_up_seconds",
            "Time to bring the memory of a partition up to date",
            {("partition", str(number)): seconds for number, seconds in self._take_up.items()},
            self._agent,
        )
        for name, values in list(self._standing.items()):
            yield _labelled(
                name, "What stands now", {("what", what): value for what, value in values.items()}, self._agent
            )
        for name in sorted({name for name, _ in list(self._counted)}):
            counted = CounterMetricFamily(name, "Counted since the start", labels=["agent", "kind"])
            for (one, kind), number in list(self._counted.items()):
                if one == name:
                    counted.add_metric([self._agent, kind], number)
            yield counted

    def _hop(self, topic: Topic, partition: int) -> _Hop:
        return self._hops.setdefault((topic, partition), _Hop())


def _by_hop(name: str, meaning: str, agent: str, hops: dict[tuple[Topic, int], _Hop], what: str) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=["agent", "topic", "partition"])
    for (topic, number), hop in list(hops.items()):
        family.add_metric([agent, topic.name, str(number)], getattr(hop, what))
    return family


def _labelled(name: str, meaning: str, values: dict[tuple[str, str], float], agent: str) -> Metric:
    label = next(iter(values), ("what", ""))[0]
    family = GaugeMetricFamily(name, meaning, labels=["agent", label])
    for (_, what), value in values.items():
        family.add_metric([agent, what], value)
    return family
