"""Who had which toxicity, at which grade? Participants are counted, never events."""

from dashboards.panels import Column, Panel, Table, current, standing

GRADES = (1, 2, 3, 4, 5)

_FIRST_DOSES = f"""
    SELECT participant, min(JSONExtractString(data, 'started')) AS first_dose FROM ({current(["DoseGiven"])})
    GROUP BY participant"""

# A date compares with another only as far as both are known: what may have begun after the first dose is counted.
GRADED = f"""
    SELECT *, happened != '' AND first_dose != '' AND substring(first_dose, 1, length(happened)) > happened AS before,
        {{period:String}} = 'any' OR NOT before AS counts,
        if(basis = 'reported', greatest(coalesce(low, 1), 1), coalesce(low, 0)) AS least,
        coalesce(high, 5) AS most
    FROM (
        {standing("participant, scope, term, basis, grade, low, high, happened, causes, sentence, valid_from", "grade")}
    ) AS graded LEFT JOIN ({_FIRST_DOSES}) AS doses USING (participant)
    WHERE {{basis:String}} IN ('both', basis)"""
"""SQL: every grade that stands, its bounds, and whether it counts. A reported event is at least grade 1."""

READS = ("grade", "ordinary grade", "DoseGiven", "ParticipantEnrolled", "RecordWithdrawn")

_COUNTED = ", ".join(f"countIf(worst = {grade})" for grade in GRADES)
_NAMES = (*(f"grade_{grade}" for grade in GRADES), "not_graded", "any_least", "any_most", "severe_least", "severe_most")

TABLE = Panel(
    name="toxicity",
    title="Participants by term and worst grade",
    description=(
        "Each participant is counted once per term, at the worst grade known at the cut. Not graded: a participant "
        "with a report or value under the term that could be grade 1 or higher, and no known grade above 0. Any grade "
        "and grade 3 or higher: where a grade is not known, as far as its bounds say; 2–5 is 2 participants for "
        "certain and up to 5. Denominator: participants enrolled in the group at the cut. Every term that was ever "
        "graded or reported stays in the table, with its zeros. Since first dose: what is known to have begun before "
        "it is left out."
    ),
    sql=f"""
WITH
    worst AS (
        SELECT scope, term, participant, maxIf(grade, counts) AS worst,
            maxIf(grade IS NULL AND most > 0, counts) AS open,
            maxIf(least, counts) AS at_least, maxIf(most, counts) AS at_most
        FROM ({GRADED}) GROUP BY scope, term, participant),
    terms AS (
        SELECT term, groupArray((scope, numbers)) AS told FROM (
            SELECT scope, term, [{_COUNTED}, countIf(coalesce(worst, 0) = 0 AND open), countIf(at_least >= 1),
                countIf(at_most >= 1), countIf(at_least >= 3), countIf(at_most >= 3)] AS numbers
            FROM worst GROUP BY scope, term)
        GROUP BY term),
    groups AS (
        SELECT JSONExtractString(data, 'group') AS scope, uniqExact(participant) AS enrolled
        FROM ({current(["ParticipantEnrolled"])}) GROUP BY scope)
SELECT term, scope, enrolled, arrayFirst(one -> one.1 = scope, told).2 AS numbers,
    {", ".join(f"numbers[{place}] AS {name}" for place, name in enumerate(_NAMES, 1))}
FROM terms CROSS JOIN groups ORDER BY term, scope""",
    encoding=Table(
        (
            Column("term", "Term"),
            Column("scope", "Group"),
            Column("enrolled", "Enrolled", "number"),
            *(Column(f"grade_{grade}", f"Grade {grade}", "number") for grade in GRADES),
            Column("not_graded", "Not graded", "number"),
            Column("any_least", "Any grade", "number"),
            Column("any_most", "Any grade, at most", "number"),
            Column("severe_least", "Grade ≥ 3", "number"),
            Column("severe_most", "Grade ≥ 3, at most", "number"),
        )
    ),
    parameters={"basis": "both", "period": "treatment"},
    reads=READS,
)

LEFT_OUT = Panel(
    name="toxicity_before_treatment",
    title="Before the first dose",
    description="Findings of grade 1 or higher that are known to have begun before the participant's first dose.",
    sql=f"""
SELECT count() AS findings, uniqExact(participant) AS participants FROM ({GRADED}) WHERE before AND most > 0""",
    encoding=Table((Column("findings", "Findings", "number"), Column("participants", "Participants", "number"))),
    parameters={"basis": "both", "period": "any"},
    reads=READS,
)

OF_TERM = Panel(
    name="toxicity_of_term",
    title="The grades of one term",
    description="Every grade that stands under one term, with its bounds and what caused it: what a row is made of.",
    sql=f"""
SELECT scope, participant, grade, least, most, counts, basis, causes, sentence FROM ({GRADED})
WHERE term = {{term:String}}
ORDER BY scope, participant, grade DESC NULLS LAST, most DESC, happened, key""",
    encoding=Table(
        (Column("participant", "Participant"), Column("grade", "Grade", "grade"), Column("sentence", "Finding"))
    ),
    parameters={"basis": "both", "period": "treatment", "term": ""},
    reads=READS,
)

PANELS = (TABLE, LEFT_OUT, OF_TERM)
