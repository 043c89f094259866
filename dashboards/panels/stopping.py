"""Is any group being harmed? Where each cohort rule stands, and how it came there."""

from dashboards.panels import Chart, Column, Panel, Table, current, standing

INK, QUIET, PATH, STOP = "#1d1d1b", "#5f6368", "#00639c", "#b3400b"

CARDS = Panel(
    name="cohort_rules",
    title="Cohort rules",
    description=(
        "The latest conclusion of each stopping rule in each scope. Official: the protocol's rule, at some look inside "
        "the run of participants whose outcome is settled. Certain: known events alone reach the bound. Possible: "
        "known events and every pending participant together would reach it. Official from: the position since which "
        "the official verdict stands."
    ),
    sql="""
SELECT rule, scope, max(position) AS valid_from, argMax(conclusion, position) AS body,
    arrayMin(arrayFilter(at -> at > maxIf(position, verdict != 'official'), groupArray(position))) AS official_from
FROM (
    SELECT rule, scope, valid_from AS position, state, body AS conclusion,
        if(state = 'withdrawn', '', JSONExtractString(body, 'verdict')) AS verdict
    FROM findings WHERE trial = {trial:String} AND kind = 'cohort_rule' AND valid_from <= {as_of:UInt64})
GROUP BY rule, scope HAVING argMax(state, position) != 'withdrawn' ORDER BY rule, scope""",
    encoding=Table((Column("rule", "Rule"), Column("scope", "Scope"), Column("valid_from", "Since", "number"))),
    reads=("cohort_rule",),
)

_POOLED = """
        SELECT rule FROM findings
        WHERE trial = {trial:String} AND kind = 'cohort_rule' AND scope = 'pooled' AND valid_from <= {as_of:UInt64}"""

IN_ORDER = Panel(
    name="boundary_path",
    title="The boundary, and the path so far",
    description=(
        "Across: evaluable participants in order of enrolment. Up: how many of them had the event. The line is the "
        "path of those whose outcome is settled, from the first enrolled on; the rule stops a group whose line "
        "reaches the bound, which is drawn at the height of the next look. The shaded part goes on through those "
        "still in their window: from the events already known up to what they would be if every pending participant "
        "had the event."
    ),
    sql=f"""
SELECT rule, scope, participant, status, until, sentence, causes, valid_from,
    countIf(status != 'not_evaluable') OVER in_order AS n, countIf(status = 'event') OVER in_order AS x,
    countIf(status = 'pending') OVER in_order AS pending
FROM (
    SELECT rule, if(rule IN ({_POOLED}), 'pooled', scope) AS scope, participant, causes, sentence, valid_from,
        JSONExtractString(body, 'status') AS status, JSONExtractString(body, 'until') AS until
    FROM ({standing("rule, scope, participant, causes, sentence, valid_from, body", "evaluability")})) AS counted
LEFT JOIN (
    SELECT participant, argMax(JSONExtractString(data, 'enrolled_on'), position) AS enrolled_on,
        min(position) AS enrolled_at
    FROM ({current(["ParticipantEnrolled"])}) GROUP BY participant) AS places USING (participant)
WINDOW in_order AS (PARTITION BY rule, scope ORDER BY enrolled_on, enrolled_at, participant
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
ORDER BY rule, scope, enrolled_on, enrolled_at, participant""",
    encoding=Chart(
        {
            "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
            "width": 440,
            "height": 190,
            "autosize": {"type": "fit", "contains": "padding"},
            "background": "transparent",
            "config": {
                "font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
                "view": {"stroke": None},
                "aria": False,  # the figure is described as a whole, in words
                "mark": {"aria": False},
                "text": {"fontSize": 12},
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
                    "mark": {"type": "area", "interpolate": "step-before", "color": STOP, "opacity": 0.09},
                    "encoding": {"y2": {"field": "top"}},
                },
                {
                    "data": {"name": "stop"},
                    "mark": {"type": "line", "interpolate": "step-before", "color": STOP, "strokeWidth": 2},
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
                    },
                    "encoding": {"text": {"field": "text"}},
                },
                {
                    "data": {"name": "open"},
                    "mark": {"type": "area", "color": PATH, "opacity": 0.18},
                    "encoding": {"y2": {"field": "most"}},
                },
                {
                    "data": {"name": "open"},
                    "mark": {"type": "line", "color": PATH, "strokeDash": [3, 3]},
                },
                {
                    "data": {"name": "rows"},
                    "mark": {"type": "line", "color": PATH, "strokeWidth": 2.5},
                },
                {
                    "data": {"name": "crossed"},
                    "mark": {
                        "type": "point",
                        "shape": "square",
                        "filled": True,
                        "size": 90,
                        "color": STOP,
                        "opacity": 1,
                    },
                },
                {
                    "data": {"name": "crossed"},
                    "mark": {"type": "text", "align": "left", "baseline": "top", "dx": 9, "dy": 4, "color": STOP},
                    "encoding": {"text": {"field": "text"}},
                },
                {
                    "data": {"name": "here"},
                    "mark": {"type": "point", "filled": True, "size": 110, "color": PATH, "opacity": 1},
                },
            ],
        }
    ),
    reads=("evaluability", "cohort_rule", "ParticipantEnrolled", "RecordWithdrawn"),
)

PANELS = (CARDS, IN_ORDER)
