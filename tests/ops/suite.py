"""Every case of every op, the twins to hold it against, and how it is called.

What is missing on purpose is listed here by name, so that forgetting something fails.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxcnn as jc
import tests.ops.twins
from jaxcnn.reference.cases import Case
from jaxcnn.reference.register import families

FAMILIES = families()
CASES = tuple(case for cases in FAMILIES.values() for case in cases)

WITHOUT_CASES = frozenset(
    {
        # Arithmetic on shapes, no arrays: tests/ops/test_geometry.py.
        "conv_output_shape",
        "conv_transpose_output_shape",
        "receptive_field",
    }
)
"""Public names that are no ops on arrays."""

WITHOUT_TORCH = frozenset(
    {
        # What is dropped is drawn by JAX.
        "channel_dropout-empty",
        "channel_dropout-nchw",
        "channel_dropout-some",
        "channel_dropout-volumes",
        "dropout-empty",
        "dropout-images",
        "dropout-some",
        # torch makes channels of the examples, and then misses them.
        "instance_norm-empty",
        # torch returns these as they came, in the wrong shape.
        "pixel_unshuffle-empty",
        "pixel_unshuffle-no-pixels",
        # torch has it for 64-bit integers only.
        "conv_transpose2d-integers",
        # torch folds and unfolds images only, floating-point, at least one.
        "fold-empty",
        "fold-integers",
        "fold-signals",
        "fold-volumes",
        "unfold-empty",
        "unfold-integers",
        "unfold-ncw",
        "unfold-signals",
        "unfold-volumes",
    }
)
"""Ops (``"min_pool2d"``) and single cases (``"conv2d-wide"``) that torch has no twin for."""

WITHOUT_REFERENCE: frozenset[str] = frozenset({"channel_dropout", "dropout"})
"""Ops that are so thin a composition, or so random, that a NumPy twin would only repeat them."""

WITHOUT_LAYOUT: frozenset[str] = frozenset({"fold", "unfold"})
"""Ops whose result is more than a transposition away in the other layout; tested on their own."""

Leaves = tuple[Any, ...]


def has_torch(case: Case) -> bool:
    """Whether torch can say what this case means."""
    return case.op not in WITHOUT_TORCH and str(case) not in WITHOUT_TORCH


def firsts() -> frozenset[str]:
    """The first case of each op: the one that always goes through the expensive properties."""
    return frozenset(str(case) for case in {case.op: case for case in reversed(CASES)}.values())


def torch_twin(op: str) -> Callable[..., Any] | None:
    """The torch function of the same name, or ``None``."""
    for info in pkgutil.iter_modules(tests.ops.twins.__path__):
        module = importlib.import_module(f"tests.ops.twins.{info.name}")
        function = getattr(module, op, None)
        if getattr(function, "__module__", None) == module.__name__:
            return function
    return None


def cast(array: np.ndarray, dtype: Any) -> np.ndarray:
    """A drawn array as the case is run: floats in ``dtype``, integers as wide as they may be."""
    if real(array):
        return array.astype(dtype)
    if np.issubdtype(array.dtype, np.integer):
        return array.astype(np.int64 if np.dtype(dtype) == np.float64 else np.int32)
    return array


def inputs(case: Case, dtype: Any) -> tuple[tuple[np.ndarray, ...], dict[str, np.ndarray]]:
    """The positional and the named arrays of a case."""
    arrays = tuple(cast(array, dtype) for array in case.arrays())
    return arrays, {name: cast(array, dtype) for name, array in case.named_arrays().items()}


def op_of(case: Case, dtype: Any, **changes: Any) -> Callable[..., Leaves]:
    """The op with its options and named arrays filled in: arrays in, flat results out."""
    function = getattr(jc, case.op)
    key = (jax.random.key(0),) if case.keyed else ()
    named = {name: jnp.asarray(array) for name, array in inputs(case, dtype)[1].items()}

    def call(*arrays: Any) -> Leaves:
        return tuple(
            jax.tree.leaves(function(*key, *arrays, **{**case.options, **named, **changes}))
        )

    return call


def has_layout(case: Case) -> bool:
    """Whether the op can be asked for the other layout."""
    parameters = inspect.signature(getattr(jc, case.op)).parameters
    return "layout" in parameters and case.op not in WITHOUT_LAYOUT


def real(array: Any) -> bool:
    """Whether an array (of NumPy, JAX or torch) holds floating-point numbers."""
    return "float" in str(array.dtype)


def has_reals(case: Case) -> bool:
    """Whether any input is floating-point."""
    return any(real(array) for array in case.arrays())


def split(leaves: Sequence[Any]) -> tuple[Leaves, Leaves]:
    """The floating-point results, and the integer ones."""
    return tuple(a for a in leaves if real(a)), tuple(a for a in leaves if not real(a))


def direction(name: str, shape: Sequence[int], dtype: Any) -> np.ndarray:
    """A fixed random array: the same in JAX, in torch and in the golden files."""
    rng = np.random.default_rng(list(f"{name} {tuple(shape)}".encode()))
    return rng.uniform(0.5, 1.5, shape).astype(dtype) * rng.choice([-1, 1], shape).astype(dtype)


def torch_results(case: Case, dtype: Any) -> tuple[Leaves, Leaves, Leaves]:
    """Real results, integer results and gradients of the torch twin, as NumPy arrays."""
    import torch

    twin = torch_twin(case.op)
    assert twin is not None, f"{case.op}: no torch twin, and not in WITHOUT_TORCH"
    drawn, by_name = inputs(case, dtype)
    arrays = [torch.from_numpy(array.copy()) for array in drawn]
    named = {name: torch.from_numpy(array.copy()) for name, array in by_name.items()}
    variables = [arrays[i].requires_grad_() for i in case.differentiable]
    key = (None,) if case.keyed else ()
    reals, whole = split(jax.tree.leaves(twin(*key, *arrays, **case.options, **named)))
    gradients: Leaves = ()
    if variables:
        directions = [
            torch.from_numpy(direction(f"cotangent {i}", y.shape, dtype))
            for i, y in enumerate(reals)
        ]
        found = torch.autograd.grad(reals, variables, directions, allow_unused=True)
        gradients = tuple(
            np.zeros(x.shape, dtype) if g is None else g.numpy()
            for g, x in zip(found, variables, strict=True)
        )
    return tuple(y.detach().numpy() for y in reals), tuple(y.numpy() for y in whole), gradients
