"""What does the protocol of a trial say? Its file, read into typed rules; every assumption keeps its reason.

A value that the public record does not give is written in place as `{assumed: VALUE, reason: TEXT}`. Reading takes
the value, and `Protocol.assumed` remembers where it stood and why. A misspelt or unknown parameter is refused with
its path.
"""

from collections.abc import Hashable, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal, NamedTuple

import yaml
from pydantic import Field, ValidationError, model_validator

from clinical.ctcae.terms import find_term, plain_name
from clinical.parts import Days, Part, Sentence
from clinical.rules.index import Index
from clinical.rules.rule import ParticipantRule
from schemas.facts.adverse_events import Relation
from schemas.values import Code, ExactDecimal, Identifier


class ProtocolError(ValueError):
    """A protocol file that cannot be used: every problem with its path."""

    def __init__(self, problems: tuple[tuple[str, str], ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{path}: {message}" if path else message for path, message in problems))


class Regimen(Part):
    """How one drug is given."""

    dose: ExactDecimal
    """The dose of each administration, in `unit`."""
    unit: Literal["mg/kg", "mg/m2", "mg"]
    """Per kilogram, per square metre of body surface, or flat."""
    loading: ExactDecimal | None = None
    """The first dose, where it differs."""
    every_days: Days
    """Days from one administration to the next."""


class Interval(Part):
    """A range of a number: both ends are optional."""

    at_most: ExactDecimal | None = None
    """The largest value inside."""
    more_than: ExactDecimal | None = None
    """The largest value outside."""


class Group(Part):
    """One group of participants and what it receives."""

    name: Sentence
    """What boards call it."""
    assignment: Sentence
    """The condition in words."""
    prior_therapy_months: Interval | None = None
    """The condition on months of first-line PD-(L)1, where the protocol assigns by it."""
    drugs: dict[str, Regimen] = Field(min_length=1)
    """What it receives, by drug."""


class Eligibility(Part):
    """Who may come in: checked at enrolment, a contradiction raises a query."""

    ecog_at_most: int | None = None
    """The highest ECOG performance status."""
    expected_survival_months_at_least: int | None = None
    """Stated, not checked: nobody reports it as a number."""
    exclusions: tuple[Sentence, ...] = Field(default=(), strict=False)
    """Stated, not checked: no fact carries them yet."""


class Windows(Part):
    """How long we look."""

    toxicity_days: Days
    """From the first dose: what begins inside it counts for cohort rules."""
    safety_follow_up_days: Days
    """From the last dose: adverse events still count."""


class Grading(Part):
    """Which choices the grading of values leaves to the protocol."""

    baseline: Literal["last_before_first_dose"]
    """Which value is the baseline of an analyte."""
    baseline_record: Literal["upper_limit", "not_graded"]
    """How the baseline itself, and what came before it, is graded (ctcae pitfall 3)."""
    reported_terms: Literal["ctcae", "meddra"] | None = None
    """In whose words events are reported. `ctcae`: each needs a term and a grade of the version, or a query asks for
    them. `meddra`, or absent: preferred terms, and only those that are also CTCAE terms are held to its grades."""


class Reconciliation(Part):
    """How laboratory values and reported events are held against each other."""

    grade_at_least: Annotated[int, Field(ge=1, le=4)]
    """A value that is certainly of this grade, and worse than baseline, needs an event."""
    within_days: Annotated[int, Field(ge=0, le=365)]
    """An event answers for a sample that was taken so many days before its onset or after its end, at most."""


class Cascade(Part):
    """What becomes of a drug's partners once it is stopped for good."""

    stopped: Code
    """The drug that is stopped."""
    stops: Annotated[tuple[Code, ...], Field(strict=False, min_length=1)]
    """What is then not given any more either."""


class Dosing(Part):
    """How doses are held against what the rules say of them."""

    tolerance_percent: Annotated[int, Field(ge=0, le=50)]
    """A dose may be larger than what it was reduced to by so much, as vials and rounding make it."""
    cascade: tuple[Cascade, ...] = Field(default=(), strict=False)
    """Which drugs are not given without which."""


class CausalityPolicy(Part):
    """Which judgements count as related. One not yet given counts as related, always."""

    related: tuple[Relation, ...] = Field(strict=False, min_length=1)
    """The words that mean related."""
    by: Literal["either", "investigator", "sponsor"]
    """Whose judgement counts."""


class Looks(Part):
    """At which numbers of participants the rule may stop."""

    every: Annotated[int, Field(ge=1, le=1000)]
    """One look for so many participants."""
    up_to: Annotated[int, Field(ge=1, le=1000)]
    """The last look."""

    def numbers(self) -> tuple[int, ...]:
        """The looks: `every`, twice `every`, … and `up_to` last."""
        return tuple(sorted({*range(self.every, self.up_to + 1, self.every), self.up_to}))


class Evaluable(Part):
    """How much a participant without the event must have received inside the window, to count."""

    drug: Code
    """Of this drug."""
    planned_doses_percent_at_least: Annotated[int, Field(ge=1, le=100)]
    """The share of the doses that the regimen plans inside the window."""


class CohortRule(Part):
    """A stopping rule about a group: so many participants with the event, at so many looked at."""

    id: Identifier
    """Its name in findings."""
    counts: Identifier
    """The participant rule whose participants it counts, each once."""
    method: Literal["pocock"]
    """The family of the boundary."""
    p0: ExactDecimal
    """The highest rate of the event that is tolerable."""
    alpha: ExactDecimal
    """The chance of stopping at that rate, at most."""
    looks: Looks
    """When it looks."""
    evaluable: Evaluable | None = None
    """Who without the event counts; absent: whoever completed the window."""
    denominator: Literal["enrolment_order_complete_window"]
    """Who is looked at (stopping rules 1.3)."""
    scope: Literal["group", "pooled"]
    """One boundary per group, or one for all."""
    unrelated_death: Literal["not_evaluable", "event", "completed"]
    """What a death of another cause inside the window counts as."""
    advice: Sentence
    """What the protocol says to do when the boundary is reached. Only people decide."""

    @model_validator(mode="after")
    def _probabilities(self) -> "CohortRule":
        if not (0 < self.p0 < 1 and 0 < self.alpha < 1):
            raise ValueError("p0 and alpha lie between 0 and 1")
        return self


class ReportingClock(Part):
    """How soon something must be reported."""

    id: Identifier
    """Its name."""
    hours: Annotated[int, Field(ge=1)] | None = None
    """Within so many hours."""
    days: Annotated[int, Field(ge=1)] | None = None
    """Within so many calendar days."""
    basis: Sentence
    """The rule that says so."""


class Response(Part):
    """How tumour response is judged."""

    criteria: Literal["RECIST 1.1", "none"]
    """The criteria."""
    confirmation_days: Days | None = None
    """Days after which a response may be confirmed."""


class Notification(Part):
    """Who hears of what."""

    of: Literal["participant_rule", "cohort_rule", "query", "grade"]
    """The kind of finding."""
    who: Literal["investigator", "safety_board", "safety_lead"]
    """The role."""


class Protocol(Part):
    """One version of one trial's protocol."""

    id: Identifier
    """The protocol's own name."""
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.-]{0,20}$")]
    """Named by every finding made under it."""
    trial: Identifier
    """The trial whose ledger it governs."""
    title: Sentence
    """What the trial is."""
    ctcae: Literal["5.0", "6.0"]
    """The version by which values are graded."""
    groups: dict[Identifier, Group] = Field(min_length=1)
    """The groups, by id."""
    treatment_limit_days: Days
    """How long treatment may last."""
    eligibility: Eligibility
    """Who may come in."""
    windows: Windows
    """How long we look."""
    grading: Grading
    """Choices in grading."""
    reconciliation: Reconciliation | None = None
    """How values and events are held against each other; absent: not at all."""
    causality: CausalityPolicy
    """What counts as related."""
    dosing: Dosing | None = None
    """How doses are held against the rules; absent: no drug depends on another, and a reduced dose is exact."""
    term_groups: dict[Identifier, Annotated[tuple[Code, ...], Field(strict=False)]] = Field(default_factory=dict)
    """Terms that rules about participants speak of together, such as those of a pneumonitis."""
    participant_rules: tuple[ParticipantRule, ...] = Field(strict=False)
    """Rules about one participant, in the order in which they are judged."""
    cohort_rules: tuple[CohortRule, ...] = Field(strict=False)
    """Rules about a group."""
    reporting_clocks: tuple[ReportingClock, ...] = Field(strict=False)
    """How soon something must be reported."""
    response: Response
    """How response is judged."""
    notify: tuple[Notification, ...] = Field(strict=False)
    """Who hears of what."""
    assumed: dict[str, str] = Field(default_factory=dict)
    """Path of each value that the public record does not give, with its reason."""
    given_by: dict[str, str] = Field(default_factory=dict)
    """Path of each value that the public record or a label gives, where the file names its source at the value."""

    @cached_property
    def term_sets(self) -> Mapping[str, frozenset[str]]:
        """The plain names of the terms of each group."""
        return {name: frozenset(map(plain_name, terms)) for name, terms in self.term_groups.items()}

    @cached_property
    def index(self) -> Index:
        """Which rule about participants reads what."""
        return Index(self.participant_rules, self.ctcae, self.term_sets)

    @property
    def terms_outside_ctcae(self) -> tuple[str, ...]:
        """Terms that rules and term groups name and the CTCAE of the protocol does not: other codes, or misspelt."""
        events = (said for rule in self.participant_rules for one in rule.conditions if (said := one.event) is not None)
        named = {term for said in events for term in (*said.terms, *said.except_terms)}
        named |= {term for terms in self.term_groups.values() for term in terms}
        return tuple(sorted(term for term in named if find_term(self.ctcae, term) is None))

    def hears(self, kind: str) -> tuple[str, ...]:
        """Who must hear of a finding of this kind, in the order of the file."""
        return tuple(dict.fromkeys(one.who for one in self.notify if one.of == kind))

    @model_validator(mode="after")
    def _names_are_known(self) -> "Protocol":
        rules = [rule.id for rule in self.participant_rules] + [rule.id for rule in self.cohort_rules]
        if len(rules) != len(set(rules)):
            raise ValueError("two rules have one id")
        known = {rule.id for rule in self.participant_rules}
        for rule in self.cohort_rules:
            if rule.counts not in known:
                raise ValueError(f"cohort rule {rule.id} counts {rule.counts}, which is no participant rule")
        received = {drug for group in self.groups.values() for drug in group.drugs}
        above: set[str] = set()
        for one in self.participant_rules:
            unknown = one.unknown_names(above, known, self.term_groups, received)
            if unknown:
                raise ValueError(f"participant rule {one.id} speaks of {unknown}")
            above.add(one.id)
        return self


def in_words(name: str) -> str:
    """The name of a rule, as sentences say it: excess_toxicity → excess toxicity."""
    return name.replace("_", " ")


@lru_cache(maxsize=32)
def read_protocol(text: str) -> Protocol:
    """Reads a protocol file. Raises `ProtocolError` naming every problem and its path."""
    try:
        document = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ProtocolError((("", f"not YAML: {str(error).replace(chr(10), ' ')}"),)) from error
    except RecursionError as error:
        raise ProtocolError((("", "nested too deeply"),)) from error
    except (ValueError, TypeError) as error:  # PyYAML lets the errors of its own conversions through
        raise ProtocolError((("", "a value is not what its tag says"),)) from error
    if not isinstance(document, dict):
        raise ProtocolError((("", "a protocol is a mapping"),))
    if "assumed" in document:
        raise ProtocolError((("assumed", "an assumption is written at its value: {assumed: VALUE, reason: TEXT}"),))
    if "given_by" in document:
        raise ProtocolError((("given_by", "a source is written at its value: {label: VALUE, source: TEXT}"),))
    said = _Said({}, {})
    try:
        plain = _plain(document, "", said)
        return Protocol.model_validate(plain | {"assumed": said.assumed, "given_by": said.given_by})
    except ValidationError as error:
        raise ProtocolError(tuple(_problems(error, document))) from error


def _problems(error: ValidationError, document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each problem with its path, and with the rule that it is in; not those that only follow from one further in."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    paths = [detail["loc"] for detail in details]
    for detail in details:
        path = detail["loc"]
        if detail["type"] == "too_short" and any(one[: len(path)] == path for one in paths if len(one) > len(path)):
            continue
        rule = _rule_at(document, path)
        yield ".".join(map(str, path)), detail["msg"] + (f" (in {rule})" if rule else "")


def _rule_at(document: dict[str, Any], path: tuple[int | str, ...]) -> str | None:
    """The id of the rule that a path leads into."""
    match path:
        case (("participant_rules" | "cohort_rules") as part, int(number), *_):
            rules = document.get(part)
            rule = rules[number] if isinstance(rules, list) and number < len(rules) else None
            return str(rule["id"]) if isinstance(rule, dict) and isinstance(rule.get("id"), str) else None
    return None


class _Said(NamedTuple):
    """What the file says of its own values, by path."""

    assumed: dict[str, str]
    given_by: dict[str, str]


BASES = ({"assumed", "reason"}, {"label", "source"}, {"public", "source"})
"""How a value names what it rests on: `{assumed: VALUE, reason: TEXT}`, `{label: VALUE, source: TEXT}` or `public`."""


def _plain(node: Any, path: str, said: _Said) -> Any:
    """The same tree with every value in place of what it rests on, which is kept under its path."""
    if isinstance(node, list):
        return [_plain(entry, f"{path}.{number}", said) for number, entry in enumerate(node)]
    if not isinstance(node, dict):
        return node
    if "assumed" in node:
        if set(node) != BASES[0] or not isinstance(node["reason"], str) or not node["reason"]:
            raise ProtocolError(((path, "an assumption has exactly a value and a reason"),))
        said.assumed[path] = node["reason"]
        return node["assumed"]
    if "source" in node and set(node) in BASES:
        basis = "label" if "label" in node else "public"
        said.given_by[path] = f"{basis}: {node['source']}"
        return node[basis]
    return {key: _plain(value, f"{path}.{key}" if path else str(key), said) for key, value in node.items()}


class _Loader(yaml.SafeLoader):
    """YAML without surprises: integers are numbers, all else is text; a key may stand once; nothing is an alias."""

    yaml_implicit_resolvers = {  # noqa: RUF012  PyYAML's own shape
        first: [
            (tag, pattern) for tag, pattern in resolvers if tag in {"tag:yaml.org,2002:int", "tag:yaml.org,2002:null"}
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):  # a few lines of aliases unfold into millions of values
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "an alias is not allowed", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        keys = [key.value for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice", node.start_mark)
        return super().construct_mapping(node, deep)
