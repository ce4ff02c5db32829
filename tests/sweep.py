"""How far the property-based tests look: a little in `make test`, forty times more in test-all."""

import os

from hypothesis import HealthCheck, settings

FACTOR = float(os.environ.get("JAXCNN_SWEEP", "0.25"))


def sweep(examples: int) -> settings:
    """Hypothesis settings for ``examples`` examples, times the factor; compiling takes its time."""
    return settings(
        max_examples=max(round(examples * FACTOR), 2),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
