"""How does a ledger on Kafka give its facts away as they are kept, and take in others in the same way?"""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

from streams.kafka.connection import Connection
from streams.kafka.records import LedgerRecord, QuarantineRecord, RecordKey, partition_of, tombstone
from streams.kafka.writer import Writer
from streams.ledger.carrying import SealedFact, SealedRefusal
from streams.ledger.kafka import KafkaLedger


class KafkaCarrier(KafkaLedger):
    """The ledger of an installation; whoever else writes to a trial meanwhile is found when all is compared."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._connection = connection
        self._opened_writer: Writer | None = None
        self._known_keys: dict[str, set[bytes]] = defaultdict(set)

    def close(self) -> None:
        """Closes every connection."""
        if self._opened_writer is not None:
            self._opened_writer.close()
        super().close()

    def sealed_facts(self, trial: str) -> Iterator[SealedFact]:
        """The facts of a trial as they are kept, in order."""
        keys, begun = self._secrets(partition_of(trial, self._partitions)), time.monotonic()
        for position, _, canonical, record in self._standing(trial, 0, None):
            secret = keys.secret(record.key, begun)
            yield SealedFact(position, canonical, record.digest, record.salted, record.sealed, record.key, secret)

    def sealed_refusals(self) -> Iterator[SealedRefusal]:
        """What is in quarantine, of every trial and of none, each once."""
        begun, known = time.monotonic(), set[tuple[str, str]]()
        for number, one in self._in_quarantine():
            if (one.address, one.digest) not in known:
                known.add((one.address, one.digest))
                secret = self._secrets((number - 1) % self._partitions).secret(one.key, begun)
                said = (one.received, one.address, one.trial, one.source, one.path, one.message, one.digest)
                yield SealedRefusal(*said, one.sealed, one.key, secret)

    def recognise(self, trial: str, facts: Sequence[SealedFact]) -> None:
        """Takes note of the keys of facts that stand here already; destroys those that were destroyed elsewhere."""
        partition = partition_of(trial, self._partitions)
        standing = self.records(trial, facts[0].position - 1, facts[-1].position)
        destroyed = set()
        for fact, (_, record) in zip(facts, standing, strict=True):
            self._known_keys[trial] |= {fact.key, record.key}
            if fact.secret is None and self.secret_of(trial, record.key) is not None:
                destroyed.add(record.key)
        self._writer.send([tombstone(name, partition) for name in destroyed])

    def adopt(self, trial: str, facts: Sequence[SealedFact]) -> None:
        """Keeps the next facts of a trial; they are sent when their keys are acknowledged."""
        partition = partition_of(trial, self._partitions)
        known = self._known_keys[trial]
        keys = {fact.key: fact.secret for fact in facts if fact.key not in known and fact.secret is not None}
        self._writer.send([RecordKey(name, secret).outgoing(partition) for name, secret in keys.items()])
        known.update(fact.key for fact in facts)
        self._writer.send([_record(trial, fact).outgoing(partition) for fact in facts])

    def adopt_refusals(self, refused: Sequence[SealedRefusal]) -> int:
        """Keeps messages in quarantine, each once for its address."""
        known = {(one.address, one.digest) for one in self.sealed_refusals()}
        new = [one for one in refused if (one.address, one.digest) not in known]
        places = [(one, partition_of(one.trial or one.digest, self._partitions)) for one in new]
        keys = [(RecordKey(one.key, one.secret), number) for one, number in places if one.secret is not None]
        self._writer.send([key.outgoing(number) for key, number in keys])
        self._writer.send([_refusal(one).outgoing(number) for one, number in places])
        return len(new)

    @property
    def _writer(self) -> Writer:
        if self._opened_writer is None:
            self._opened_writer = Writer(self._connection)
        return self._opened_writer


def _record(trial: str, fact: SealedFact) -> LedgerRecord:
    return LedgerRecord(trial, fact.canonical, fact.digest, fact.salted, fact.sealed, fact.key)


def _refusal(one: SealedRefusal) -> QuarantineRecord:
    said = (one.received, one.address, one.trial, one.source, one.path, one.message, one.digest)
    return QuarantineRecord(*said, one.sealed, one.key)
