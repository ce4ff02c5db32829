"""The 1-D and 3-D functions of a family have the options of its 2-D function."""

import inspect
import re
from typing import Any, TypedDict, Unpack

import jax.numpy as jnp
import pytest

import jaxcnn as jc
from jaxcnn.ops import (
    average_pooling,
    convolution_1d_3d,
    max_pooling,
    pool_arguments,
    power_pooling,
    transposed,
    unpooling,
)
from jaxcnn.ops.shared_options import options_of

FAMILIES = {
    "conv": convolution_1d_3d.ConvOptions,
    "conv_transpose": transposed.ConvTransposeOptions,
    "max_pool": max_pooling.MaxPoolOptions,
    "min_pool": pool_arguments.PoolOptions,
    "avg_pool": average_pooling.AvgPoolOptions,
    "lp_pool": power_pooling.LpPoolOptions,
    "max_unpool": unpooling.MaxUnpoolOptions,
}
LAYOUTS = {"1d": "NWC", "2d": "NHWC", "3d": "NDHWC"}


def options(name):
    parameters = inspect.signature(getattr(jc, name)).parameters.values()
    return {p.name: p for p in parameters if p.kind is p.KEYWORD_ONLY}


@pytest.mark.parametrize("rank", LAYOUTS)
@pytest.mark.parametrize("family", FAMILIES)
def test_options_are_the_same_in_every_rank(family, rank):
    """Names, order, defaults and types; only the default layout differs."""
    own, model = options(family + rank), options(f"{family}2d")
    assert own.pop("layout").default == LAYOUTS[rank]
    del model["layout"]
    assert list(own.values()) == list(model.values())


@pytest.mark.parametrize("family", FAMILIES)
def test_typed_dicts_are_what_the_2d_function_takes(family):
    """Mypy checks calls by the `TypedDict`, everything else by the signature."""
    types = {name: p.annotation for name, p in options(f"{family}2d").items() if name != "p"}
    assert FAMILIES[family].__annotations__ == types


class Options(TypedDict, total=False):
    factor: float
    flag: bool


def scaled2d(x: int, *, flag: bool = False, factor: float = 1.0, other: str = "") -> Any:
    """Scale.

    Args:
        x: a number.
        flag: whether
            it is so.
        factor: what it is multiplied by.
        other: something else.

    Returns:
        A product.

    Raises:
        TypeError: never.

    The end.
    """


@options_of(scaled2d, factor=3.0)
def scaled1d(x: int, **options: Unpack[Options]) -> tuple[Any, ...]:
    """Scale, in 1-D.

    Args:
        x: one number.

    Returns:
        What it was given.

    An example.
    """
    return x, options


def test_defaults_are_filled_in():
    assert scaled1d(1) == (1, {"factor": 3.0, "flag": False})
    assert scaled1d(1, factor=2.0) == (1, {"factor": 2.0, "flag": False})


def test_the_signature_lists_the_options():
    text = "(x: int, *, flag: bool = False, factor: float = 3.0) -> tuple[typing.Any, ...]"
    assert str(inspect.signature(scaled1d)) == text
    assert scaled1d.__annotations__ == {
        "x": int,
        "flag": bool,
        "factor": float,
        "return": tuple[Any, ...],
    }


def test_the_docstring_explains_the_options():
    assert inspect.getdoc(scaled1d) == inspect.cleandoc(
        """Scale, in 1-D.

        Args:
            x: one number.
            flag: whether
                it is so.
            factor: what it is multiplied by.

        Returns:
            What it was given.

        Raises:
            TypeError: never.

        An example.
        """
    )


def test_an_option_that_there_is_not_is_refused():
    with pytest.raises(TypeError, match=re.escape("conv1d: `strides` is called `stride` here")):
        jc.conv1d(jnp.ones((1, 4, 1)), jnp.ones((2, 1, 1)), strides=2)
    with pytest.raises(TypeError, match=r"lp_pool1d.* missing 1 required .* 'p'"):
        jc.lp_pool1d(jnp.ones((1, 4, 1)), 2)
