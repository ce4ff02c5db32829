"""Finds the convolutions in a program: explains the algorithms chosen, and measures the fastest."""

import dataclasses
import functools
import pathlib
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import jaxprs_in_params

from jaxcnn.engine import lowering, tuned
from jaxcnn.engine.choice import ALGORITHMS, choose, part_by, refuses
from jaxcnn.engine.name_stacks import place
from jaxcnn.engine.primitive import conv_p
from jaxcnn.engine.problem import Task, as_task

ROUNDS = 7
"""How often `tune` times each candidate; the median counts."""

HOPELESS = 5
"""A candidate that takes so many times as long as the best is timed once only."""


@dataclasses.dataclass(frozen=True)
class Explanation:
    """The algorithm that ``"auto"`` chooses on a CPU for one convolution of a program.

    Attributes:
        task: ``"result"``, ``"input gradient"`` or ``"kernel gradient"``. An input gradient is
            computed as a result, of the cotangent and the flipped kernel.
        shapes: the images and the kernel, as ``"8x56x56x64 * 3x3x64x64"``.
        algorithm: the algorithm that computes it.
        reason: why it was chosen.
        where: the scopes (`jax.named_scope`) around it, as ``"block/conv1"``: in a model, its
            layers. Nothing outside of all scopes.
    """

    task: str
    shapes: str
    algorithm: str
    reason: str
    where: str = ""

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        return f"{where}{self.task} {self.shapes}: {self.algorithm}, because {self.reason}"


def explain(fn: Callable[..., Any], *args: Any) -> list[Explanation]:
    """Explain which algorithms ``"auto"`` chooses on a CPU for the convolutions of ``fn(*args)``.

    The convolutions of other libraries are explained as `accelerate` would compute them.

    Args:
        fn: any function of arrays, also a derivative, jitted or not.
        *args: what it would be called with; `jax.ShapeDtypeStruct` will do.

    Returns:
        One explanation per convolution, in the order of the program.

    >>> x, kernel = jnp.ones((8, 4, 16, 16)), jnp.ones((2, 4, 1, 1))
    >>> for choice in explain(lambda x, k: jax.lax.conv(x, k, (1, 1), "SAME"), x, kernel):
    ...     print(choice)
    result 8x16x16x4 * 1x1x4x2: tap_products, because a window of one element is a matrix product
    """
    found = []
    for task, algorithm, stack in _tasks(fn, args):
        choice = choose(task.problem, task.gradient)
        name, reason = choice
        if algorithm != "auto" and not refuses(task.problem, algorithm):
            name, reason = algorithm, "it was asked for"
        layer, backward, _ = place(stack)
        kind = "input gradient" if backward else "result"
        kind = "kernel gradient" if task.gradient else kind
        found.append(Explanation(kind, _shapes(task), name, reason, layer))
    return found


def tune(fn: Callable[..., Any], *args: Any) -> dict[str, str]:
    """Measure the algorithms for the convolutions of ``fn(*args)`` and keep the fastest.

    ``"auto"`` chooses these from then on, in this and later processes, on this processor and this
    version of jaxlib. Takes about a second per convolution.

    Args:
        fn: any function of arrays, also a derivative, jitted or not.
        *args: what it would be called with; `jax.ShapeDtypeStruct` will do.

    Returns:
        For each convolution, as `explain` writes its shapes, the algorithm that won.

    Raises:
        OSError: if the file cannot be written; see `jaxcnn.engine.tuned`.
    """
    fastest, names = {}, {}
    for task, _, _ in _tasks(fn, args):
        asked = (task.problem, task.gradient)
        if asked not in fastest:
            fastest[asked] = _fastest(task)
        kind = "kernel gradient" if task.gradient else "result"
        names[f"{kind} {_shapes(task)}"] = fastest[asked]
    tuned.keep(fastest)
    jax.clear_caches()
    return names


def cache_file() -> pathlib.Path:
    """The path of the file with the results of `tune`; it may be deleted at any time."""
    return tuned.cache_file()


def _tasks(fn: Callable[..., Any], args: tuple[Any, ...]) -> Iterator[tuple[Task, str, str]]:
    """The task of each convolution, the algorithm that it names, and its name stack."""
    yield from _convolutions(jax.make_jaxpr(fn)(*args).jaxpr, "")


def _convolutions(jaxpr: Any, outer: str) -> Iterator[tuple[Task, str, str]]:
    for equation in jaxpr.eqns:
        stack = f"{outer}/{equation.source_info.name_stack}"
        if equation.primitive in (conv_p, lax.conv_general_dilated_p):
            params = dict(equation.params)
            algorithm = params.pop("algorithm", "auto")
            x, kernel = (atom.aval for atom in equation.invars)
            if jnp.issubdtype(x.dtype, jnp.floating):
                yield as_task(x, kernel, params), algorithm, stack
        for inner in jaxprs_in_params(equation.params):
            yield from _convolutions(inner, stack)


def _shapes(task: Task) -> str:
    problem = task.problem
    image = (problem.batch, *problem.sizes, problem.channels)
    return " * ".join("x".join(map(str, shape)) for shape in (image, problem.kernel_shape))


def _fastest(task: Task) -> str:
    """The algorithm with the least median time, all timed in turn."""
    problem = task.problem
    random = np.random.default_rng(0)
    x = random.standard_normal((problem.batch, *problem.sizes, problem.channels))
    shape = problem.result_shape
    other = random.standard_normal(shape if task.gradient else problem.kernel_shape)
    operands = jnp.asarray(x, problem.dtype), jnp.asarray(other, problem.dtype)
    ordered = task._replace(
        x=tuple(range(x.ndim)), other=tuple(range(x.ndim)), y=tuple(range(x.ndim))
    )
    calls = {}
    for name in ALGORITHMS[1:]:
        if not refuses(problem, name):
            by_name = functools.partial(part_by, name)
            compute = functools.partial(lowering.carry_out, ordered, by_name)
            compiled = jax.jit(functools.partial(compute, dtype=operands[0].dtype))
            calls[name] = functools.partial(compiled, *operands)
            jax.block_until_ready(calls[name]())
    first = {name: _seconds(call) for name, call in calls.items()}
    # Some take a thousand times as long as others, which once is enough to know.
    close = [name for name in calls if first[name] <= HOPELESS * min(first.values())]
    times: dict[str, list[float]] = {name: [] for name in close}
    for _ in range(ROUNDS):
        for name in close:
            times[name].append(_seconds(calls[name]))
    return min(times, key=lambda name: statistics.median(times[name]))


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - start
