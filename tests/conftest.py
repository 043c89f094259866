"""How are laws tried? Without a clock, since a busy machine is no failure; in CI always with the same examples."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "tocsin",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tocsin")
