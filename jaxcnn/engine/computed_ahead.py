"""Computes the known part of programs once, and packs the kernels of their convolutions.

One function has a program for each shape of its arguments. The known parts of these programs are
mostly the same, so each result has a name that says how it was computed, and is computed once.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import JaxprEqn, Literal, Var

from jaxcnn.engine.packed_convolution import (
    PackedBy,
    packed_by,
    with_packed_kernel,
)
from jaxcnn.engine.splitting import (
    Flat,
    as_function,
    inputs_of,
    known_variables,
    needed_for,
    rest_of,
)

Packed = dict[Var, tuple[Var, PackedBy]]
"""The variables of packed kernels, each with its kernel and how that is packed."""


class ComputedAhead:
    """Arrays that were computed ahead of the calls, for the programs of all shapes."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._arrays: dict[int, jax.Array] = {}

    def rest(self, flat: Flat) -> Callable[..., list[Any]]:
        """The function of a program's arguments that computes what is not known."""
        known = known_variables(flat)
        names = self._names(flat, known)
        flat, packed = _with_packed_kernels(flat, known)
        for var, (kernel, by) in packed.items():
            names[var] = self._number(("packed", names[kernel], by.kind))
        known |= packed.keys()

        equations = rest_of(flat, known)
        taken = [var for var in inputs_of(equations) if var in known]
        given = [atom in known if isinstance(atom, Var) else False for atom in flat.outputs]
        results = [v for v, own in zip(flat.outputs, given, strict=True) if own]
        self._compute(flat, names, packed, [*taken, *results])

        others = [atom for atom, own in zip(flat.outputs, given, strict=True) if not own]
        computed = as_function(flat, [*taken, *flat.inputs], equations, others)
        call = jax.jit(computed) if equations or others else computed
        values = [self._arrays[names[var]] for var in taken]
        # What was given is given back. Of the rest there are copies, which a caller may donate.
        kept = [(self._arrays[names[var]], var in flat.consts) for var in results]

        def run(*leaves: Any) -> list[Any]:
            made = iter(call(*values, *leaves))
            copies = iter(array if own else jnp.copy(array) for array, own in kept)
            return [next(copies) if own else next(made) for own in given]

        return run

    def _names(self, flat: Flat, known: set[Var]) -> dict[Var, int]:
        """A number for each known variable: one number for what is computed alike."""
        names: dict[Var, int] = {}
        for var, value in flat.consts.items():
            if isinstance(value, jax.Array):
                names[var] = self._number(("array", id(value)))
                self._arrays[names[var]] = value
            else:
                own = np.asarray(value)
                names[var] = self._number(("numbers", own.dtype, own.shape, own.tobytes()))
                self._arrays[names[var]] = jnp.asarray(own)
        for equation in flat.equations:
            if equation.outvars and known.issuperset(equation.outvars):
                operands = tuple(
                    (repr(atom.val), str(atom.aval)) if isinstance(atom, Literal) else names[atom]
                    for atom in equation.invars
                )
                made = (equation.primitive, tuple(equation.params.items()), operands)
                for place, var in enumerate(equation.outvars):
                    names[var] = self._number((*made, place))
        return names

    def _number(self, key: Hashable) -> int:
        try:
            return self._numbers.setdefault(key, len(self._numbers))
        except TypeError:  # a parameter that cannot be hashed: like no other
            return self._numbers.setdefault(object(), len(self._numbers))

    def _compute(
        self, flat: Flat, names: dict[Var, int], packed: Packed, wanted: Iterable[Var]
    ) -> None:
        """Compute some variables, unless that was done for another program."""
        missing = self._missing(names, wanted)
        to_pack = [var for var in missing if var in packed]
        kernels = [packed[var][0] for var in to_pack]
        plain = self._missing(names, [*(v for v in missing if v not in packed), *kernels])
        equations = needed_for(plain, flat.equations)
        inputs = inputs_of(equations)
        self._keep(names, plain, as_function(flat, inputs, equations, plain), inputs)

        def pack(*kernels: jax.Array) -> list[jax.Array]:
            hows = (packed[var][1] for var in to_pack)
            return [by.pack(kernel) for by, kernel in zip(hows, kernels, strict=True)]

        self._keep(names, to_pack, pack, kernels)

    def _missing(self, names: dict[Var, int], wanted: Iterable[Var]) -> list[Var]:
        """The variables of those wanted that have not been computed, one for each name."""
        each = {names[var]: var for var in wanted}
        return [var for number, var in each.items() if number not in self._arrays]

    def _keep(
        self,
        names: dict[Var, int],
        wanted: Sequence[Var],
        compute: Callable[..., list[Any]],
        inputs: Sequence[Var],
    ) -> None:
        if not wanted:
            return
        # The call that needs them may be traced; they are computed at once all the same.
        with jax.ensure_compile_time_eval():
            results = jax.jit(compute)(*(self._arrays[names[var]] for var in inputs))
        self._arrays.update(zip((names[var] for var in wanted), results, strict=True))


def _with_packed_kernels(flat: Flat, known: set[Var]) -> tuple[Flat, Packed]:
    """The program with packed convolutions for those that have a known kernel."""
    packed: Packed = {}
    if not _on_one_cpu(flat.consts.values()):
        return flat, packed

    def changed(equation: JaxprEqn) -> JaxprEqn:
        by = packed_by(equation)
        if by is None or equation.invars[1] not in known or equation.invars[0] in known:
            return equation
        kernel: Any = equation.invars[1]
        var = Var(jax.typeof(jax.eval_shape(by.pack, kernel.aval)))
        packed[var] = kernel, by
        return with_packed_kernel(equation, by, var)

    return flat._replace(equations=[changed(equation) for equation in flat.equations]), packed


def _on_one_cpu(values: Iterable[Any]) -> bool:
    """Whether a program with these constants runs on one CPU, as far as they tell."""
    arrays = [value for value in values if isinstance(value, jax.Array)]
    devices = {device for array in arrays for device in array.devices()}
    if len(devices) > 1:
        return False
    return all(device.platform == "cpu" for device in devices or jax.devices()[:1])
