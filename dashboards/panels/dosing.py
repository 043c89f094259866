"""Which drugs are on hold, reduced, slowed or stopped, for how many participants, and why?"""

from dashboards.panels import Column, Panel, Table, standing

_SAID = (
    "participant, scope, rule, happened, sentence, JSONExtractString(body, 'drug') AS drug,"
    " JSONExtractString(body, 'action') AS action, JSONExtractString(body, 'resumes') AS resumes"
)
_STRONGEST_FIRST = "indexOf(['stopped', 'held', 'reduced', 'slowed'], action)"

DOSE_STATES = Panel(
    name="dose_states",
    title="Drugs that are not given as planned",
    description=(
        "Participants for whom a drug is stopped for good, on hold, reduced or infused more slowly, by the first rule "
        "that decides it. Each participant counts once for each drug. Treatment ended: a person ended it. Partner "
        "stopped: it is not given without its partner."
    ),
    sql=f"""
SELECT scope, drug, action, rule, uniqExact(participant) AS participants,
    arrayStringConcat(arraySort(groupUniqArray(participant)), ', ') AS who
FROM ({standing(_SAID, "dose_decision")}) GROUP BY scope, drug, action, rule
ORDER BY scope, drug, {_STRONGEST_FIRST}, participants DESC, rule""",
    encoding=Table(
        (
            Column("scope", "Group"),
            Column("drug", "Drug"),
            Column("action", "Is"),
            Column("rule", "Because of"),
            Column("participants", "Participants", "number"),
            Column("who", "Who"),
        )
    ),
    reads=("dose_decision",),
)

PANELS = (DOSE_STATES,)
