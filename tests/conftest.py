"""How are laws tried, and where does a broker come from?

Laws are tried without a clock, since a busy machine is no failure; in CI always with the same examples.
"""

import os

from hypothesis import HealthCheck, settings

from tests.kafka.fixtures import bare_kafka, kafka, kafka_address, own_brokers

__all__ = ["bare_kafka", "kafka", "kafka_address", "own_brokers"]

settings.register_profile(
    "tocsin",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tocsin")
