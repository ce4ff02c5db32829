"""How far the property-based tests look: a little in `make test`, ten times more in test-all."""

import os

from hypothesis import HealthCheck, settings

FACTOR = int(os.environ.get("JAXCNN_SWEEP", "1"))


def sweep(examples: int) -> settings:
    """Hypothesis settings for ``examples`` examples, times the factor; compiling takes its time."""
    return settings(
        max_examples=examples * FACTOR,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
