"""What would stand otherwise under another rule set? For whom, when and why: one line for each difference.

Compared is what stands at one cut. A term that another version only renamed is one and the same; a grade 0 of a term
that the other version does not grade is no difference for anybody.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from clinical.ctcae import meaning, newest_name
from schemas.canonical import canonical
from schemas.findings import Change, Finding, GradeFinding, message

Standing = Mapping[str, Change]

APART_FROM = ("id", "state", "since", "version", "sentence")
"""In which a finding may differ and still conclude the same."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One conclusion under the rule set in force, and under the other; at least one of them stands."""

    trial: str
    in_force: Change | None
    instead: Change | None

    @property
    def finding(self) -> Finding:
        """What it is about: as it is in force, where it is."""
        change = self.in_force or self.instead
        assert change is not None
        return change.finding

    @property
    def on(self) -> str | None:
        """The day it speaks of, if it speaks of one."""
        return getattr(self.finding, "on", None)


def differences(trial: str, in_force: Standing, instead: Standing) -> Iterator[Difference]:
    """What differs: about the trial and its groups first, then by participant and day."""
    now, then = _by_question(in_force), _by_question(instead)
    pairs = (Difference(trial, now.get(one), then.get(one)) for one in now.keys() | then.keys())
    yield from sorted((pair for pair in pairs if not _alike(pair.in_force, pair.instead)), key=_order)


def line(difference: Difference) -> bytes:
    """A difference as canonical bytes: for whom, when, in one sentence; why; and both findings."""
    finding = difference.finding
    document: dict[str, object] = {
        "key": finding.key,
        "kind": finding.kind,
        "trial": difference.trial,
        "sentence": _sentence(difference),
    }
    optional = {
        "participant": finding.participant,
        "scope": finding.scope,
        "on": difference.on,
        "why": _why(difference),
    }
    document |= {name: said for name, said in optional.items() if said is not None}
    for name, change in (("in_force", difference.in_force), ("instead", difference.instead)):
        document[name] = message(difference.trial, change) if change is not None else None
    return canonical(document)


def summary(found: Iterable[Difference]) -> str:
    """How many there are, of what, and how many participants they are about.

    >>> summary([])
    'nothing would stand otherwise'
    """
    kinds: Counter[str] = Counter()
    participants = set()
    for one in found:
        kinds[one.finding.kind] += 1
        participants.add(one.finding.participant)
    if not kinds:
        return "nothing would stand otherwise"
    counted = ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common())
    people = len(participants - {None})
    return f"{kinds.total():,} would stand otherwise ({counted}), about {people:,} participant{'s' * (people != 1)}"


def _by_question(standing: Standing) -> dict[str, Change]:
    """The changes by what they answer: a value's grade under a term by the newest name of that term."""
    return {_question(change.finding): change for change in standing.values()}


def _question(finding: Finding) -> str:
    if isinstance(finding, GradeFinding) and finding.basis == "laboratory":
        return f"grade|{finding.causes[0]}|{newest_name(finding.term)}"
    return finding.key


def _order(difference: Difference) -> tuple[str, str, str]:
    finding = difference.finding
    return finding.participant or "", difference.on or "", finding.key


def _alike(one: Change | None, other: Change | None) -> bool:
    if one is None or other is None:
        alone = (one or other).finding  # type: ignore[union-attr]
        return isinstance(alone, GradeFinding) and alone.basis == "laboratory" and alone.grade == 0
    if isinstance(one.finding, GradeFinding) and isinstance(other.finding, GradeFinding):
        return _graded(one.finding) == _graded(other.finding)
    first, second = message("", one), message("", other)
    return {**first, **dict.fromkeys(APART_FROM)} == {**second, **dict.fromkeys(APART_FROM)}


def _graded(finding: GradeFinding) -> tuple[object, ...]:
    return finding.grade, finding.low, finding.high, finding.missing, finding.emergent


def _sentence(difference: Difference) -> str:
    now, then = difference.in_force, difference.instead
    if isinstance(difference.finding, GradeFinding) and difference.finding.basis == "laboratory":
        result, _, _ = difference.finding.sentence.partition(": CTCAE ")
        about = f"Participant {difference.finding.participant}: {result}"
        return f"{about} has {_answer(now)}; it would have {_answer(then)}."
    if now is None:
        return f"This would stand: {difference.finding.sentence}"
    if then is None:
        return f"This would not stand: {difference.finding.sentence}"
    return f"{now.finding.sentence} Instead: {then.finding.sentence}"


def _answer(change: Change | None) -> str:
    if change is None or not isinstance(change.finding, GradeFinding):
        return "no grade under such a term"
    finding = change.finding
    if finding.grade is not None:
        said = f"grade {finding.grade}"
    elif finding.low is None and finding.high is None:
        said = f"no grade ({finding.why})"
    else:
        said = f"{finding.why}" if f"{finding.why}".startswith("grade ") else f"grade {finding.low} to {finding.high}"
    return f"{finding.term}, {said} (CTCAE {_version(finding)})"


def _why(difference: Difference) -> str | None:
    """What the two versions of the CTCAE say of the term, where both grade by the CTCAE and not by the same version."""
    changes = (difference.in_force, difference.instead)
    found = [change.finding for change in changes if change is not None]
    graded = [one for one in found if isinstance(one, GradeFinding) and one.basis == "laboratory"]
    versions = [_version(one) for one in graded]
    if len(graded) == 1:
        versions.append("6.0" if versions == ["5.0"] else "5.0")
    if len(set(versions)) < 2:
        return None
    highest = max(finding.high or 0 for finding in graded)
    lowest = min(finding.low or 0 for finding in graded)
    grades = range(max(1, lowest), highest + 1)
    return "; ".join(f"CTCAE {version}: {meaning(version, graded[0].term, grades)}" for version in versions)


def _version(finding: GradeFinding) -> str:
    return finding.rule.removeprefix("ctcae/")
