"""Which drugs are on hold, reduced, slowed or stopped, for how many participants, and why?"""

from dashboards.panels import Column, Panel, Table, standing

_SAID = (
    "participant, scope, JSONExtractString(body, 'drug') AS drug, JSONExtractString(body, 'action') AS action,"
    " if(rule = 'treatment_ended', JSONExtractString(body, 'reason'), rule) AS reason"
)
_STRONGEST_FIRST = "indexOf(['stopped', 'held', 'reduced', 'slowed'], action)"

DOSE_STATES = Panel(
    name="dose_states",
    title="Drugs that are not given as planned",
    description=(
        "Participants for whom a drug is stopped for good, on hold, reduced or infused more slowly, by the first rule "
        "that decides it, or as a person ended it. Each participant counts once for each drug. Partner stopped: it is "
        "not given without its partner."
    ),
    sql=f"""
SELECT scope, drug, action, reason, uniqExact(participant) AS participants,
    arrayStringConcat(arraySort(groupUniqArray(participant)), ', ') AS who
FROM ({standing(_SAID, "dose_decision")}) GROUP BY scope, drug, action, reason
ORDER BY scope, drug, {_STRONGEST_FIRST}, participants DESC, reason""",
    encoding=Table(
        (
            Column("scope", "Group"),
            Column("drug", "Drug"),
            Column("action", "Is"),
            Column("reason", "Because of"),
            Column("participants", "Participants", "number"),
            Column("who", "Who"),
        )
    ),
    reads=("dose_decision",),
)

PANELS = (DOSE_STATES,)
