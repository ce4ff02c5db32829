"""Every case on eight devices: ``python -m tests.ops.eight_devices`` answers names of cases.

Simulated devices have to be asked for before JAX starts, so this is a process of its own, with
``XLA_FLAGS=--xla_force_host_platform_device_count=8``. It reads a case's name and how much to try
from each line, and writes what went wrong, as a line of JSON. How much is ``whole``; ``short``,
with native code only where there is any; or ``wrong``, for which a correct result is an error, so
that errors are known to be found.
"""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxcnn.engine import compiler
from jaxcnn.reference.cases import Case
from tests.ops import suite
from tests.ops.properties import QUICK, cotangents, replaced, strictly

DEVICES = 8
EACH = 2
"""How many examples a device has: some ops want more than one."""

KINDS = {"explicit": AxisType.Explicit, "automatic": AxisType.Auto}
PORTABLE = compiler.Native({}, "native code is turned off for this test")

WITHOUT_BATCH = frozenset(
    {
        "convolve2d",
        "corr1d",
        "corr2d",
        "corr2d_multi_in",
        "corr2d_multi_in_out",
        "corr2d_multi_in_out_1x1",
        "layer_norm-first",
        "pool2d",
    }
)
"""Ops of one image, and cases of a first axis that is no batch: `jax.vmap` makes one."""

ALSO_BATCHED = {"grid_sample": (0, 1)}
"""Ops with a batch in arrays that are no images."""

BATCHED_BY_NAME = ("samples",)
"""Arrays with a batch that are passed by keyword."""

KERNELS = ("conv", "depthwise")
"""Ops whose second array is a kernel, with the output channels last."""

Outcome = Callable[..., Any]


class Batch:
    """A case whose batch is as large as there are devices.

    Attributes:
        at: which arrays have the batch, on their first axis.
        arrays: all of them.
        run: results and gradients of arrays.
    """

    def __init__(self, case: Case):
        self.case = case
        given, named = suite.inputs(case, np.float32)
        arrays = [*given, *(named[name] for name in BATCHED_BY_NAME if name in named)]

        def call(*arrays: Any) -> Any:
            batched = zip(
                (n for n in BATCHED_BY_NAME if n in named), arrays[len(given) :], strict=True
            )
            return suite.op_of(case, np.float32, **dict(batched))(*arrays[: len(given)])

        if {case.op, str(case)} & WITHOUT_BATCH:
            self.at: tuple[int, ...] = case.batched[:1]
            axes = [0 if i in self.at else None for i in range(len(arrays))]
            call = jax.vmap(call, in_axes=axes)
            arrays = [a[None] if i in self.at else a for i, a in enumerate(arrays)]
        else:
            more = range(len(given), len(arrays))
            self.at = (*ALSO_BATCHED.get(case.op, case.images), *more)
        for i in self.at:
            arrays[i] = _enlarged(arrays[i])
        self.arrays = tuple(arrays)
        self.call = call

    def run(self, *arrays: Any) -> tuple[Any, Any]:
        """The results, and the gradients of a weighted sum of them."""
        at = self.case.differentiable

        def of(*variables: Any) -> tuple[Any, Any]:
            results = self.call(*replaced(arrays, at, variables))
            reals = [y for y in results if suite.real(y)]
            terms = zip(cotangents(reals), reals, strict=True)
            return sum((jnp.sum(c * y) for c, y in terms), jnp.zeros(())), results

        if not at:
            return of()[1], ()
        gradients, results = jax.grad(of, tuple(range(len(at))), has_aux=True)(
            *(arrays[i] for i in at)
        )
        return results, gradients


def _enlarged(array: np.ndarray) -> np.ndarray:
    """Enough examples for all devices, no two of them equal if they are real numbers."""
    if not len(array):
        return array
    larger = np.resize(array, (DEVICES * EACH, *array.shape[1:]))
    if not suite.real(array):
        return larger
    scale = np.linspace(1, 0.5, DEVICES * EACH, dtype=array.dtype)
    return larger * scale.reshape(-1, *(1,) * (array.ndim - 1))


def outcomes(case: Case, much: str) -> Iterator[tuple[str, str]]:
    """What went wrong under each kind of sharding; nothing where all is well."""
    batch = Batch(case)
    compiler.native = NATIVE
    yield from _tried(batch, "native", much == "wrong")
    text = jax.jit(batch.run).lower(*batch.arrays).as_text()
    # Without native code it would be the same program, were none called in the first place.
    if much == "whole" and "custom_call @jaxcnn" in text:
        compiler.native = lambda: PORTABLE
        yield from _tried(batch, "portable", False)


def _tried(batch: Batch, name: str, wrong: bool) -> Iterator[tuple[str, str]]:
    whole = _compiled(batch.run, batch.arrays)
    parts = _by_parts(batch)
    if wrong:
        whole, parts = jax.tree.map(lambda y: np.asarray(y) + 1, (whole, parts))
    for kind in KINDS:
        yield f"{kind}, {name}", _said(lambda kind=kind: _meshed(batch, kind, False), whole)
        if batch.case.op.startswith(KERNELS) and not batch.arrays[1].shape[-1] % 2:
            found = _said(lambda kind=kind: _meshed(batch, kind, True), whole)
            yield f"{kind}, kernel sharded, {name}", found
    yield f"shard_map, {name}", _said(lambda: _mapped(batch), parts)


NATIVE = compiler.native


def _compiled(run: Outcome, arrays: Sequence[Any]) -> Any:
    return jax.jit(run, compiler_options=QUICK)(*arrays)


def _meshed(batch: Batch, kind: str, kernel: bool) -> Any:
    """Under a mesh that is set for the whole program."""
    shape, names = ((4, 2), ("data", "model")) if kernel else ((8,), ("data",))
    mesh = jax.make_mesh(shape, names, axis_types=(KINDS[kind],) * len(shape))
    with jax.set_mesh(mesh):
        placed = []
        for i, array in enumerate(batch.arrays):
            spec = [None] * array.ndim
            if i in batch.at:
                spec[0] = "data"
            elif kernel and i == 1:
                spec[-1] = "model"
            placed.append(jax.device_put(array, NamedSharding(mesh, PartitionSpec(*spec))))
        return _compiled(batch.run, placed)


def _mapped(batch: Batch) -> Any:
    """Inside a `jax.shard_map`: each device runs the op on its part."""
    mesh = jax.make_mesh((8,), ("data",))
    specs = [PartitionSpec(*["data"] * (i in batch.at)) for i in range(len(batch.arrays))]
    arrays = [
        jax.device_put(array, NamedSharding(mesh, spec))
        for array, spec in zip(batch.arrays, specs, strict=True)
    ]

    def part(*arrays: Any) -> Any:
        results, gradients = batch.run(*arrays)
        return [_varying(y)[None] for y in results], gradients

    gradients = tuple(specs[i] for i in batch.case.differentiable)
    mapped = jax.shard_map(
        part, mesh=mesh, in_specs=tuple(specs), out_specs=(PartitionSpec("data"), gradients)
    )
    return _compiled(mapped, arrays)


def _varying(y: Any) -> Any:
    """``y`` as something that may differ from device to device, if it is not yet."""
    return y + (jax.lax.axis_index("data") * 0).astype(y.dtype)


def _by_parts(batch: Batch) -> Any:
    """What `_mapped` should give: the op on each part in turn."""
    run = jax.jit(batch.run, compiler_options=QUICK)
    each = []
    for device in range(DEVICES):
        own = slice(device * EACH, (device + 1) * EACH)
        part = [a[own] if i in batch.at else a for i, a in enumerate(batch.arrays)]
        each.append(run(*part))
    results = jax.tree.map(lambda *leaves: np.stack(leaves), *(results for results, _ in each))
    gradients = tuple(
        np.concatenate(g) if i in batch.at else np.sum(g, 0)
        for i, g in zip(
            batch.case.differentiable, zip(*(g for _, g in each), strict=True), strict=False
        )
    )
    return results, gradients


def _said(compute: Callable[[], Any], want: Any) -> str:
    """How what was computed differs from what should be; nothing where it does not."""
    try:
        got = compute()
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:2000]
    pairs = zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True)
    for i, (a, b) in enumerate(pairs):
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        if a.shape != b.shape:
            return f"result {i} has the shape {a.shape}, not {b.shape}"
        scale = np.abs(b[np.isfinite(b)]).max(initial=1e-3)
        if not np.allclose(a, b, rtol=0, atol=1e-5 * scale, equal_nan=True):
            return f"result {i} is off by {np.nanmax(np.abs(a - b))} of {scale}"
    return ""


def main() -> None:
    """Answer one line of JSON for each line that names a case."""
    cases = {str(case): case for case in suite.CASES}
    with strictly(x64=False):
        for line in sys.stdin:
            name, much = line.split()
            answer = dict(outcomes(cases[name], much))
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
