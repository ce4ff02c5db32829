"""Finds the operations behind convolutions that these can do themselves.

A chain is a convolution, then operations with one number per channel, then a sum with an array of
the results' shape, then bounds. Nothing else reads the results in between.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jax.extend.core import JaxprEqn, Literal, Var

from jaxcnn.engine.splitting import Flat, flatten, jitted

CONVOLUTIONS = ("jaxcnn_conv", "conv_general_dilated")

SPREADING = ("broadcast_in_dim", "convert_element_type")
"""What makes an array of a number, or of one number per channel."""

Atom = Var | Literal
"""What an equation reads: a variable, or a number that stands in the program."""


class Chain(NamedTuple):
    """A convolution and the operations that it is joined with.

    Attributes:
        members: the places of all of them in the program, that of the convolution first.
        affine: the operations with one number per channel, ``(name, operand)``.
        residual: the array that is added; None for none.
        low: the least that a result becomes.
        high: the most.
        result: what the last one computes.
    """

    members: tuple[int, ...]
    result: Var
    affine: tuple[tuple[str, Atom], ...] = ()
    residual: Atom | None = None
    low: float = -math.inf
    high: float = math.inf

    @property
    def bounded(self) -> bool:
        """Whether the results have bounds."""
        return (self.low, self.high) != (-math.inf, math.inf)

    @property
    def words(self) -> tuple[str, ...]:
        """What it is joined with, in words."""
        names = {name for name, _ in self.affine}
        words = {
            "factor": bool(names & {"mul", "div"}),
            "offset": bool(names & {"add", "sub"}),
            "residual": self.residual is not None,
            "bounds": self.bounded,
        }
        return tuple(word for word, there in words.items() if there)


def chains(flat: Flat) -> dict[int, Chain]:
    """The convolutions that can be joined with what follows, by their places in a program."""
    search = _Search(flat)
    found: dict[int, Chain] = {}
    taken: set[int] = set()
    for place, equation in enumerate(flat.equations):
        if equation.primitive.name not in CONVOLUTIONS or not _plain(equation):
            continue
        chain = search.follow(place, taken)
        if len(chain.members) > 1:
            taken.update(chain.members)
            found[place] = chain
    return found


def _plain(equation: JaxprEqn) -> bool:
    """Whether a convolution is one of arrays in float32, of sizes that are known."""
    params = equation.params
    single = params["batch_group_count"] == 1 and not params.get("flipped", False)
    types = [type_of(atom) for atom in (*equation.invars, *equation.outvars)]
    sizes = [size for aval in types for size in aval.shape]
    known = all(isinstance(size, int) for size in sizes)
    return single and known and all(aval.dtype == np.float32 for aval in types)


def type_of(atom: Atom) -> Any:
    """The type of a variable or a number."""
    return atom.aval


class _Search:
    """Follows the results of convolutions through a program."""

    def __init__(self, flat: Flat) -> None:
        self.equations = flat.equations
        self.maker = {var: equation for equation in flat.equations for var in equation.outvars}
        self.readers: dict[Atom, list[int]] = {}
        for place, equation in enumerate(flat.equations):
            self._add_reader(place, equation.invars)
        self._add_reader(-1, flat.outputs)

    def _add_reader(self, place: int, atoms: Sequence[Any]) -> None:
        for var in {atom for atom in atoms if isinstance(atom, Var)}:
            self.readers.setdefault(var, []).append(place)

    def follow(self, place: int, taken: set[int]) -> Chain:
        """The longest chain that begins with a convolution."""
        convolution = self.equations[place]
        axis = convolution.params["dimension_numbers"].out_spec[1]
        chain: Chain | None = Chain((place,), convolution.outvars[0])
        while chain is not None:
            longest = chain
            readers = self.readers.get(chain.result, [])
            if -1 in readers or taken & set(readers):
                break
            chain = self._longer(chain, readers, axis)
        return longest

    def _longer(self, chain: Chain, readers: list[int], axis: int) -> Chain | None:
        """The chain with the operation that reads its results; None where it cannot join them."""
        if len(readers) == 2:
            return self._selected(chain, readers)
        if len(readers) != 1:
            return None
        equation = self.equations[readers[0]]
        name = equation.primitive.name
        if name == "custom_jvp_call":
            return self._called(chain, readers[0])
        if name not in ("add", "sub", "mul", "div", "max", "min"):
            return None
        first, second = equation.invars
        own, other = (first, second) if first == chain.result else (second, first)
        if own == other or (name in ("sub", "div") and own != first):
            return None
        members = (*chain.members, readers[0])
        longer = chain._replace(members=members, result=equation.outvars[0])
        if name in ("max", "min"):
            return self._bounded(longer, name == "max", other)
        if chain.bounded or chain.residual is not None:
            return None
        numbers = self._per_channel(other, axis)
        if numbers is not None:
            return longer._replace(affine=(*chain.affine, (name, numbers)))
        same = type_of(other).shape == type_of(chain.result).shape
        return longer._replace(residual=other) if name == "add" and same else None

    def _called(self, chain: Chain, place: int) -> Chain | None:
        """The chain with a function, like ReLU, that gives bounds and has its own derivative."""
        call = self.equations[place]
        inner = flatten(call.params["call_jaxpr"], jitted)
        steps = _Search(inner)
        result, found = inner.inputs[0], chain._replace(result=call.outvars[0])
        for step in inner.equations:
            name, own = step.primitive.name, [v for v in step.invars if v != result]
            if name not in ("max", "min") or len(own) != 1:
                return None
            longer = steps._bounded(found, name == "max", own[0])
            if longer is None:
                return None
            found, result = longer, step.outvars[0]
        alone = len(inner.inputs) == 1 and bool(inner.equations) and inner.outputs[0] == result
        return found._replace(members=(*chain.members, place)) if alone else None

    def _bounded(self, chain: Chain, least: bool, bound: Atom) -> Chain | None:
        """The chain with a bound; None where it is no number, or not the next one."""
        number = self.constant(bound)
        if number is None or number != number or chain.high < math.inf:
            return None
        if not least:
            return chain._replace(high=number) if number >= chain.low else None
        return chain._replace(low=number) if chain.low == -math.inf else None

    def _selected(self, chain: Chain, readers: list[int]) -> Chain | None:
        """The chain with a bound that is written as a comparison and a choice."""
        test, choice = (self.equations[place] for place in sorted(readers))
        compared, least = test.primitive.name, test.primitive.name in ("le", "lt")
        if choice.primitive.name != "select_n" or not (least or compared in ("ge", "gt")):
            return None
        if choice.invars[0] != test.outvars[0] or choice.invars[1] != chain.result:
            return None
        bounds = self.constant(test.invars[1]), self.constant(choice.invars[2])
        alone = self.readers[test.outvars[0]] == [max(readers)] and test.invars[0] == chain.result
        if not alone or bounds[0] is None or bounds[0] != bounds[1]:
            return None
        members = (*chain.members, *sorted(readers))
        longer = chain._replace(members=members, result=choice.outvars[0])
        return self._bounded(longer, least, test.invars[1])

    def constant(self, given: Atom) -> float | None:
        """The number that an input is everywhere; None where it is none, or not known."""
        if isinstance(given, Literal):
            return float(given.val) if np.ndim(given.val) == 0 else None
        maker = self.maker.get(given)
        if maker is None or maker.primitive.name not in SPREADING:
            return None
        number = self.constant(maker.invars[0])
        if number is None:
            return None
        before, after = type_of(maker.invars[0]).dtype, type_of(given).dtype
        return float(np.asarray(number).astype(before).astype(after))

    def _per_channel(self, given: Atom, axis: int) -> Atom | None:
        """What holds the numbers of an input that has one per channel; None for other inputs."""
        aval = type_of(given)
        if aval.dtype != np.float32:
            return None
        if all(size == 1 or i == axis for i, size in enumerate(aval.shape)):
            return given
        maker = None if isinstance(given, Literal) else self.maker.get(given)
        if maker is None or maker.primitive.name != "broadcast_in_dim":
            return None
        dimensions = maker.params["broadcast_dimensions"]
        source = type_of(maker.invars[0])
        wide = [d for d, n in zip(dimensions, source.shape, strict=True) if n > 1]
        return maker.invars[0] if wide in ([], [axis]) else None
