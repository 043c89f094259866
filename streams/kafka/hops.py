"""How far has each agent come, and does one stand still? Asked of the broker from outside, whoever runs the workers.

A hop is what an agent reads: the ends of its topics against the marks of its group. A partition in which something is
owed and whose mark does not move stands still, and that is an alarm. Of raw messages that wait some only wait for
others, by the rules of the sequence: they are counted too, where they are few enough to be looked at.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from time import monotonic

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError

from schemas.topics import FINDINGS, LEDGER, RAW, Topic
from streams.kafka.client import reached
from streams.kafka.connection import Connection
from streams.kafka.copying import COPIED
from streams.kafka.log import Log, LostError
from streams.kafka.measures import STUCK_SECONDS
from streams.kafka.raw import BY_FAMILY
from streams.kafka.sequence import Sequencer
from streams.kafka.topics import NoTopicsError

LOOK_SECONDS = 2.0
FEW = 2_000
"""Raw messages of a partition that are looked at one by one."""

READS: Mapping[str, Sequence[Topic]] = {
    "intake": RAW,
    "monitor": (LEDGER,),
    "alerts": (FINDINGS,),
    "sink": COPIED,
}
"""What each agent reads, in the order of the arrow."""

Place = tuple[Topic, int]


@dataclass(frozen=True, slots=True)
class Hop:
    """One agent, over all partitions."""

    agent: str
    waiting: int
    """Records above its marks."""
    held: int | None
    """Those of them that wait for others which have not come; None: too many wait to tell."""
    stuck: tuple[str, ...]
    """Partitions in which something is owed and nothing has moved for long."""
    works: bool
    """Whether its group has ever marked anything."""


@dataclass(slots=True)
class Progress:
    """The marks of one place over time: since when something is owed there and the mark does not move."""

    mark: int = -1
    since: float = 0.0

    def looked(self, mark: int, end: int, now: float) -> None:
        """Takes up a look."""
        if mark != self.mark or mark >= end:
            self.mark, self.since = mark, now


@dataclass(slots=True)
class Hops:
    """All hops of an installation, as they stood at the last look."""

    connection: Connection
    copies: bool = False
    """Whether there is no sink: the server makes its copy itself."""
    hops: tuple[Hop, ...] = ()
    failure: str | None = None
    """Why the last look failed, if so."""
    _progress: dict[tuple[str, Place], Progress] = field(default_factory=dict)
    _ending: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Looks every few seconds, on a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="hops", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends it."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                self._look_on()
            except (KafkaError, LostError, NoTopicsError) as error:
                self.failure = f"{type(error).__name__}: {error}"
                self._ending.wait(LOOK_SECONDS)

    def _look_on(self) -> None:
        """With clients of its own, until the end or until they fail."""
        with closing(Log(self.connection)) as log, reached(KafkaAdminClient, self.connection) as admin:
            while not self._ending.wait(LOOK_SECONDS if self.hops and not self.failure else 0.1):
                self.hops, self.failure = self.look(admin, log, monotonic()), None

    def look(self, admin: KafkaAdminClient, log: Log, now: float) -> tuple[Hop, ...]:
        """Asks the broker once. Raises `KafkaError`."""
        agents = [agent for agent in READS if not (self.copies and agent == "sink")]
        places = [(topic, n) for topic in {t for a in agents for t in READS[a]} for n in range(log.partitions())]
        first, ends = self._offsets(admin, places, OffsetSpec.EARLIEST), self._offsets(admin, places, OffsetSpec.LATEST)
        said = admin.list_group_offsets({self.connection.group(agent): None for agent in agents})
        hops = []
        for agent in agents:
            marked = {place: at.offset for place, at in said.get(self.connection.group(agent), {}).items()}
            read = [place for place in places if place[0] in READS[agent]]
            marks = {place: max(marked.get(self._name(place), 0), first[place]) for place in read}
            hops.append(self._hop(agent, marks, ends, log, now, works=bool(marked)))
        return tuple(hops)

    def _hop(
        self, agent: str, marks: Mapping[Place, int], ends: Mapping[Place, int], log: Log, now: float, *, works: bool
    ) -> Hop:
        stuck = []
        for place, mark in marks.items():
            progress = self._progress.setdefault((agent, place), Progress())
            progress.looked(mark, ends[place], now)
            if mark < ends[place] and now - progress.since > STUCK_SECONDS:
                stuck.append(f"{place[0].name}[{place[1]}]")
        waiting = sum(max(0, ends[place] - mark) for place, mark in marks.items())
        held = held_back(log, marks, ends) if agent == "intake" and waiting else 0
        return Hop(agent, waiting, held, tuple(sorted(stuck)), works)

    def _offsets(self, admin: KafkaAdminClient, places: Iterable[Place], which: OffsetSpec) -> dict[Place, int]:
        named = {self._name(place): place for place in places}
        found = admin.list_partition_offsets(dict.fromkeys(named, which))
        return {named[name]: at.offset for name, at in found.items()}

    def _name(self, place: Place) -> TopicPartition:
        return TopicPartition(self.connection.topic(place[0]), place[1])


def held_back(log: Log, marks: Mapping[Place, int], ends: Mapping[Place, int]) -> int | None:
    """The raw messages that wait for others which have not come; None where too many wait to be looked at."""
    held = 0
    for number in sorted({number for (_, number), mark in marks.items() if mark < ends[_, number]}):
        of = {family: (topic, number) for family, topic in BY_FAMILY.items()}
        if sum(ends[place] - marks[place] for place in of.values()) > FEW:
            return None
        sequencer = Sequencer({family: marks[place] for family, place in of.items()})
        for family, place in of.items():
            for record in log.read(*place, marks[place], ends[place]):
                sequencer.receive(family, record)
        held += sum(1 for _ in sequencer.held())
    return held
