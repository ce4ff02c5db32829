"""Splits a program into the part that needs known arrays only, and the rest.

A program is a list of equations (a jaxpr), each of which computes arrays from arrays. An equation
is known if it needs known arrays only. The known ones are computed ahead of the calls, except for
those that cost nothing or that XLA rounds otherwise when they stand alone.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax._src.sharding_impls import UNSPECIFIED  # no public way to ask for it
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var, jaxpr_as_fun

_FREE = frozenset({"broadcast_in_dim", "iota", "reshape", "squeeze"})
"""What XLA computes while it reads: stored, a broadcast bias would be as large as the images."""

_MOVES = _FREE | {"copy", "rev", "slice", "transpose"}
"""What moves numbers and computes none."""

_ROUNDED_TOGETHER = {
    "add": {"mul"},
    "sub": {"mul"},
    "div": {"div", "exp", "sqrt"},
    "dot_general": {"transpose"},
}
"""What reads an equation's result and rounds otherwise where that lies in memory.

A product and the sum behind it are rounded once, and XLA writes a division by a root as a product.
A matrix is read in its own order, transposed or not.
"""


class Flat(NamedTuple):
    """A program without calls of other programs.

    Attributes:
        consts: the arrays that the program holds, by their variables.
        inputs: the variables of its arguments.
        outputs: its results: variables and literals.
        equations: what it computes, in order.
        effects: what it does besides, as `jax.debug.print` does.
        debug_info: how JAX's messages name it.
    """

    consts: dict[Var, Any]
    inputs: list[Var]
    outputs: list[Any]
    equations: list[JaxprEqn]
    effects: Any
    debug_info: Any


def flatten(program: ClosedJaxpr, written_out: Callable[[JaxprEqn], Any]) -> Flat:
    """Write the equations of other programs in place of their calls.

    Args:
        program: the program.
        written_out: tells for an equation the program to be written in its place, such as `jitted`
            and `called` do; None where it stays. Derivative rules of the user (`jax.custom_jvp`),
            loops and branches mostly stay.
    """
    consts: dict[Var, Any] = {}
    equations: list[JaxprEqn] = []

    def write(
        jaxpr: Any, values: Iterable[Any], operands: Sequence[Any], scope: Any = None
    ) -> list[Any]:
        names = dict(zip(jaxpr.invars, operands, strict=True))
        for var, value in zip(jaxpr.constvars, values, strict=True):
            names[var] = Var(var.aval)
            consts[names[var]] = value
        for equation in jaxpr.eqns:
            source = equation.source_info
            if scope is not None:
                source = source.replace(name_stack=scope + source.name_stack)
            taken = _read(names, equation.invars)
            inner = written_out(equation)
            if inner is not None:
                body, held = getattr(inner, "jaxpr", inner), getattr(inner, "consts", ())
                made = write(body, held, taken, source.name_stack)
            else:
                made = [Var(var.aval) for var in equation.outvars]
                equations.append(equation.replace(invars=taken, outvars=made, source_info=source))
            names.update(zip(equation.outvars, made, strict=True))
        return _read(names, jaxpr.outvars)

    jaxpr = program.jaxpr
    inputs = [Var(var.aval) for var in jaxpr.invars]
    outputs = write(jaxpr, program.consts, inputs)
    return Flat(consts, inputs, outputs, equations, jaxpr.effects, jaxpr.debug_info)


def known_variables(flat: Flat) -> set[Var]:
    """The variables that depend on the program's constants only, and not on its arguments.

    Equations with effects, such as a print, belong to each call. So do sizes that are not known
    when the program is exported, and what is computed in half precision, since XLA keeps more
    digits between two equations.
    """
    known = set(flat.consts)
    for equation in flat.equations:
        narrow = any(_is_half(var.aval) for var in equation.outvars)
        own = equation.effects or narrow or equation.primitive.name == "dim_as_value"
        if not own and _variables(equation.invars) <= known:
            known.update(equation.outvars)
    return known


def rest_of(flat: Flat, known: set[Var]) -> list[JaxprEqn]:
    """The equations that each call computes, in order; they read known variables, too."""
    rest: list[JaxprEqn] = []
    makers = _makers(flat)
    readers: dict[Var, set[str]] = {var: set() for var in _variables(flat.outputs) - known}
    for equation in reversed(flat.equations):
        name = equation.primitive.name
        # Who reads the results, in the rest; None where nothing does.
        asking = [readers[var] for var in equation.outvars if var in readers]
        if not (asking or equation.effects):
            continue
        others = set().union(*asking)
        together = set().union(*(_ROUNDED_TOGETHER.get(reader, ()) for reader in others))
        joined = name in together or any(makers[var] in together for var in equation.outvars)
        apart = bool(asking) and known.issuperset(equation.outvars)
        if apart and not (joined or name in _FREE):
            continue
        rest.append(equation)
        for var in _variables(equation.invars):
            readers.setdefault(var, set()).update(others if name in _MOVES else {name})
    return rest[::-1]


def _makers(flat: Flat) -> dict[Var, str]:
    """The name of the operation that has computed each variable, before it was moved."""
    makers: dict[Var, str] = {}
    for equation in flat.equations:
        name = equation.primitive.name
        moved = [makers[var] for var in _variables(equation.invars) if var in makers]
        for var in equation.outvars:
            makers[var] = moved[0] if name in _MOVES and moved else name
    return makers


def needed_for(wanted: Iterable[Var], equations: Sequence[JaxprEqn]) -> list[JaxprEqn]:
    """The equations, of those given, that compute some variables, in order."""
    needed, found = set(wanted), []
    for equation in reversed(equations):
        if needed & set(equation.outvars):
            found.append(equation)
            needed |= _variables(equation.invars)
    return found[::-1]


def inputs_of(equations: Sequence[JaxprEqn]) -> list[Var]:
    """The variables that equations read and do not compute, each once, in order."""
    made = {var for equation in equations for var in equation.outvars}
    read = (atom for each in equations for atom in each.invars if not isinstance(atom, Literal))
    return [var for var in dict.fromkeys(read) if var not in made]


def as_function(
    flat: Flat, inputs: Sequence[Var], equations: Sequence[JaxprEqn], outputs: Sequence[Any]
) -> Callable[..., list[Any]]:
    """A function that computes some equations of a program.

    Args:
        flat: the program.
        inputs: the variables that the function takes.
        equations: what it computes.
        outputs: the variables or literals that it gives.
    """
    effects = flat.effects if any(equation.effects for equation in equations) else frozenset()
    names = flat.debug_info._replace(arg_names=None, result_paths=None)
    jaxpr = Jaxpr((), list(inputs), list(outputs), list(equations), effects, names)
    function: Callable[..., list[Any]] = jaxpr_as_fun(ClosedJaxpr(jaxpr, ()))
    return function


def jitted(equation: JaxprEqn) -> Any:
    """The program that a call of a jitted function stands for; None for other equations.

    A function that was told how arrays are sharded or laid out is none of them.
    """
    params = equation.params
    if equation.primitive.name not in ("jit", "pjit"):
        return None
    placed = (*params["in_shardings"], *params["out_shardings"])
    laid_out = (*params["in_layouts"], *params["out_layouts"], *params["compiler_options_kvs"])
    free = all(each is UNSPECIFIED for each in placed) and not any(laid_out)
    return params["jaxpr"] if free else None


def called(equation: JaxprEqn) -> Any:
    """The same, also for a checkpoint that is not differentiated."""
    checkpoint = equation.primitive.name in ("checkpoint", "remat2")
    if checkpoint and not equation.params["differentiated"]:
        return equation.params["jaxpr"]
    return jitted(equation)


def _read(names: dict[Var, Any], atoms: Iterable[Any]) -> list[Any]:
    return [atom if isinstance(atom, Literal) else names[atom] for atom in atoms]


def _variables(atoms: Iterable[Any]) -> set[Var]:
    return {atom for atom in atoms if not isinstance(atom, Literal)}


def _is_half(aval: Any) -> bool:
    dtype = getattr(aval, "dtype", None)
    return dtype is not None and jnp.issubdtype(dtype, jnp.floating) and dtype.itemsize < 4
