"""Who is in the trial, and what happened to one of them?"""

from dashboards.panels import Column, Panel, Table, current, standing
from dashboards.panels.people import PLACES, READS

_VERDICT = "if(kind = 'participant_rule', JSONExtractString(body, 'verdict'), '') AS verdict"
_JUDGED = standing(f"participant, rule, grade, {_VERDICT}", "grade", "participant_rule", "query")

LIST = Panel(
    name="participants",
    title="Participants",
    description=(
        "In order of enrolment. Worst grade: the highest known grade of any report or value at the cut, whenever it "
        "happened. Rules: rules about the participant that are true. Waiting: those that wait for time, or for a fact "
        "that is missing. Queries: open questions to the source."
    ),
    sql=f"""
SELECT participant, group_ AS scope, site, enrolled_on, first_dose, died_on, death_cause, withdrew_on, ended_on,
    end_cause, worst, arraySort(true_rules) AS rules,
    arraySort(open_rules) AS waiting, queries
FROM ({PLACES}) AS places
LEFT JOIN (
    SELECT participant, max(grade) AS worst, groupUniqArrayIf(rule, verdict = 'true') AS true_rules,
        groupUniqArrayIf(rule, verdict IN ('pending', 'unknown')) AS open_rules,
        countIf(kind = 'query') AS queries
    FROM ({_JUDGED}) GROUP BY participant) AS found
    USING (participant)
ORDER BY enrolled_on, enrolled_at, participant""",
    encoding=Table(
        (
            Column("participant", "Participant"),
            Column("scope", "Group"),
            Column("site", "Site"),
            Column("enrolled_on", "Enrolled"),
            Column("first_dose", "First dose"),
            Column("worst", "Worst grade", "grade"),
            Column("rules", "Rules"),
            Column("waiting", "Waiting"),
            Column("queries", "Queries", "number"),
        )
    ),
    reads=(*READS, "grade", "ordinary grade", "participant_rule", "query"),
)

SCREENING = Panel(
    name="screening",
    title="Screening",
    description=(
        "Screened: everybody of whom a screening or an enrolment is told. Failed: the last screening told failed, and "
        "no enrolment stands."
    ),
    sql=f"""
SELECT count() AS screened, countIf(was_enrolled) AS enrolled,
    countIf(NOT was_enrolled AND outcome = 'failed') AS failed
FROM (
    SELECT participant, max(fact = 'ParticipantEnrolled') AS was_enrolled,
        argMaxIf(JSONExtractString(data, 'outcome'), position, fact = 'ParticipantScreened') AS outcome
    FROM ({current(["ParticipantScreened", "ParticipantEnrolled"])}) GROUP BY participant)""",
    encoding=Table(
        (
            Column("screened", "Screened", "number"),
            Column("enrolled", "Enrolled", "number"),
            Column("failed", "Failed", "number"),
        )
    ),
    reads=("ParticipantScreened", "ParticipantEnrolled", "RecordWithdrawn"),
)

_OF_PARTICIPANT = """
    SELECT key, kind, valid_from, state, rule, term, basis, grade, low, high, causes, sentence,
        JSONExtractString(body, 'verdict') AS verdict, body FROM findings
    WHERE trial = {trial:String} AND valid_from <= {as_of:UInt64} AND participant = {participant:String}
    ORDER BY trial, kind, key, valid_from LIMIT 1 BY trial, kind, key, valid_from"""

FACTS_OF_ONE = Panel(
    name="participant_facts",
    title="One participant's facts",
    description=(
        "Every revision of every record about the participant, and the facts about the trial that changed a finding "
        "about the participant, in the order in which they happened."
    ),
    sql=f"""
SELECT position, recorded, occurred, fact, source, record, revision, participant, data FROM facts
WHERE trial = {{trial:String}} AND position <= {{as_of:UInt64}} AND (
    participant = {{participant:String}} OR position IN (SELECT valid_from FROM ({_OF_PARTICIPANT})))
ORDER BY occurred, position LIMIT 1 BY position""",
    encoding=Table(
        (
            Column("occurred", "Happened", "instant"),
            Column("position", "Position", "number"),
            Column("fact", "Fact"),
            Column("record", "Record"),
        )
    ),
    parameters={"participant": ""},
)

FINDINGS_OF_ONE = Panel(
    name="participant_findings",
    title="One participant's findings",
    description="Every change of every finding about the participant, by position.",
    sql=f"SELECT * FROM ({_OF_PARTICIPANT}) ORDER BY valid_from, kind, key",
    encoding=Table(
        (
            Column("valid_from", "Position", "number"),
            Column("state", "Change"),
            Column("kind", "Kind"),
            Column("sentence", "Finding"),
        )
    ),
    parameters={"participant": ""},
)

PANELS = (LIST, SCREENING, FACTS_OF_ONE, FINDINGS_OF_ONE)
