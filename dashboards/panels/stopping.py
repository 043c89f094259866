"""Is any group being harmed? Where each cohort rule stands, and how it came there."""

from dashboards.panels import Chart, Column, Panel, Table, standing

INK, QUIET, PATH, STOP = "#1d1d1b", "#5f6368", "#00639c", "#b3400b"

CARDS = Panel(
    name="cohort_rules",
    title="Cohort rules",
    description=(
        "The latest conclusion of each stopping rule in each scope. Official: the protocol's rule, at some look inside "
        "the run of participants whose outcome is settled. Certain: known events alone reach the bound. Possible: "
        "known events and every pending participant together would reach it."
    ),
    sql=f"""
SELECT rule, scope, valid_from, body FROM ({standing("cohort_rule", "rule, scope, valid_from, body")})
ORDER BY rule, scope""",
    encoding=Table((Column("rule", "Rule"), Column("scope", "Scope"), Column("valid_from", "Since", "number"))),
)

_HISTORY = """
    SELECT rule, scope, valid_from, state, body FROM findings
    WHERE trial = {trial:String} AND kind = 'cohort_rule' AND valid_from <= {as_of:UInt64}
    ORDER BY trial, kind, key, valid_from LIMIT 1 BY trial, kind, key, valid_from"""

PATH_SO_FAR = Panel(
    name="boundary_path",
    title="The boundary, and the path so far",
    description=(
        "Across: evaluable participants in order of enrolment. Up: how many of them had the event. The rule stops a "
        "group whose path reaches the line. The open circle counts everybody enrolled: known events, and above it "
        "what they would be if every pending participant had the event."
    ),
    sql=f"""
SELECT history.rule AS rule, history.scope AS scope, history.valid_from AS position, moments.recorded AS recorded,
    history.state AS state, JSONExtractInt(body, 'n') AS n, JSONExtractInt(body, 'x') AS x,
    JSONExtractInt(body, 'enrolled') AS enrolled, JSONExtractInt(body, 'events') AS events,
    JSONExtractInt(body, 'pending') AS pending, JSONExtractString(body, 'verdict') AS verdict
FROM ({_HISTORY}) AS history
LEFT JOIN (
    SELECT position, recorded FROM facts
    WHERE trial = {{trial:String}} AND position <= {{as_of:UInt64}}
      AND position IN (SELECT valid_from FROM ({_HISTORY}))
    ORDER BY position LIMIT 1 BY position) AS moments ON moments.position = history.valid_from
ORDER BY rule, scope, position""",
    encoding=Chart(
        {
            "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
            "width": 440,
            "height": 210,
            "autosize": {"type": "fit", "contains": "padding"},
            "background": "transparent",
            "config": {
                "font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
                "view": {"stroke": None},
                "aria": False,  # the figure is described as a whole, in words
                "mark": {"aria": False},
                "axis": {
                    "grid": False,
                    "domainColor": "#8a8a86",
                    "tickColor": "#8a8a86",
                    "labelColor": INK,
                    "titleColor": QUIET,
                    "titleFontWeight": "normal",
                    "labelFontSize": 12,
                    "titleFontSize": 12,
                    "tickMinStep": 1,
                    "format": "d",
                    "labelAngle": 0,
                    "tickSize": 4,
                },
            },
            "encoding": {
                "x": {
                    "field": "n",
                    "type": "quantitative",
                    "axis": {"title": "evaluable participants, in order of enrolment", "tickCount": 7},
                },
                "y": {
                    "field": "x",
                    "type": "quantitative",
                    "scale": {"domainMin": 0, "nice": False},
                    "axis": {"title": "with the event", "tickCount": 5},
                },
            },
            "layer": [
                {
                    "data": {"name": "stop"},
                    "mark": {"type": "area", "interpolate": "step-after", "color": STOP, "opacity": 0.09},
                    "encoding": {"y2": {"field": "top"}},
                },
                {
                    "data": {"name": "stop"},
                    "mark": {"type": "line", "interpolate": "step-after", "color": STOP, "strokeWidth": 2},
                },
                {
                    "data": {"name": "label"},
                    "mark": {
                        "type": "text",
                        "align": "left",
                        "baseline": "top",
                        "dx": 6,
                        "dy": 5,
                        "color": STOP,
                        "fontSize": 12,
                    },
                    "encoding": {"text": {"field": "text"}},
                },
                {
                    "data": {"name": "open"},
                    "mark": {"type": "rule", "color": QUIET, "strokeDash": [2, 3], "strokeWidth": 1.5},
                    "encoding": {"y2": {"field": "most"}},
                },
                {
                    "data": {"name": "open"},
                    "mark": {"type": "point", "filled": False, "size": 60, "color": QUIET, "strokeWidth": 1.5},
                },
                {
                    "data": {"name": "rows"},
                    "mark": {"type": "line", "color": PATH, "strokeWidth": 2, "interpolate": "linear"},
                    "encoding": {"order": {"field": "step", "type": "quantitative"}},
                },
                {
                    "data": {"name": "rows"},
                    "mark": {"type": "point", "filled": True, "size": 14, "color": PATH, "opacity": 1},
                },
                {
                    "data": {"name": "here"},
                    "mark": {"type": "point", "filled": True, "size": 110, "color": PATH, "opacity": 1},
                },
            ],
        }
    ),
)

WHO_COUNTS = Panel(
    name="who_counts",
    title="Who counts",
    description="What each enrolled participant counts as for each cohort rule, and until when the window is open.",
    sql=f"""
SELECT rule, scope, participant, JSONExtractString(body, 'status') AS status, JSONExtractString(body, 'until') AS until,
    sentence
FROM ({standing("evaluability", "rule, scope, participant, sentence, body")}) ORDER BY rule, scope, participant""",
    encoding=Table((Column("participant", "Participant"), Column("status", "Counts as"), Column("until", "Until"))),
)

PANELS = (CARDS, PATH_SO_FAR, WHO_COUNTS)
