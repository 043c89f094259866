"""Who is where: enrolled, treated, stopped for toxicity, dead? Counted by group, and named one by one."""

from dataclasses import dataclass

from dashboards.panels import Column, Panel, Table, current

_SPEAK_OF_THE_STAY = (
    "ParticipantEnrolled",
    "DoseGiven",
    "TreatmentEnded",
    "ParticipantDied",
    "ParticipantWithdrew",
    "AdverseEventReported",
)
READS = (*_SPEAK_OF_THE_STAY, "RecordWithdrawn")
"""What places follow from."""


def _said(field: str, fact: str) -> str:
    """SQL: what the last accepted fact of a kind says of a participant."""
    return f"argMaxIf(JSONExtractString(data, '{field}'), position, fact = '{fact}')"


_ENDED = "fact = 'TreatmentEnded' AND JSONExtractString(data, 'drug') = ''"
_SERIOUS = "fact = 'AdverseEventReported' AND JSONExtractBool(data, 'serious')"
_ONGOING = (
    f"{_SERIOUS} AND JSONExtractString(data, 'end') = ''"
    " AND JSONExtractString(data, 'outcome') NOT IN ('recovered', 'recovered_with_sequelae', 'fatal')"
)

PLACES = f"""
    SELECT participant, {_said("group", "ParticipantEnrolled")} AS group_,
        {_said("site", "ParticipantEnrolled")} AS site, {_said("enrolled_on", "ParticipantEnrolled")} AS enrolled_on,
        minIf(position, fact = 'ParticipantEnrolled') AS enrolled_at,
        minIf(JSONExtractString(data, 'started'), fact = 'DoseGiven') AS first_dose,
        {_said("died_on", "ParticipantDied")} AS died_on, {_said("cause", "ParticipantDied")} AS death_cause,
        {_said("withdrew_on", "ParticipantWithdrew")} AS withdrew_on,
        argMaxIf(JSONExtractString(data, 'ended_on'), position, {_ENDED}) AS ended_on,
        argMaxIf(JSONExtractString(data, 'cause'), position, {_ENDED}) AS end_cause,
        countIf({_SERIOUS}) AS serious, countIf({_ONGOING}) AS serious_ongoing
    FROM ({current(_SPEAK_OF_THE_STAY)}) GROUP BY participant HAVING enrolled_at > 0"""
"""SQL: one row for each enrolled participant, with what is now said of the stay in the trial."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One number about the people of a group."""

    title: str
    counts: str
    """SQL: how often a participant counts."""
    decides: str
    """SQL: whether a fact is what makes a participant count."""


_DOSED = "fact = 'DoseGiven'"
_DIED = "fact = 'ParticipantDied'"
_ON_TREATMENT = "first_dose != '' AND died_on = '' AND withdrew_on = '' AND ended_on = ''"

MEASURES = {
    "enrolled": Measure("Enrolled", "1", "fact = 'ParticipantEnrolled'"),
    "treated": Measure("Treated", "first_dose != ''", _DOSED),
    "on_treatment": Measure("On treatment", _ON_TREATMENT, _DOSED),
    "stopped_for_toxicity": Measure("Stopped for toxicity", "end_cause = 'adverse_event'", _ENDED),
    "deaths": Measure("Deaths", "died_on != ''", _DIED),
    "deaths_of_event": Measure("Deaths of an adverse event", "death_cause = 'adverse_event'", _DIED),
    "deaths_unknown": Measure("Deaths of unknown cause", "death_cause = 'unknown'", _DIED),
    "serious": Measure("Serious events", "serious", _SERIOUS),
    "serious_ongoing": Measure("Serious events ongoing", "serious_ongoing", _ONGOING),
}


HARMS = ("deaths", "deaths_of_event", "deaths_unknown", "serious", "serious_ongoing", "stopped_for_toxicity")
"""The measures of which more is worse."""


def _chosen(part: str) -> str:
    """SQL: the cases of the measure that was chosen."""
    return ", ".join(f"{{measure:String}} = '{name}', ({getattr(measure, part)})" for name, measure in MEASURES.items())


SUMMARY = Panel(
    name="summary",
    title="Participants by group",
    description=(
        "Treated: at least one dose was given. On treatment: treated, and neither ended, died nor withdrew. Stopped "
        "for toxicity: all study treatment ended because of an adverse event. Serious events: adverse events now "
        "called serious; ongoing: no end, and not recovered or fatal."
    ),
    sql=f"""
SELECT group_ AS scope, {", ".join(f"toUInt64(sum({measure.counts})) AS {name}" for name, measure in MEASURES.items())}
FROM ({PLACES}) AS places GROUP BY scope ORDER BY scope""",
    encoding=Table(
        (
            Column("scope", "Group"),
            *(Column(name, measure.title, "number") for name, measure in MEASURES.items()),
        )
    ),
    reads=READS,
)

NAMED = Panel(
    name="people",
    title="Who is counted",
    description="Each enrolled participant, and how often one measure counts it: what a count is made of.",
    sql=f"""
SELECT participant, group_ AS scope, toUInt64(multiIf({_chosen("counts")}, 0)) AS counted FROM ({PLACES}) AS places
ORDER BY enrolled_on, enrolled_at, participant""",
    encoding=Table(
        (Column("participant", "Participant"), Column("scope", "Group"), Column("counted", "Counts", "number"))
    ),
    parameters={"measure": "enrolled"},
    reads=READS,
)

DECIDING = Panel(
    name="people_facts",
    title="What makes a participant count",
    description="The facts, as they now stand, that decide one measure; of doses, the first.",
    sql=f"""
SELECT participant, fact, position, recorded, source, record, revision, data FROM ({current(_SPEAK_OF_THE_STAY)})
WHERE multiIf({_chosen("decides")}, 0)
ORDER BY participant, JSONExtractString(data, 'started'), position
LIMIT 1 BY participant, if({_DOSED}, '', concat(source, '|', record))""",
    encoding=Table((Column("participant", "Participant"), Column("position", "Position", "number"))),
    parameters={"measure": "enrolled"},
    reads=READS,
)

PANELS = (SUMMARY, NAMED, DECIDING)
