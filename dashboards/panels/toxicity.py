"""Who had which toxicity, at which grade? Participants are counted, never events."""

from dashboards.panels import Column, Panel, Table, current, standing

GRADES = (1, 2, 3, 4, 5)

FIRST_DOSES = f"""
    SELECT participant, min(JSONExtractString(data, 'started')) AS first_dose FROM ({current(["DoseGiven"])})
    WHERE toDecimal64OrZero(JSONExtractString(data, 'given'), 6) > 0 GROUP BY participant"""

_GRADES_THAT_STAND = f"""
    SELECT participant, scope, term, grade, high, happened FROM (
        {standing("grade", "participant, scope, term, basis, grade, high, happened")})
    WHERE {{basis:String}} IN ('both', basis)"""

# A date compares with another only as far as both are known: what may have begun after the first dose is counted.
_BEGAN_BEFORE = "happened != '' AND first_dose != '' AND substring(first_dose, 1, length(happened)) > happened"

TABLE = Panel(
    name="toxicity",
    title="Participants by term and worst grade",
    description=(
        "Each participant is counted once per term, at the worst grade known at the cut. Not graded: a participant "
        "with a report or value under the term that could be grade 1 or higher, and no known grade above 0. "
        "Denominator: participants enrolled in the group at the cut. Every term that was ever graded or reported "
        "stays in the table, with its zeros. Since first dose: what is known to have begun before it is left out."
    ),
    sql=f"""
WITH
    graded AS ({_GRADES_THAT_STAND}),
    doses AS ({FIRST_DOSES}),
    worst AS (
        SELECT scope, term, participant, max(grade) AS worst, max(grade IS NULL AND coalesce(high, 5) > 0) AS open
        FROM graded LEFT JOIN doses USING (participant)
        WHERE {{period:String}} = 'any' OR NOT ({_BEGAN_BEFORE})
        GROUP BY scope, term, participant),
    counted AS (
        SELECT scope, term,
            {", ".join(f"countIf(worst = {grade}) AS grade_{grade}" for grade in GRADES)},
            countIf(coalesce(worst, 0) = 0 AND open) AS not_graded
        FROM worst GROUP BY scope, term),
    groups AS (
        SELECT JSONExtractString(data, 'group') AS scope, uniqExact(participant) AS enrolled
        FROM ({current(["ParticipantEnrolled"])}) GROUP BY scope)
SELECT terms.term AS term, groups.scope AS scope, groups.enrolled AS enrolled,
    {", ".join(f"counted.grade_{grade} AS grade_{grade}" for grade in GRADES)}, counted.not_graded AS not_graded
FROM (SELECT DISTINCT term FROM graded) AS terms CROSS JOIN groups
LEFT JOIN counted ON counted.term = terms.term AND counted.scope = groups.scope
ORDER BY term, scope""",
    encoding=Table(
        (
            Column("term", "Term"),
            Column("scope", "Group"),
            Column("enrolled", "Enrolled", "number"),
            *(Column(f"grade_{grade}", f"Grade {grade}", "number") for grade in GRADES),
            Column("not_graded", "Not graded", "number"),
        )
    ),
    parameters={"basis": "both", "period": "treatment"},
)

LEFT_OUT = Panel(
    name="toxicity_before_treatment",
    title="Before the first dose",
    description="Findings of grade 1 or higher that are known to have begun before the participant's first dose.",
    sql=f"""
WITH graded AS ({_GRADES_THAT_STAND}), doses AS ({FIRST_DOSES})
SELECT count() AS findings, uniqExact(participant) AS participants
FROM graded LEFT JOIN doses USING (participant) WHERE coalesce(grade, high, 5) > 0 AND {_BEGAN_BEFORE}""",
    encoding=Table((Column("findings", "Findings", "number"), Column("participants", "Participants", "number"))),
    parameters={"basis": "both"},
)

PANELS = (TABLE, LEFT_OUT)
