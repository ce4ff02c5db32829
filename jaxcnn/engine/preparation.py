"""Prepares a program for many calls: what depends on known arrays only is computed once.

A trained model has the same parameters in each call. `prepare` computes what depends on them alone,
such as the factors of a batch norm, and packs the kernels of convolutions in the order in which
native code reads them. Otherwise native code does that in each call, which takes as long as the
convolution itself where there are few images and many channels.
"""

import functools
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax._src.config import trace_context  # no public way to ask what a trace depends on

from jaxcnn.engine.computed_ahead import ComputedAhead
from jaxcnn.engine.hook import accelerated
from jaxcnn.engine.splitting import called, flatten


def prepare(function: Callable[..., Any], *known: Any) -> Callable[..., Any]:
    """Prepare ``function`` for many calls in which its first arguments are ``known``.

    What depends on the known arguments only is computed once, and each convolution's kernel is
    packed once, in the order in which native code reads it. That pays where a call has few images
    (docs/performance.md); the packed kernels take memory beside the kernels.

    Args:
        function: any function of arrays, jitted or not. Arrays that it holds (a closure) are known
            too.
        *known: its first arguments: trees of arrays, such as parameters and a state. They are not
            copied, and must not be donated or deleted later. What is no array is given to the
            function as it is.

    Returns:
        A function of the remaining arguments, compiled already: ``prepared(*rest)`` is
        ``jax.jit(function)(*known, *rest)``, to the bit. What XLA is known to round together is
        not torn apart for that. It is prepared anew for each new shape of the arguments; kernels
        that were packed, and what else was computed, serve all shapes.
        `jax.grad`, `jax.vmap` and the like work as on ``function``, with convolutions that are not
        packed. So does a program around it, in `jax.jit` or an export, but the known arrays become
        constants of that program: call what ``prepare`` returns as it is.

        Kernels are packed on CPUs with native code. Those inside of loops, branches and rules of
        one's own for derivatives (`jax.custom_vjp`) are not, and nothing is computed ahead under a
        mesh or inside `jax.shard_map`; the results are right all the same. Prepare the function
        anew after `tune` has found other algorithms.

    Raises:
        TypeError: if ``function`` is no function, or a known array is being traced, as it is
            inside of a function that `jax.jit` or `jax.grad` transforms. The function returned
            raises it if an argument is no array.

    >>> def predict(kernel, x):
    ...     return jax.nn.relu(jax.lax.conv(x, kernel, (1, 1), "SAME"))
    >>> kernel, x = jnp.ones((2, 3, 3, 3)), jnp.ones((1, 3, 8, 8))
    >>> prepared = prepare(predict, kernel)
    >>> bool((prepared(x) == jax.jit(predict)(kernel, x)).all())
    True
    """
    return Prepared(function, known)


class Prepared:
    """A function of the arguments that are not known; `prepare` documents it."""

    def __init__(self, function: Callable[..., Any], known: tuple[Any, ...]):
        if not callable(function):
            raise TypeError(
                f"prepare: `function` must be a function, got {type(function).__name__}"
            )
        leaves, self._tree = jax.tree.flatten(known)
        if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
            raise TypeError(
                "prepare: the known arguments must be arrays, but one is being traced: call "
                "prepare outside of the function that is compiled or differentiated"
            )
        # NumPy's arrays may be changed by their owner, and would be copied in each call.
        self._leaves = [jnp.array(x) if isinstance(x, np.ndarray) else x for x in leaves]
        self._function = function
        self._ahead: dict[Hashable, ComputedAhead] = {}
        self._programs: dict[Hashable, Callable[..., Any]] = {}

    def __call__(self, *rest: Any) -> Any:
        """The result of the function for the known arguments and these."""
        leaves, tree = jax.tree.flatten(rest)
        key = (tree, tuple(map(_type_of, leaves)), trace_context(), accelerated())
        program = self._programs.get(key)
        if program is None:
            program = self._programs[key] = self._prepare(*key[:3])
        return program(*leaves)

    def _prepare(self, tree: Any, types: tuple[Any, ...], context: Any) -> Callable[..., Any]:
        """The function of the leaves of the arguments, for some types of them."""
        meshes = (jax.sharding.get_abstract_mesh(), *(aval.sharding.mesh for aval in types))
        if not all(mesh.empty for mesh in meshes):
            return self._unprepared(tree)

        def whole(*leaves: Any) -> Any:
            known = jax.tree.unflatten(self._tree, self._leaves)
            return self._function(*known, *jax.tree.unflatten(tree, leaves))

        program, results = jax.make_jaxpr(whole, return_shape=True)(*types)
        if any(isinstance(value, jax.core.Tracer) for value in program.consts):
            raise TypeError(
                "prepare: the function holds an array that is being traced: make it an argument "
                "of the function"
            )
        ahead = self._ahead.setdefault(context, ComputedAhead())
        run, results = ahead.rest(flatten(program, called)), jax.tree.structure(results)
        return lambda *leaves: jax.tree.unflatten(results, run(*leaves))

    def _unprepared(self, tree: Any) -> Callable[..., Any]:
        """The function as it is, compiled; its known arrays are arguments, and no constants."""
        places = [i for i, leaf in enumerate(self._leaves) if isinstance(leaf, jax.Array)]

        def whole(arrays: Sequence[jax.Array], *leaves: Any) -> Any:
            known = list(self._leaves)
            for place, array in zip(places, arrays, strict=True):
                known[place] = array
            return self._function(
                *jax.tree.unflatten(self._tree, known), *jax.tree.unflatten(tree, leaves)
            )

        return functools.partial(jax.jit(whole), [self._leaves[i] for i in places])


def _type_of(leaf: Any) -> Any:
    try:
        return jax.typeof(leaf)
    except TypeError:
        raise TypeError(
            f"prepare: the remaining arguments must be arrays, got {type(leaf).__name__}: give "
            "options to the function itself, as in `lambda params, x: apply(params, x, option)`"
        ) from None
