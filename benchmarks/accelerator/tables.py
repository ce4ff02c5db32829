"""The tables of the command, with a function that measures each row."""

import functools
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.accelerator.checks import checked
from benchmarks.accelerator.products import timed_product
from benchmarks.accelerator.programs import MODES
from benchmarks.accelerator.steps import placements, timed_step
from benchmarks.accelerator.tasks import timed_task
from benchmarks.accelerator.workload import Workload
from benchmarks.comparison import Row
from benchmarks.layers import TASKS

LAYER_MODES = ("float32", "bfloat16")

Measure = Callable[[float], Row]
"""A function that measures one row within a number of seconds."""


class ResultTable(NamedTuple):
    """A table of results.

    Attributes:
        name: its name in the record.
        until: the share of the whole time after which no further row of it is started.
        rows: the function that measures each row, by the name of the row.
    """

    name: str
    until: float
    rows: dict[str, Measure]


def tables_of(workload: Workload, only: str = "") -> list[ResultTable]:
    """All tables in the order of their measurement, with the rows whose name contains ``only``.

    The matrix products are always among them, since other rows are compared with them.
    """
    tables = (("check", 0.35, _checks), ("steps", 0.7, _steps), ("layers", 0.92, _layers))
    chosen = [
        ResultTable(name, until, {row: fn for row, fn in rows(workload).items() if only in row})
        for name, until, rows in tables
    ]
    return [ResultTable("products", 0.1, _products(workload)), *chosen]


def _products(workload: Workload) -> dict[str, Measure]:
    return {mode: _timed(timed_product, workload.size, mode, workload.sampling) for mode in MODES}


def _checks(workload: Workload) -> dict[str, Measure]:
    return {op: functools.partial(checked, op, workload.cases) for op in workload.ops}


def _steps(workload: Workload) -> dict[str, Measure]:
    rows = {}
    # What is wanted most comes first: all networks in one mode, then in the next.
    for mode in workload.modes:
        for name, network in workload.networks.items():
            for place in placements():
                devices = "1 device" if place.devices == 1 else f"{place.devices} devices"
                measure = _timed(timed_step, network, mode, place, workload.sampling)
                rows[f"{name}, {mode}, {devices}"] = _named(measure, network=name)
    return rows


def _layers(workload: Workload) -> dict[str, Measure]:
    rows = {}
    for mode in LAYER_MODES:
        for name, case in workload.layers.items():
            for task in TASKS:
                measure = _timed(timed_task, case, task, mode, workload.sampling)
                rows[f"{name}, {task}, {mode}"] = _named(measure, layer=name)
    return rows


def _timed(fn: Callable[..., Row], *arguments: object) -> Measure:
    """A measurement without a time limit of its own."""
    return lambda seconds: fn(*arguments)


def _named(measure: Measure, **names: str) -> Measure:
    return lambda seconds: names | measure(seconds)
