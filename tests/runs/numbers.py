"""What of a run's metrics repeats exactly."""

from jaxcnn.runs import read_metrics

WALL_CLOCK = {"images_per_second", "seconds", "compile_seconds", "device_memory_bytes"}
"""The fields of a row that differ from run to run."""


def numbers(folder):
    """The metrics without those that depend on the clock."""
    return [{k: v for k, v in row.items() if k not in WALL_CLOCK} for row in read_metrics(folder)]
