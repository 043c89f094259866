"""How does a physician read the stories? As one page, `docs/behaviour.md`: rules, histories, what then stands."""

from collections.abc import Iterator

from clinical.protocol import CohortRule, Protocol, read_protocol
from clinical.rules.rule import ParticipantRule
from protocols import shipped
from tests.stories.form import Adjudged, Board, End, Event, Medicine, Page, Step, Story, pages
from tests.stories.running import Told, in_days, run

OPENING = """\
# How Tocsin behaves

Histories of invented participants, and what Tocsin says to each of them. The page is made from the stories in
`tests/stories/` by `make behaviour`; each of them is sent through the real rules, and fails where anything else stands
than what is written here. Who finds a sentence wrong corrects the story.

Days are study days: the first dose is on day 1, and day -1 is the day before. A row says what became known on its day;
the right column says everything that stands from then on, and under it, in Tocsin's own words but for the dates, what
it began to say and what it took back. Where nothing is said of a drug, it is given as planned. Doses that are due are
given as the drug then stands; a row tells of a dose only where it is another.
"""

CHANGED = {
    "related": "related to",
    "unrelated": "not related to",
    "sponsor_related": "by the sponsor related to",
    "sponsor_unrelated": "by the sponsor not related to",
    "onset": "since day",
    "end": "ended on day",
    "started": "from day",
    "ended": "to day",
    "course": "of grade",
    "on": "on day",
}
"""What a part of a record is called where it is corrected."""

WORDS = {
    "rules": "Rules",
    "drugs": "Drugs",
    "queries": "Asked",
    "grades": "Grades",
    "counts": "Counts as",
    "groups": "Group",
}


def page() -> str:
    """The whole page."""
    told = pages()
    parts = [OPENING]
    for name in dict.fromkeys(one.protocol for one in told.values()):
        protocol = read_protocol(shipped(name))
        parts.append(f"## {protocol.title}\n")
        order = [one.id for one in protocol.participant_rules] + [one.id for one in protocol.cohort_rules]
        of_rules = [(one.rules, name_of) for name_of, one in told.items() if one.protocol == name and one.rules]
        of_rules.sort(key=lambda one: order.index(one[0][0]))
        parts += [_of_rules(protocol, told[name_of]) for _, name_of in of_rules]
    parts += [_section(one.about, "", one) for one in told.values() if one.about]
    return "\n".join(part for part in parts if part)


def _of_rules(protocol: Protocol, page: Page) -> str:
    """Rules that belong together: what each says, what its values rest on, then the stories."""
    rules: dict[str, ParticipantRule | CohortRule] = {one.id: one for one in protocol.participant_rules}
    rules |= {one.id: one for one in protocol.cohort_rules}
    says = "\n".join(_what_it_says(protocol, rules[rule]) for rule in page.rules if rule in rules)
    named = page.rules[0].replace("_", " ")
    return _section(named[0].upper() + named[1:], says, page)


def _what_it_says(protocol: Protocol, rule: ParticipantRule | CohortRule) -> str:
    named = rule.id.replace("_", " ")
    lines = [f"> **{named}.** Then: {rule.advice}.\n"] if isinstance(rule, CohortRule) else []
    if isinstance(rule, ParticipantRule):
        lines = [f"> **{named}.** {rule.sentence}. Then: {rule.says}.\n", f"Basis ({rule.basis}): {rule.source}\n"]
    path = f"{'cohort' if isinstance(rule, CohortRule) else 'participant'}_rules.{_number(protocol, rule)}."
    said = (("assumed", protocol.assumed), ("given by", protocol.given_by))
    for word, reasons in said:
        lines += [f"* `{of.removeprefix(path)}`, {word}: {why}" for of, why in reasons.items() if of.startswith(path)]
    return "\n".join(lines).rstrip() + "\n"


def _number(protocol: Protocol, rule: ParticipantRule | CohortRule) -> int:
    """Where a rule stands in its list, from 0: so the file's paths name it."""
    ids = [one.id for one in (protocol.cohort_rules if isinstance(rule, CohortRule) else protocol.participant_rules)]
    return ids.index(rule.id)


def _section(title: str | None, says: str, page: Page) -> str:
    return "\n".join([f"### {title}\n", says, *(_story(page, story) for story in page.stories)]).replace(
        "\n\n\n", "\n\n"
    )


def _story(page: Page, story: Story) -> str:
    protocol = read_protocol(shipped(page.protocol))
    begins = f"Group {story.group} ({protocol.groups[story.group].name})."
    if story.begins == "enrolled":
        begins += " Enrolled on day -1, not yet treated."
    rows = [f"**{story.tells}** {begins}\n", "| day | what became known | what stands |", "|---|---|---|"]
    rows += [_row(told) for told in run(page, story)]
    return "\n".join(rows) + "\n"


def _row(told: Told) -> str:
    stands = [
        f"{WORDS[kind]}: " + ", ".join(_named(kind, name, said) for name, said in sorted(all_.items()))
        for kind, all_ in told.expected.items()
        if all_
    ]
    quoted = [f"*{in_days(sentence, 'day ')}*" for sentence in told.sentences]
    at = f" {told.step.at}" if "at" in told.step.model_fields_set else ""
    known = "; ".join(_known(told.step)) or "time passes"
    return f"| {told.step.day}{at} | {_cell(known)} | {_cell('<br>'.join([*(stands or ['–']), *quoted]))} |"


def _named(kind: str, name: str, said: str) -> str:
    if kind == "rules":
        return f"**{name.replace('_', ' ')}**" + ("" if said == "true" else f" {said}")
    if kind == "queries":
        return f"{name.replace('_', ' ')} ({said})"
    return f"{name} {said.replace('_', ' ')}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _known(step: Step) -> Iterator[str]:
    """What a step tells, in words."""
    on = f" (on day {step.on})" if step.on else ""
    who = f"{step.participant}: " if step.participant != "P-1" else ""
    if step.enrolled:
        yield f"{who}enrolled into group {step.enrolled}"
    yield from (f"{who}{drug} {said}{on}" for drug, said in step.doses.items())
    yield from (f"{who}no {drug}, {said.replace('_', ' ')}{on}" for drug, said in step.omitted.items())
    yield from (f"{who}{name} {said}{on}" for name, said in (*step.labs.items(), *step.vitals.items()))
    for part in (step.event, step.medicine, step.ended, step.adjudicated, step.decided):
        if part is not None:
            yield who + _part(part) + on
    if step.died:
        yield f"{who}died of {step.died.replace('_', ' ')}{on}"
    if step.left:
        yield f"{who}left the trial: {step.left.replace('_', ' ')}{on}"
    if step.tumour:
        yield f"{who}a baseline scan shows a tumour in: {', '.join(step.tumour).lower()}{on}"
    if step.progressed:
        yield f"{who}a scan shows progression{on}"
    for name, said in step.corrected.items():
        now = (
            "; ".join(f"{CHANGED.get(key, key)} {_plain(value)}" for key, value in said.items())
            if isinstance(said, dict)
            else said
        )
        yield f"corrected, {step.because}: {name} is now {now}"
    yield from (f"withdrawn, {step.because}: {name}" for name in step.withdrawn)


def _part(part: Event | Medicine | End | Adjudged | Board) -> str:
    match part:
        case Event():
            return _event(part)
        case Medicine(name=name, dose=dose, purpose=purpose, started=started, ended=ended):
            days = (f", from day {started}" if started else "") + (f" to day {ended}" if ended else "")
            return f"{name}{f' {dose} a day' if dose else ''} ({purpose.replace('_', ' ')}{days})"
        case End(drug=drug, cause=cause):
            return f"{drug or 'all study treatment'} ended: {cause.replace('_', ' ')}"
        case Adjudged(rule=rule, finding=finding, verdict=verdict, because=because):
            what = (rule or finding or "").replace("_", " ")
            return f"a person says of {what}: {verdict}{f', {because}' if because else ''}"
        case Board(decision=decision, scope=scope):
            return f"the board decides: {decision} ({scope})"


def _event(event: Event) -> str:
    said = [f"grade {event.grade}" if event.grade else event.severity or "no grade given"]
    if event.course:
        said.append("grade " + ", ".join(f"{grade} from day {day}" for day, grade in event.course.items()))
    if event.onset:
        said.append(f"since day {event.onset}" if event.onset != "unknown" else "onset unknown")
    if event.end:
        said.append(f"ended on day {event.end}")
    if event.outcome:
        said.append(event.outcome.replace("_", " "))
    if event.serious:
        said.append("not serious" if event.serious == "no" else f"serious ({event.serious.replace('_', ' ')})")
    if event.infusion:
        said.append("related to the infusion")
    for drugs, words in (
        (event.related, "related to"),
        (event.unrelated, "not related to"),
        (event.sponsor_related, "by the sponsor related to"),
        (event.sponsor_unrelated, "by the sponsor not related to"),
    ):
        if drugs:
            said.append(f"{words} {_plain(drugs)}")
    return f"{event.term}: {', '.join(said)}"


def _plain(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return " and ".join(map(str, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{grade} from day {day}" for day, grade in value.items()) or "as reported, all the time"
    return "all drugs" if value == "all" else str(value).replace("_", " ")
