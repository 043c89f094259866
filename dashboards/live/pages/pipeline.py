"""Do the facts arrive? Facts by source, freshness, and quarantine with its messages."""

from typing import Any

from dashboards.live.frame import NOT_FROM_SITES, Frame
from dashboards.panels.pipeline import REFUSED, SOURCES


def pipeline(framed: Frame) -> dict[str, Any]:
    """Sources, and what was refused."""
    cut = framed.cut
    comparable = framed.clock == "system" and cut.recorded is not None and not cut.is_now
    until = f"{cut.recorded:%Y-%m-%d %H:%M:%S.%f}" if comparable else ""
    quarantined = framed.ask(REFUSED, until=until)
    states = {source.name: source.state for source in framed.sources}
    rows = [
        row | {"state": "fresh" if row["family"] in NOT_FROM_SITES else states[row["source"]]}
        for row in framed.families
    ]
    refused = quarantined()
    return {
        "rows": rows,
        "facts": sum(row["facts"] for row in rows),
        "speakers": len({row["source"] for row in rows}),
        "refused": refused,
        "messages": sum(row["messages"] for row in refused),
        "beyond_cut": not cut.is_now and not comparable,
        "sources_description": SOURCES.description,
        "quarantine_description": REFUSED.description,
    }
