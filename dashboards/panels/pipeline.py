"""Do the facts arrive? Which source is silent, and what was refused?"""

from dashboards.panels import Column, Panel, Table

SOURCES = Panel(
    name="sources",
    title="Facts by source",
    description=(
        "Silent: from the last fact of the source to the ledger's own clock at the cut, which is the last time "
        "anything was recorded."
    ),
    sql="""
SELECT source, family, groupBitmap(position) AS facts, min(recorded) AS first_recorded, max(recorded) AS last_recorded,
    max(occurred) AS last_occurred,
    dateDiff('second', last_recorded, max(last_recorded) OVER ()) AS silent_seconds
FROM facts WHERE trial = {trial:String} AND position <= {as_of:UInt64}
GROUP BY source, family ORDER BY source, family""",
    encoding=Table(
        (
            Column("source", "Source"),
            Column("family", "Family"),
            Column("facts", "Facts", "number"),
            Column("first_recorded", "First recorded", "instant"),
            Column("last_recorded", "Last recorded", "instant"),
        )
    ),
)

REFUSED = Panel(
    name="quarantine",
    title="Quarantine",
    description=(
        "Messages that are no facts, by what is wrong and where, up to the instant of the cut. They are kept whole, "
        "each with its address; none of them counts anywhere."
    ),
    sql="""
SELECT source, path, message, count() AS messages, min(received) AS first_received, max(received) AS last_received,
    argMin(address, number) AS first_address, argMax(address, number) AS last_address, max(number) AS last_number
FROM (
    SELECT * FROM quarantine WHERE trial IN ('', {trial:String})
      AND ({until:String} = '' OR received <= parseDateTime64BestEffortOrZero({until:String}, 6, 'UTC'))
    ORDER BY number LIMIT 1 BY address, digest)
GROUP BY source, path, message ORDER BY last_number DESC LIMIT 100""",
    encoding=Table(
        (
            Column("source", "Source"),
            Column("path", "Field"),
            Column("message", "What is wrong"),
            Column("messages", "Messages", "number"),
            Column("last_address", "Last address"),
        )
    ),
    parameters={"until": ""},
)

PANELS = (SOURCES, REFUSED)
