"""Which cut is this: when was it recorded, what was in force, which cuts have names?"""

from dashboards.panels import Column, Panel, Table, current

MOVED = Panel(
    name="moved",
    title="What moved last",
    description=(
        "The last position, up to the cut, at which facts of each name came and findings of each kind changed. A first "
        "grade below 3 is ordinary."
    ),
    sql="""
SELECT name, max(at) AS moved FROM (
    SELECT toString(fact) AS name, position AS at FROM facts
    WHERE trial = {trial:String} AND position <= {as_of:UInt64}
    UNION ALL
    SELECT if(kind = 'grade' AND state = 'raised' AND grade < 3, 'ordinary grade', toString(kind)), valid_from
    FROM findings WHERE trial = {trial:String} AND valid_from <= {as_of:UInt64})
GROUP BY name ORDER BY name""",
    encoding=Table((Column("name", "What"), Column("moved", "Position", "number"))),
)

AT_CUT = Panel(
    name="cut",
    title="The cut",
    description="The last fact up to the cut, when it was recorded, and how many facts there are.",
    sql="""
SELECT position, recorded, fact, source FROM facts
WHERE trial = {trial:String} AND position <= {as_of:UInt64}
ORDER BY trial DESC, position DESC LIMIT 1""",
    encoding=Table((Column("position", "Position", "number"), Column("recorded", "Recorded", "instant"))),
)

AT_INSTANT = Panel(
    name="instant",
    title="What was known at an instant",
    description="The last position recorded by an instant; 0 where nothing was.",
    sql="""
SELECT max(position) AS newest FROM facts
WHERE trial = {trial:String} AND position <= {as_of:UInt64}
  AND recorded <= parseDateTime64BestEffort({instant:String}, 6, 'UTC')""",
    encoding=Table((Column("newest", "Position", "number"),)),
    parameters={"instant": "2000-01-01 00:00:00"},
)

IN_FORCE = Panel(
    name="protocol",
    title="The protocol in force",
    description="The last adopted protocol file, and the clock that stamps the ledger.",
    sql="""
SELECT position, recorded, JSONExtractString(data, 'protocol') AS protocol, JSONExtractString(data, 'clock') AS clock
FROM facts
WHERE trial = {trial:String} AND position <= {as_of:UInt64} AND fact = 'ProtocolAdopted'
ORDER BY position DESC LIMIT 1""",
    encoding=Table((Column("position", "Since position", "number"), Column("clock", "Clock"))),
    reads=("ProtocolAdopted",),
)

NAMED = Panel(
    name="named_cuts",
    title="Cuts with a name",
    description="Data cuts that were declared for a meeting, newest first.",
    sql=f"""
SELECT position, JSONExtractString(data, 'name') AS name, JSONExtractString(data, 'happened_by') AS happened_by
FROM ({current(["DataCutDeclared"])}) ORDER BY position DESC LIMIT 20""",
    encoding=Table((Column("name", "Name"), Column("position", "Position", "number"))),
    reads=("DataCutDeclared", "RecordWithdrawn"),
)

RECORDS = Panel(
    name="records",
    title="Records",
    description="What some records now say, and where in the ledger: each named source|record, one a line.",
    sql="""
SELECT concat(source, '|', record) AS cause, participant, fact, position, recorded, revision, data FROM facts
WHERE trial = {trial:String} AND position <= {as_of:UInt64}
  AND cause IN (SELECT arrayJoin(splitByChar('\\n', {records:String})))
ORDER BY position DESC LIMIT 1 BY cause""",
    encoding=Table((Column("cause", "Record"), Column("position", "Position", "number"))),
    parameters={"records": ""},
)

PANELS = (MOVED, AT_CUT, AT_INSTANT, IN_FORCE, NAMED, RECORDS)
