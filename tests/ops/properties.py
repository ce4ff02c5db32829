"""The properties of every op, each a function from a case to the numbers that a test compares."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxcnn.reference.cases import Case
from tests.ops.suite import Leaves, cast, direction, inputs, op_of, real, split

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")

# The programs are tiny and run once: compiling them is what takes the time.
QUICK = {"xla_backend_optimization_level": 0}

Run = Callable[..., tuple[Leaves, Leaves, Leaves, Leaves]]


@contextlib.contextmanager
def strictly(*, x64: bool) -> Iterator[None]:
    """Double precision or not, and neither dtypes nor ranks promoted silently."""
    with (
        jax.enable_x64(x64),
        jax.numpy_dtype_promotion("strict"),
        jax.numpy_rank_promotion("raise"),
    ):
        yield


def quick(function: Callable[..., Any]) -> Callable[..., Any]:
    """`jax.jit`, compiled in a hurry."""
    return jax.jit(function, compiler_options=QUICK)


def derivatives(call: Callable[..., Leaves], at: Sequence[int], *, forward: bool = True) -> Run:
    """Real results, integer results, gradients and (if ``forward``) pushed tangents of ``call``.

    The cotangents and the tangents are `direction`'s, so that torch can be given the same.
    """

    def run(*arrays: Any) -> tuple[Leaves, Leaves, Leaves, Leaves]:
        def of(*variables: Any) -> tuple[Leaves, Leaves]:
            return split(call(*replaced(arrays, at, variables)))

        variables = tuple(arrays[i] for i in at)
        if not variables:
            return *of(), (), ()
        reals, pullback, whole = jax.vjp(of, *variables, has_aux=True)
        gradients = pullback(cotangents(reals))
        if not forward:
            return reals, whole, gradients, ()
        pushed = jax.jvp(lambda *v: of(*v)[0], variables, tangents(variables))[1]
        return reals, whole, gradients, pushed

    return run


def replaced(arrays: Sequence[Any], at: Sequence[int], values: Sequence[Any]) -> list[Any]:
    """``arrays`` with those at the positions ``at`` replaced by ``values``."""
    result = list(arrays)
    for i, value in zip(at, values, strict=True):
        result[i] = value
    return result


def cotangents(reals: Leaves) -> Leaves:
    """One fixed random array for each real result."""
    # In NumPy: jnp.asarray would compile a program for each shape.
    return tuple(direction(f"cotangent {i}", y.shape, y.dtype) for i, y in enumerate(reals))


def tangents(variables: Leaves) -> Leaves:
    """One fixed random array for each differentiable input."""
    return tuple(direction(f"tangent {i}", x.shape, x.dtype) for i, x in enumerate(variables))


class Double:
    """A case in float64, compiled once for all tests that need its numbers."""

    def __init__(self, case: Case):
        self.case = case
        self.arrays = inputs(case, np.float64)[0]
        self.call = op_of(case, np.float64)
        self.run = quick(derivatives(self.call, case.differentiable))

    @functools.cached_property
    def results(self) -> tuple[Leaves, Leaves, Leaves, Leaves]:
        return self.run(*self.arrays)

    @property
    def finite(self) -> bool:
        """Whether there are only numbers, so that differences mean something."""
        return all(np.isfinite(a).all() for a in (*self.arrays, *self.results[0]))

    def shifted(self, distance: float) -> tuple[np.ndarray, ...]:
        """The inputs moved along the tangents."""
        at = self.case.differentiable
        moved = [
            self.arrays[i] + distance * direction(f"tangent {k}", self.arrays[i].shape, np.float64)
            for k, i in enumerate(at)
        ]
        return tuple(replaced(self.arrays, at, moved))

    def slope(self) -> float:
        """The slope of <cotangents, results> along the tangents, by central differences."""
        step = 1e-6
        high, low = (self.run(*self.shifted(sign * step))[0] for sign in (1, -1))
        pairs = zip(high, low, strict=True)
        return inner(cotangents(high), [np.subtract(a, b) / (2 * step) for a, b in pairs])


def inner(a: Sequence[Any], b: Sequence[Any]) -> float:
    """The inner product of two lists of arrays."""
    return float(sum(np.vdot(x, y) for x, y in zip(a, b, strict=True)))


def half(double: Double, dtype: Any) -> tuple[Any, Any]:
    """(results and gradients in ``dtype``, the same in float64 from the same rounded inputs)."""
    case = double.case
    arrays = [a.astype(dtype) if real(a) else cast(a, np.float32) for a in case.arrays()]
    run = derivatives(op_of(case, dtype), case.differentiable, forward=False)
    with strictly(x64=False):
        short = quick(run)(*arrays)
    with strictly(x64=True):
        return short, double.run(*(cast(a, np.float64) for a in arrays))


def batch(array: np.ndarray) -> np.ndarray:
    """Three versions of an input, stacked: reals are scaled, so that the versions differ."""
    if np.issubdtype(array.dtype, np.floating):
        return np.stack([array, array * 0.5, array * 0.75])
    return np.stack([array] * 3)


def mapped(double: Double) -> list[tuple[Any, Any]]:
    """(`jax.vmap`'s results and derivatives, a loop's) over each batched input in turn."""
    run = derivatives(double.call, double.case.differentiable)
    count = len(double.arrays)
    over = [[0 if i == j else None for i in range(count)] for j in double.case.batched]
    stacks = [
        replaced(double.arrays, (j,), (batch(double.arrays[j]),)) for j in double.case.batched
    ]

    @quick
    def every(stacks: Any) -> list[Any]:
        return [jax.vmap(run, in_axes=axes)(*s) for axes, s in zip(over, stacks, strict=True)]

    together = every(stacks)
    loops = []
    for j, stack in zip(double.case.batched, stacks, strict=True):
        each = [double.run(*replaced(stack, (j,), (stack[j][row],))) for row in range(3)]
        loops.append(jax.tree.map(lambda *leaves: np.stack(leaves), *each))
    return list(zip(together, loops, strict=True))


def energy(double: Double) -> Callable[..., Any]:
    """A curved scalar of the differentiable inputs: half the weighted squares of the results."""

    def scalar(*variables: Any) -> Any:
        reals = split(double.call(*replaced(double.arrays, double.case.differentiable, variables)))[
            0
        ]
        terms = zip(cotangents(reals), reals, strict=True)
        return sum((jnp.sum(c * y * y) / 2 for c, y in terms), jnp.zeros(()))

    return scalar


def curvature(double: Double) -> tuple[Leaves, Leaves]:
    """(the Hessian times the tangents, the same from differences of the gradient)."""
    at = tuple(range(len(double.case.differentiable)))
    scalar = energy(double)
    step = 1e-5

    @quick
    def both(here: Leaves, high: Leaves, low: Leaves) -> tuple[Leaves, Leaves]:
        blocks = jax.hessian(scalar, at)(*here)
        along = tangents(here)
        exact = tuple(
            sum(jnp.tensordot(block, v, v.ndim) for block, v in zip(row, along, strict=True))
            for row in blocks
        )
        slopes = jax.grad(scalar, at)
        pairs = zip(slopes(*high), slopes(*low), strict=True)
        return exact, tuple((a - b) / (2 * step) for a, b in pairs)

    where = [
        tuple(double.shifted(distance)[i] for i in double.case.differentiable)
        for distance in (0.0, step, -step)
    ]
    return both(*where)


def recomputed(double: Double) -> tuple[Leaves, Leaves]:
    """(gradients through `jax.checkpoint`, gradients without it)."""
    at = tuple(range(len(double.case.differentiable)))
    scalar = energy(double)
    here = [double.arrays[i] for i in double.case.differentiable]
    both = quick(lambda *v: (jax.grad(jax.checkpoint(scalar), at)(*v), jax.grad(scalar, at)(*v)))
    return both(*here)


def lowered(case: Case) -> jax.export.Exported:
    """The op and its derivatives in float32, lowered for every platform."""
    run = derivatives(op_of(case, np.float32), case.differentiable)
    shapes = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in inputs(case, np.float32)[0]]
    return jax.export.export(jax.jit(run), platforms=PLATFORMS)(*shapes)


def relaid(double: Double) -> tuple[Leaves, Leaves]:
    """(the results in the case's layout, those of the other layout brought back)."""
    case = double.case
    rank = double.arrays[case.images[0]].ndim
    default = ("NWC", "NHWC", "NDHWC")[rank - 3]
    last = case.options.get("layout", default) == default
    there, back = ((-1, 1), (1, -1)) if last else ((1, -1), (-1, 1))
    name = ("NCW", "NCHW", "NCDHW")[rank - 3] if last else default
    moved = [np.moveaxis(double.arrays[i], *there) for i in case.images]
    results = quick(op_of(case, np.float64, layout=name))(
        *replaced(double.arrays, case.images, moved)
    )
    returned = [np.moveaxis(y, *back) if y.ndim == rank else y for y in map(np.asarray, results)]
    reals, whole, *_ = double.results
    return (*reals, *whole), tuple(x for part in split(returned) for x in part)
