"""Measures what a call costs besides its time: seconds of compilation, and memory.

Each library is measured in a process of its own.
"""

from collections.abc import Mapping
from typing import Any

import jax

from benchmarks.comparison import Row
from benchmarks.libraries import Make, sentence
from benchmarks.networks import NETWORKS
from benchmarks.processes import alone, peak, resident

CALLS = 3
"""How many calls are made before the memory is read."""


def costs(makers: Mapping[str, Make], name: str, batch: int) -> Row:
    """The entries ``"compile"``, in seconds, and ``"memory"``, in MiB, of a row.

    Args:
        makers: the function that makes the call, by library; each a function of a module.
        name: the name of the network.
        batch: images in a batch.

    Returns:
        Two dicts by library. A library that failed is left out, with a printed sentence.
    """
    row: Row = {"compile": {}, "memory": {}}
    for library, make in makers.items():
        try:
            row["compile"][library], row["memory"][library] = alone(cost, make, name, batch)
        except Exception as error:  # a compiler's, or that the process was killed
            print(f"no costs of {library}: {sentence(error)}", flush=True)
    return row


def cost(make: Make, name: str, batch: int) -> tuple[float | None, float | None]:
    """The seconds of compilation, and by how many MiB the memory of this process grows.

    The same is first done with one image and LeNet, so that imports, thread pools and the
    compilation of native code do not count.
    """
    jax.block_until_ready(make(NETWORKS["lenet"]._replace(batch=1)).call())
    before = resident()
    made = make(NETWORKS[name]._replace(batch=batch))
    for _ in range(CALLS):
        jax.block_until_ready(made.call())
    after = peak()
    return made.seconds, None if before is None or after is None else after - before


def cells(row: Row, others: tuple[str, ...]) -> list[str]:
    """Two table cells for each library: seconds and MiB."""
    found = []
    for library in ("jaxcnn", *others):
        for entry, form in (("compile", ".1f"), ("memory", ".0f")):
            value: Any = row.get(entry, {}).get(library)
            found.append("—" if value is None else format(value, form))
    return found


def heads(others: tuple[str, ...]) -> list[str]:
    """The titles of the cells."""
    return [f"{library} {unit}" for library in ("jaxcnn", *others) for unit in ("s", "MiB")]
