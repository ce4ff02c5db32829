"""Compares every op on this device with the NumPy reference, case by case.

XLA compiles another program for every device and every version; this runs the same cases as the
tests, on whatever device JAX uses by default, without a test runner and without torch.
"""

import collections
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxcnn.ops
from jaxcnn.reference.cases import Case
from jaxcnn.reference.register import families, reference

DTYPES = ("float32", "bfloat16", "float16")

# How far a result may lie from the reference, as a part of its largest element. 16-bit results
# are rounded once, gradients of theirs are not checked: they are sums of rounded numbers.
TOLERANCES = {
    "float64": 1e-12,
    "float32": 1e-5,
    "bfloat16": float(jnp.finfo(jnp.bfloat16).eps),
    "float16": float(jnp.finfo(jnp.float16).eps),
}
GRADIENT_TOLERANCES = {"float64": 1e-7, "float32": 1e-5}


class OpCheck(NamedTuple):
    """The result of the check of one op in one dtype.

    Attributes:
        op: the name of the op.
        dtype: the dtype of its inputs.
        cases: how many cases were run.
        error: the largest error of a result, as a part of the result's largest element.
        gradient_error: the same of the slopes that the gradients give; ``None`` where no
            gradient was checked.
        tolerance: the largest ``error`` that is accepted.
        ok: whether both errors are as small as they may be, in every case.
    """

    op: str
    dtype: str
    cases: int
    error: float
    gradient_error: float | None
    tolerance: float
    ok: bool


class _Outcome(NamedTuple):
    error: float
    gradient_error: float | None
    tolerance: float
    ok: bool


def _known() -> list[Case]:
    """The cases of the ops that have a reference."""
    return [c for cases in families().values() for c in cases if reference(c.op) is not None]


def checkable() -> list[str]:
    """The names of the ops that can be checked: those with a NumPy reference."""
    return sorted({case.op for case in _known()})


def check_ops(
    ops: Sequence[str] | None = None,
    dtypes: Sequence[str] | None = None,
    *,
    gradients: bool = True,
    watch: Callable[[Sequence[Case]], Iterable[Case]] = iter,
) -> list[OpCheck]:
    """Run the cases of the ops on the default device and compare with the reference.

    Args:
        ops: the names of the ops; all that have a reference where it is left out.
        dtypes: the names of the dtypes; float32, bfloat16 and float16 where it is left out,
            and float64 where ``jax_enable_x64`` is set.
        gradients: also compare the gradients with differences of the reference, in float32 and
            float64.
        watch: a function that wraps the cases, to show the progress of the run.

    Returns:
        One `OpCheck` per op and dtype, in the order of their names.

    Raises:
        ValueError: if there is no op or dtype of a name, or none is named.
    """
    known, names = _known(), checkable()
    for op in ops or ():
        if op not in names:
            raise ValueError(f"check_ops: `ops` must be among {names}, got {op!r}")
    x64 = ("float64",) if jnp.result_type(float) == jnp.float64 else ()
    dtypes = (*DTYPES, *x64) if dtypes is None else dtypes
    if not dtypes or (ops is not None and not ops):
        raise ValueError("check_ops: `ops` and `dtypes` must name something, or be left out")
    for dtype in dtypes:
        if dtype not in (*DTYPES, *x64):
            raise ValueError(f"check_ops: `dtypes` must be among {(*DTYPES, *x64)}, got {dtype!r}")
    chosen = [case for case in known if ops is None or case.op in ops]
    outcomes: dict[tuple[str, str], list[_Outcome]] = collections.defaultdict(list)
    # A GPU would otherwise round float32 operands to TensorFloat-32.
    with jax.default_matmul_precision("highest"):
        for case in watch(chosen):
            for dtype in dtypes:
                outcomes[case.op, dtype].append(_tried(case, dtype, gradients))
    return [_row(*key, found) for key, found in sorted(outcomes.items())]


def _row(op: str, dtype: str, found: list[_Outcome]) -> OpCheck:
    slopes = [o.gradient_error for o in found if o.gradient_error is not None]
    return OpCheck(
        op=op,
        dtype=dtype,
        cases=len(found),
        error=max(o.error for o in found),
        gradient_error=max(slopes) if slopes else None,
        tolerance=max(o.tolerance for o in found),
        ok=all(o.ok for o in found),
    )


def _tried(case: Case, dtype: str, gradients: bool) -> _Outcome:
    """`_outcome`, or the worst outcome if the compiler or the device raises an error."""
    try:
        return _outcome(case, dtype, gradients)
    except Exception:
        return _Outcome(np.inf, None, TOLERANCES[dtype], False)


def _outcome(case: Case, dtype: str, gradients: bool) -> _Outcome:
    """One case in one dtype."""
    arrays = [_cast(array, dtype) for array in case.arrays()]
    named = {name: _cast(array, dtype) for name, array in case.named_arrays().items()}
    differentiable = gradients and dtype in GRADIENT_TOLERANCES and case.smooth
    at = case.differentiable if differentiable else ()
    results, slopes = _on_device(case, arrays, named, at)
    wanted = _by_reference(case, arrays, named)
    error = max((_error(a, b) for a, b in zip(results, wanted, strict=True)), default=0.0)
    error = error if len(results) == len(wanted) else np.inf
    tolerance = TOLERANCES[dtype]
    if dtype in ("bfloat16", "float16"):
        tolerance *= case.roundings
    # Gradients are compared if the inputs and the reference are finite. The device's own result
    # does not decide this: an infinity that is wrong must not hide a wrong gradient.
    everything = (*arrays, *named.values(), *wanted)
    if not at or not all(np.isfinite(np.asarray(a, np.float64)).all() for a in everything):
        return _Outcome(error, None, tolerance, error <= tolerance)
    slope = _gradient_error(case, arrays, named, at, slopes)
    ok = error <= tolerance and slope <= GRADIENT_TOLERANCES[dtype]
    return _Outcome(error, slope, tolerance, ok)


def _cast(array: np.ndarray, dtype: str) -> np.ndarray:
    if np.issubdtype(array.dtype, np.floating):
        with np.errstate(over="ignore"):
            return array.astype(jnp.dtype(dtype))
    if np.issubdtype(array.dtype, np.integer):
        return array.astype(np.int64 if dtype == "float64" else np.int32)
    return array


def _on_device(
    case: Case, arrays: Sequence[np.ndarray], named: Any, at: Sequence[int]
) -> tuple[list[Any], Sequence[Any]]:
    """The flat results, and the gradients in the inputs ``at``, compiled together."""
    function = getattr(jaxcnn.ops, case.op)
    key = (jax.random.key(0),) if case.keyed else ()

    @jax.jit
    def run(arrays: list[Any], named: Any) -> tuple[list[Any], Any]:
        def of(*variables: Any) -> tuple[list[Any], list[Any]]:
            inputs = _replaced(arrays, at, variables)
            leaves = jax.tree.leaves(function(*key, *inputs, **case.options, **named))
            return [y for y in leaves if jnp.issubdtype(y.dtype, jnp.floating)], leaves

        if not at:
            return of()[1], ()
        reals, pullback, leaves = jax.vjp(of, *(arrays[i] for i in at), has_aux=True)
        return leaves, pullback([jnp.asarray(_weights(y.shape), y.dtype) for y in reals])

    return run([jnp.asarray(a) for a in arrays], named)


def _by_reference(case: Case, arrays: Sequence[np.ndarray], named: Any) -> list[np.ndarray]:
    function = reference(case.op)
    assert function is not None
    key = (None,) if case.keyed else ()
    wide = [_widened(array) for array in arrays]
    names = {name: _widened(array) for name, array in named.items()}
    leaves = jax.tree.leaves(function(*key, *wide, **case.options, **names))
    return [np.asarray(leaf) for leaf in leaves]


def _widened(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64) if jnp.issubdtype(array.dtype, jnp.floating) else array


def _error(got: Any, want: np.ndarray) -> float:
    """The largest difference, as a part of the largest element; infinite where kinds differ."""
    a, b = np.asarray(got, np.float64), np.asarray(want, np.float64)
    if a.shape != b.shape:
        return np.inf
    if not np.array_equal(np.where(np.isfinite(a), 0, a), np.where(np.isfinite(b), 0, b), True):
        return np.inf
    if np.issubdtype(np.asarray(got).dtype, np.integer):
        return 0.0 if np.array_equal(a, b) else np.inf
    finite = np.isfinite(b)
    scale = np.abs(b[finite]).max(initial=1e-3)
    return float(np.abs(a[finite] - b[finite]).max(initial=0.0) / scale)


def _gradient_error(
    case: Case, arrays: Sequence[np.ndarray], named: Any, at: Sequence[int], slopes: Any
) -> float:
    """How far the gradients are from the slope of the reference in one direction."""
    step = 1e-6
    along = [_weights(arrays[i].shape) for i in at]

    def moved(distance: float) -> list[np.ndarray]:
        shifted = [arrays[i] + distance * v for i, v in zip(at, along, strict=True)]
        return _by_reference(case, _replaced(arrays, at, shifted), named)

    pairs = zip(moved(step), moved(-step), strict=True)
    reals = [(a, b) for a, b in pairs if a.dtype == np.float64]
    wanted = sum(np.vdot(_weights(a.shape), (a - b) / (2 * step)) for a, b in reals)
    terms = [np.asarray(g, np.float64) * v for g, v in zip(slopes, along, strict=True)]
    size = sum(np.abs(term).sum() for term in terms)
    error = float(abs(sum(term.sum() for term in terms) - wanted) / max(size, 1e-3))
    return error if np.isfinite(error) else np.inf


def _replaced(arrays: Sequence[Any], at: Sequence[int], values: Sequence[Any]) -> list[Any]:
    result = list(arrays)
    for i, value in zip(at, values, strict=True):
        result[i] = value
    return result


def _weights(shape: Sequence[int]) -> np.ndarray:
    """Fixed weights that every dtype holds exactly."""
    return np.random.default_rng(len(shape)).choice([-1.0, -0.5, 0.5, 1.0], shape)
