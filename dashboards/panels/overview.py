"""What else must a board know at once: who is where, what changed lately, what is missing?"""

from dashboards.panels import Column, Panel, Table, current, standing
from dashboards.panels.toxicity import FIRST_DOSES

LEAVING = ("TreatmentEnded", "ParticipantDied", "ParticipantWithdrew")

PLACES = f"""
    SELECT enrolments.participant AS participant, group_, site, enrolled_on, first_dose, died_on, death_cause,
        withdrew_on, ended_on, end_cause
    FROM (
        SELECT participant, JSONExtractString(data, 'group') AS group_, JSONExtractString(data, 'site') AS site,
            JSONExtractString(data, 'enrolled_on') AS enrolled_on
        FROM ({current(["ParticipantEnrolled"])}) ORDER BY position DESC LIMIT 1 BY participant) AS enrolments
    LEFT JOIN ({FIRST_DOSES}) AS doses USING (participant)
    LEFT JOIN (
        SELECT participant,
            maxIf(JSONExtractString(data, 'died_on'), fact = 'ParticipantDied') AS died_on,
            maxIf(JSONExtractString(data, 'cause'), fact = 'ParticipantDied') AS death_cause,
            maxIf(JSONExtractString(data, 'withdrew_on'), fact = 'ParticipantWithdrew') AS withdrew_on,
            maxIf(JSONExtractString(data, 'ended_on'), fact = 'TreatmentEnded') AS ended_on,
            maxIf(JSONExtractString(data, 'cause'), fact = 'TreatmentEnded') AS end_cause
        FROM ({current(LEAVING)})
        WHERE fact != 'TreatmentEnded' OR JSONExtractString(data, 'drug') = ''
        GROUP BY participant) AS leaving USING (participant)"""
"""SQL: one row for each enrolled participant, with what is said of the stay in the trial."""

SUMMARY = Panel(
    name="summary",
    title="Participants by group",
    description=(
        "Treated: at least one dose above zero was given. On treatment: treated, and neither ended, died nor "
        "withdrew. Stopped for toxicity: all study treatment ended because of an adverse event. Serious events: "
        "adverse events now called serious; ongoing: no end, and not recovered or fatal."
    ),
    sql=f"""
WITH
    places AS ({PLACES}),
    serious AS (
        SELECT participant, count() AS serious,
            countIf(JSONExtractString(data, 'end') = ''
                AND JSONExtractString(data, 'outcome') NOT IN ('recovered', 'recovered_with_sequelae', 'fatal')
            ) AS ongoing
        FROM ({current(["AdverseEventReported"])}) WHERE JSONExtractBool(data, 'serious') GROUP BY participant)
SELECT group_ AS scope, count() AS enrolled, countIf(first_dose != '') AS treated,
    countIf(first_dose != '' AND died_on = '' AND withdrew_on = '' AND ended_on = '') AS on_treatment,
    countIf(end_cause = 'adverse_event') AS stopped_for_toxicity, countIf(died_on != '') AS deaths,
    countIf(death_cause = 'adverse_event') AS deaths_of_event, countIf(death_cause = 'unknown') AS deaths_unknown,
    sum(serious) AS serious, sum(ongoing) AS serious_ongoing
FROM places LEFT JOIN serious USING (participant) GROUP BY scope ORDER BY scope""",
    encoding=Table(
        (
            Column("scope", "Group"),
            Column("enrolled", "Enrolled", "number"),
            Column("treated", "Treated", "number"),
            Column("on_treatment", "On treatment", "number"),
            Column("stopped_for_toxicity", "Stopped for toxicity", "number"),
            Column("deaths", "Deaths", "number"),
            Column("serious", "Serious events", "number"),
        )
    ),
)

_VERDICTS_THAT_MOVED = """
    SELECT key, valid_from, state, participant, scope, grade, sentence, 'cohort_rule' AS what FROM (
        SELECT key, valid_from, state, participant, scope, grade, sentence,
            JSONExtractString(body, 'verdict') AS verdict,
            lagInFrame(verdict, 1, 'below') OVER (PARTITION BY key ORDER BY valid_from) AS before
        FROM (
            SELECT * FROM findings
            WHERE trial = {trial:String} AND kind = 'cohort_rule' AND valid_from <= {as_of:UInt64}
            ORDER BY trial, kind, key, valid_from LIMIT 1 BY trial, kind, key, valid_from))
    WHERE verdict != before"""

_RULES_THAT_MOVED = """
    SELECT key, valid_from, state, participant, scope, grade, sentence, 'participant_rule' AS what FROM findings
    WHERE trial = {trial:String} AND kind = 'participant_rule' AND valid_from <= {as_of:UInt64}
    ORDER BY valid_from DESC, key LIMIT 1 BY key, valid_from LIMIT 12"""

_SEVERE = """
    trial = {trial:String} AND kind = 'grade' AND valid_from <= {as_of:UInt64}"""

_GRADES_THAT_MOVED = f"""
    SELECT key, valid_from, state, participant, scope, grade, sentence, 'grade' AS what FROM (
        SELECT key, valid_from, state, participant, scope, grade, sentence,
            lagInFrame(coalesce(grade, 0), 1, 0) OVER (PARTITION BY key ORDER BY valid_from) AS before
        FROM (
            SELECT key, valid_from, state, participant, scope, grade, sentence FROM findings
            WHERE {_SEVERE} AND key IN (SELECT key FROM findings WHERE {_SEVERE} AND grade >= 3)
            ORDER BY trial, kind, key, valid_from LIMIT 1 BY trial, kind, key, valid_from))
    WHERE (state = 'withdrawn' AND before >= 3) OR (state != 'withdrawn' AND coalesce(grade, 0) != before
        AND (coalesce(grade, 0) >= 3 OR before >= 3))
    ORDER BY valid_from DESC, key LIMIT 12"""

RECENT = Panel(
    name="recent",
    title="What changed last",
    description=(
        "The last changes that a board asks about, newest first: a verdict of a cohort rule that moved, a rule about "
        "a participant, a grade that became 3 or higher, or no longer is."
    ),
    sql=f"""
SELECT changes.*, moments.recorded AS recorded FROM (
    SELECT * FROM (
        SELECT * FROM ({_VERDICTS_THAT_MOVED}) UNION ALL SELECT * FROM ({_RULES_THAT_MOVED})
        UNION ALL SELECT * FROM ({_GRADES_THAT_MOVED}))
    ORDER BY valid_from DESC, what, key LIMIT 10) AS changes
LEFT JOIN (
    SELECT position, recorded FROM facts WHERE trial = {{trial:String}} AND position <= {{as_of:UInt64}}
      AND position IN (SELECT valid_from FROM findings WHERE trial = {{trial:String}} AND valid_from <= {{as_of:UInt64}}
        AND (kind IN ('cohort_rule', 'participant_rule')
          OR kind = 'grade' AND key IN (SELECT key FROM findings WHERE {_SEVERE} AND grade >= 3)))
    ORDER BY position LIMIT 1 BY position) AS moments ON moments.position = changes.valid_from
ORDER BY valid_from DESC, what, key""",
    encoding=Table(
        (
            Column("recorded", "Recorded", "instant"),
            Column("valid_from", "Position", "number"),
            Column("state", "Change"),
            Column("sentence", "Finding"),
        )
    ),
)

MISSING = Panel(
    name="missing",
    title="What is missing",
    description="Open questions to the sources, by the check that found them, and what cannot be graded, by reason.",
    sql=f"""
SELECT * FROM (
    SELECT 'query' AS what, rule AS question, count() AS open, uniqExact(participant) AS participants,
        min(sentence) AS example
    FROM ({standing("query", "rule, participant, sentence")}) GROUP BY question
    UNION ALL
    SELECT 'not graded' AS what, basis AS question, count() AS open, uniqExact(participant) AS participants,
        min(sentence) AS example
    FROM ({standing("grade", "basis, participant, grade, sentence")}) WHERE grade IS NULL GROUP BY question)
ORDER BY what DESC, open DESC, question""",
    encoding=Table(
        (
            Column("question", "Question"),
            Column("open", "Open", "number"),
            Column("participants", "Participants", "number"),
            Column("example", "For example"),
        )
    ),
)

PANELS = (SUMMARY, RECENT, MISSING)
