"""Joins a convolution with the operations on its results: scale, offset, residual, activation.

In most networks a convolution is followed by a normalization, a sum and a ReLU, each of which reads
and writes all results again. `fuse` finds them in a program and lets the convolution do them, see
`jaxcnn.engine.completed`.
"""

import functools
import types
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax._src.config import trace_context  # no public way to ask what a trace depends on
from jax.extend.core import JaxprEqn, Literal, Var

from jaxcnn.engine.chains import CONVOLUTIONS, SPREADING, Chain, chains, type_of
from jaxcnn.engine.completed import complete
from jaxcnn.engine.primitive import OF_LAX
from jaxcnn.engine.splitting import Flat, as_function, flatten, inputs_of, jitted


class Fused(NamedTuple):
    """A convolution of a program, and what it was joined with.

    Attributes:
        shape: the shape of its results.
        kernel: the shape of its kernel.
        with_: the operations, in their order.
    """

    shape: tuple[int, ...]
    kernel: tuple[int, ...]
    with_: tuple[str, ...]

    def __str__(self) -> str:
        joined = ", ".join(self.with_) or "nothing"
        return f"convolution by {self.kernel} to {self.shape}: {joined}"


class fuse:  # noqa: N801 - it reads as the function that it mostly is
    """Let the convolutions of a function complete their own results.

    What is found is a convolution in float32, then additions, subtractions, products and quotients
    with one number per channel (a bias, a batch norm with running statistics), then the sum with an
    array of the results' shape, then bounds (ReLU, ReLU6), where nothing else reads the results in
    between. The function computes the same to rounding, for it computes ``y * factor + offset``
    instead of the steps one by one: where a step alone would give an infinity, it may give NaN. As
    under `accelerate`, an infinity or a NaN among the images may reach neighbouring results.
    What is inside of loops, of checkpoints and of functions with derivatives of their own stays as
    it is, but for activations that give bounds. On CPUs the joined operations run in native code;
    elsewhere they are XLA's operations, as before.

    It is for functions that are compiled, once for all calls: ``jax.jit(fuse(function))``. It can
    be differentiated and vectorized: then the separate operations are. A training step gains
    nothing from it.

    Args:
        function: a function of arrays, or of trees of arrays. Other arguments, such as
            ``train=False``, are given to it as they are.

    >>> def block(x, kernel, bias):
    ...     y = jax.lax.conv_general_dilated(
    ...         x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    ...     return jax.nn.relu(y + bias.reshape(1, 1, 1, -1))
    >>> fused = fuse(block)
    >>> arguments = jnp.ones((1, 4, 4, 2)), jnp.ones((3, 3, 2, 8)), jnp.ones(8)
    >>> fused(*arguments).shape
    (1, 4, 4, 8)
    >>> print(*fused.found(*arguments))
    convolution by (3, 3, 2, 8) to (1, 4, 4, 8): offset, bounds
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        if not callable(function):
            raise TypeError(f"fuse: `function` must be a function, got {type(function).__name__}")
        self._function = function
        functools.update_wrapper(self, function, updated=())
        self._known: dict[Hashable, tuple[Callable[..., Any], Any]] = {}

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        """The function as a method of ``owner``."""
        return self if owner is None else types.MethodType(self, owner)

    def __call__(self, *args: Any, **options: Any) -> Any:
        """The result of the function."""
        arrays, key, function = self._arguments(args, options)
        found = self._known.get(key)
        if found is None:
            flat, tree = _traced(function, arrays)
            joined = with_chains_joined(flat)
            consts, inputs = list(joined.consts), joined.inputs
            run = as_function(joined, [*consts, *inputs], joined.equations, joined.outputs)
            found = functools.partial(run, *joined.consts.values()), tree
            held = [value for value in joined.consts.values() if isinstance(value, jax.core.Tracer)]
            if key is not None and not held:
                self._known[key] = found
        return jax.tree.unflatten(found[1], found[0](*arrays))

    def found(self, *args: Any, **options: Any) -> list[Fused]:
        """The convolutions of the function of such arguments, with what each is joined with."""
        arrays, _, function = self._arguments(args, options)
        flat, _ = _traced(function, arrays)
        joined = chains(flat)
        return [
            Fused(
                type_of(equation.outvars[0]).shape,
                type_of(equation.invars[1]).shape,
                joined[i].words if i in joined else (),
            )
            for i, equation in enumerate(flat.equations)
            if equation.primitive.name in CONVOLUTIONS
        ]

    def _arguments(self, args: Any, options: Any) -> tuple[list[Any], Hashable, Any]:
        """The arrays among the arguments, what a trace depends on, and the function of them.

        What a trace depends on is None where that cannot be compared.
        """
        leaves, tree = jax.tree.flatten((args, options))
        places = [i for i, x in enumerate(leaves) if hasattr(x, "shape") and hasattr(x, "dtype")]
        others = {i: x for i, x in enumerate(leaves) if i not in places}

        def function(*arrays: Any) -> Any:
            given = dict(zip(places, arrays, strict=True)) | others
            args, options = jax.tree.unflatten(tree, [given[i] for i in range(len(leaves))])
            return self._function(*args, **options)

        arrays = [leaves[i] for i in places]
        types = [x if isinstance(x, jax.ShapeDtypeStruct) else jax.typeof(x) for x in arrays]
        kinds = tuple((i, type(x), x) for i, x in others.items())
        key = (tree, tuple(types), kinds, trace_context())
        try:
            hash(key)
        except TypeError:
            return arrays, None, function
        return arrays, key, function


def _traced(function: Callable[..., Any], arrays: Sequence[Any]) -> tuple[Flat, Any]:
    """The program of a function of some arrays, and how its results are arranged."""
    traced, shapes = jax.make_jaxpr(function, return_shape=True)(*arrays)
    return flatten(traced, jitted), jax.tree.structure(shapes)


def with_chains_joined(flat: Flat) -> Flat:
    """The program with one operation in place of each chain, where its last one was."""
    found = chains(flat)
    ends = {chain.members[-1]: chain for chain in found.values()}
    members = {place for chain in found.values() for place in chain.members}
    equations: list[JaxprEqn] = []
    consts = dict(flat.consts)
    for place, equation in enumerate(flat.equations):
        if place in ends:
            more, its = _as_one(flat, ends[place])
            equations += more
            consts |= its
        elif place not in members:
            equations.append(equation)
    return flat._replace(equations=equations, consts=consts)


def _as_one(flat: Flat, chain: Chain) -> tuple[list[JaxprEqn], dict[Var, Any]]:
    """The equations that compute a chain's result, and the arrays that they hold."""
    convolution = flat.equations[chain.members[0]]
    steps = _steps(flat, chain)
    inputs = inputs_of(steps)
    added = [] if chain.residual is None else [chain.residual]
    atoms = [*convolution.invars, *(given for _, given in chain.affine), *added, *inputs]
    function = functools.partial(
        _completed, chain, convolution.params, as_function(flat, inputs, steps, [chain.result])
    )
    own = flatten(jax.make_jaxpr(function)(*map(type_of, atoms)), jitted)
    outer: dict[Any, Any] = dict(zip(own.inputs, atoms, strict=True))
    outer[own.outputs[0]] = chain.result

    def renamed(variables: Sequence[Any]) -> list[Any]:
        return [v if isinstance(v, Literal) else outer.get(v, v) for v in variables]

    equations = [
        equation.replace(
            invars=renamed(equation.invars),
            outvars=renamed(equation.outvars),
            source_info=convolution.source_info,
        )
        for equation in own.equations
    ]
    return equations, own.consts


def _steps(flat: Flat, chain: Chain) -> list[JaxprEqn]:
    """The equations of a chain, with those that spread numbers for it."""
    needed, steps = {chain.result}, []
    for place in range(chain.members[-1], -1, -1):
        equation = flat.equations[place]
        its = place in chain.members or equation.primitive.name in SPREADING
        if its and needed & set(equation.outvars):
            steps.append(equation)
            needed.update(v for v in equation.invars if isinstance(v, Var))
    return steps[::-1]


def _completed(
    chain: Chain, params: dict[str, Any], steps: Any, x: jax.Array, kernel: jax.Array, *more: Any
) -> jax.Array:
    """The result of a chain: ``more`` are its numbers, a residual, and the inputs of its steps."""
    features = kernel.shape[params["dimension_numbers"].rhs_spec[0]]
    factor, offset = jnp.ones(features, x.dtype), jnp.zeros(features, x.dtype)
    for (name, _), numbers in zip(chain.affine, more, strict=False):
        own = jnp.broadcast_to(jnp.ravel(numbers), (features,))
        if name == "mul":
            factor, offset = factor * own, offset * own
        elif name == "div":
            factor, offset = factor / own, offset / own
        else:
            offset = offset + own if name == "add" else offset - own
    return complete(
        *(x, kernel, factor, offset, *more[len(chain.affine) :]),
        conv=tuple({**OF_LAX, **params, "out_sharding": None}.items()),
        residual=chain.residual is not None,
        low=chain.low,
        high=chain.high,
        steps=steps,
    )
