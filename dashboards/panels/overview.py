"""What else must a board know at once: what changed, and what is missing?"""

from dashboards.panels import Column, Panel, Table

_EVER_SEVERE = """
        SELECT key FROM findings
        WHERE trial = {trial:String} AND kind = 'grade' AND valid_from <= {as_of:UInt64} AND grade >= 3"""

_HISTORY = f"""
    SELECT kind, key, valid_from, state, participant, scope, term, basis, grade, sentence,
        JSONExtractString(body, 'verdict') AS verdict, JSONExtractInt(body, 'x') AS x, JSONExtractInt(body, 'n') AS n,
        state != 'withdrawn' AND if(kind = 'participant_rule', verdict = 'true', coalesce(grade, 0) >= 3) AS heavy,
        lagInFrame((verdict, heavy), 1, ('below', 0)) OVER (PARTITION BY key ORDER BY valid_from) AS before
    FROM (
        SELECT * FROM findings
        WHERE trial = {{trial:String}} AND valid_from <= {{as_of:UInt64}} AND (
            kind IN ('cohort_rule', 'participant_rule') OR (kind = 'grade' AND key IN ({_EVER_SEVERE})))
        ORDER BY trial, kind, key, valid_from LIMIT 1 BY trial, kind, key, valid_from)"""

CHANGES = Panel(
    name="changes",
    title="What changed",
    description=(
        "The changes that a board asks about, newest first: a verdict of a cohort rule that moved, a rule that began "
        "or ceased to be true of a participant, a grade that became 3 or higher, or no longer is."
    ),
    sql=f"""
SELECT kind, key, valid_from, state, participant, scope, term, basis, grade, verdict, x, n, sentence,
    moments.recorded AS recorded
FROM (
    SELECT * FROM ({_HISTORY})
    WHERE valid_from > {{since:UInt64}} AND if(kind = 'cohort_rule', verdict != before.1, before.2 != heavy)) AS changes
LEFT JOIN (
    SELECT position, recorded FROM facts
    WHERE trial = {{trial:String}} AND position > {{since:UInt64}} AND position <= {{as_of:UInt64}}
    ORDER BY position LIMIT 1 BY position) AS moments ON moments.position = changes.valid_from
ORDER BY valid_from DESC, kind, key""",
    encoding=Table(
        (
            Column("recorded", "Recorded", "instant"),
            Column("valid_from", "Position", "number"),
            Column("state", "Change"),
            Column("sentence", "Finding"),
        )
    ),
    parameters={"since": 0},
    reads=("cohort_rule", "participant_rule", "grade"),
)

_OPEN = """
    SELECT * FROM (
        SELECT kind, key, valid_from, state, rule, basis, participant, scope, grade, causes, sentence,
            JSONExtractString(body, 'verdict') AS verdict FROM findings
        WHERE trial = {trial:String} AND valid_from <= {as_of:UInt64} AND (
            kind IN ('query', 'participant_rule') OR (kind = 'grade' AND key IN (
                SELECT key FROM findings
                WHERE trial = {trial:String} AND kind = 'grade' AND valid_from <= {as_of:UInt64} AND grade IS NULL)))
        ORDER BY trial, kind, key, valid_from DESC LIMIT 1 BY trial, kind, key)
    WHERE state != 'withdrawn' AND multiIf(kind = 'query', 1, kind = 'grade', grade IS NULL, verdict = 'unknown')"""

_QUESTION = "multiIf(kind = 'query', rule, kind = 'grade', basis, 'unknown')"

MISSING = Panel(
    name="missing",
    title="What is missing",
    description=(
        "Open questions to the sources, by the check that found them; what cannot be graded; and rules about a "
        "participant of which nobody can say whether they are met, for want of a fact."
    ),
    sql=f"""
SELECT kind AS what, {_QUESTION} AS question, count() AS open,
    uniqExact(participant) AS participants, min(sentence) AS example
FROM ({_OPEN}) GROUP BY what, question ORDER BY what DESC, open DESC, question""",
    encoding=Table(
        (
            Column("question", "Question"),
            Column("open", "Open", "number"),
            Column("participants", "Participants", "number"),
            Column("example", "For example"),
        )
    ),
    reads=("query", "grade", "participant_rule"),
)

OPEN = Panel(
    name="missing_ones",
    title="Open questions",
    description=(
        "Each open question to a source, each record that cannot be graded, and each rule that lacks a fact: what the "
        "counts are made of."
    ),
    sql=f"""
SELECT kind AS what, {_QUESTION} AS question, participant, scope, causes, sentence FROM ({_OPEN})
ORDER BY participant, key""",
    encoding=Table((Column("participant", "Participant"), Column("sentence", "Finding"))),
    reads=("query", "grade", "participant_rule"),
)

PANELS = (CHANGES, MISSING, OPEN)
