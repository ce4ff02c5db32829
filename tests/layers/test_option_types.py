"""Layers of one family have the same options in calls, in `help` and in types."""

import inspect

import pytest

from jaxcnn import layers
from jaxcnn.layers import convolution, transposed
from jaxcnn.ops.average_pooling import AvgPoolOptions
from jaxcnn.ops.pool_arguments import PoolOptions

FAMILIES = {
    "Conv": convolution.ConvLayerOptions,
    "ConvTranspose": transposed.ConvTransposeLayerOptions,
    "MaxPool": PoolOptions,
    "AvgPool": AvgPoolOptions,
}
LAYOUTS = {"1d": "NWC", "2d": "NHWC", "3d": "NDHWC"}
UNGROUPED = ("DepthwiseConv2d", "SeparableConv2d")


def options(name):
    parameters = inspect.signature(getattr(layers, name)).parameters.values()
    return {p.name: p for p in parameters if p.kind is p.KEYWORD_ONLY}


def built(name, **given):
    sizes = (
        (8, 3) if "out_channels" in inspect.signature(getattr(layers, name)).parameters else (3,)
    )
    return getattr(layers, name)(*sizes, **given)


@pytest.mark.parametrize("rank", LAYOUTS)
@pytest.mark.parametrize("family", FAMILIES)
def test_options_are_the_same_in_every_rank(family, rank):
    """Names, order, defaults and types; only the default layout differs."""
    own, model = options(family + rank), options(f"{family}2d")
    assert own.pop("layout").default == LAYOUTS[rank]
    del model["layout"]
    assert list(own.values()) == list(model.values())


@pytest.mark.parametrize("name", UNGROUPED)
def test_convolutions_of_single_channels_have_all_options_but_groups(name):
    own, model = options(name), options("Conv2d")
    assert own.pop("multiplier").default == 1
    del model["groups"]
    assert list(own.values()) == list(model.values())


@pytest.mark.parametrize("family", FAMILIES)
def test_typed_dicts_are_what_the_2d_constructor_takes(family):
    """Mypy checks calls by the `TypedDict`, everything else by the signature."""
    types = {name: p.annotation for name, p in options(f"{family}2d").items()}
    assert FAMILIES[family].__annotations__ == types


@pytest.mark.parametrize("name", [*(f + r for f in FAMILIES for r in LAYOUTS), *UNGROUPED])
def test_help_explains_every_option(name):
    text = inspect.getdoc(getattr(layers, name))
    assert text.count("\nRaises:\n") == text.count("\nArgs:\n") == 1
    for option in options(name):
        assert f"\n    {option}: " in text


@pytest.mark.parametrize("name", [*(f + r for f in FAMILIES for r in LAYOUTS), *UNGROUPED])
def test_descriptions_hold_every_option_and_print_what_was_changed(name):
    layer = built(name, padding=1)
    parameters = inspect.signature(getattr(layers, name)).parameters
    assert list(layer.description.options) == list(parameters)
    assert layer.description.options["layout"] == parameters["layout"].default
    assert "padding=1" in repr(layer)
    assert "layout" not in repr(layer)


@pytest.mark.parametrize("name", [*(f + r for f in FAMILIES for r in LAYOUTS), *UNGROUPED])
def test_options_of_other_names_are_answered(name):
    with pytest.raises(TypeError, match=f"^{name}: `strides` is called `stride` here$"):
        built(name, strides=2)
    with pytest.raises(TypeError, match=f"^{name}: there is no `paddng`; did you mean `padding`"):
        built(name, paddng=2)
