"""Which panels are there? All of them, by name."""

from dashboards.panels import Panel, cuts, dosing, overview, participants, people, pipeline, stopping, toxicity

PANELS: dict[str, Panel] = {
    panel.name: panel
    for module in (cuts, dosing, overview, participants, people, pipeline, stopping, toxicity)
    for panel in module.PANELS
}
