"""Every public function has keyword-only options, annotations and a complete docstring."""

import inspect
import re

import pytest

import jaxcnn as jc
from tests.ops import listing

NAMES = sorted(name for name in jc.ops.__all__ if inspect.isfunction(getattr(jc, name)))

# What may be given by position: arrays, the key, and what an op cannot be named without.
POSITIONAL = {
    "x", "kernel", "bias", "depthwise_kernel", "pointwise_kernel", "key", "indices", "patches",
    "grid", "theta", "mean", "variance", "scale", "residual",
    "window", "mode", "padding", "output_size", "size", "factor", "groups", "input_shape", "layers",
}  # fmt: skip


def sections(name):
    """The sections of a docstring by title."""
    text = inspect.getdoc(getattr(jc, name))
    parts = re.split(r"^(Args|Returns|Raises):\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True)) | {"summary": parts[0]}


@pytest.mark.parametrize("name", NAMES)
def test_options_are_keyword_only(name):
    for parameter in inspect.signature(getattr(jc, name)).parameters.values():
        if parameter.kind is not parameter.KEYWORD_ONLY:
            assert parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            assert parameter.name in POSITIONAL


@pytest.mark.parametrize("name", NAMES)
def test_arrays_come_first_and_the_key_before_them(name):
    names = list(inspect.signature(getattr(jc, name)).parameters)
    assert "key" not in names[1:]
    if "x" in names:
        assert names.index("x") == (1 if names[0] == "key" else 0)


@pytest.mark.parametrize("name", NAMES)
def test_everything_is_annotated(name):
    signature = inspect.signature(getattr(jc, name))
    assert signature.return_annotation is not signature.empty
    assert [p.name for p in signature.parameters.values() if p.annotation is p.empty] == []


@pytest.mark.parametrize("name", NAMES)
def test_docstrings_are_complete(name):
    parts = sections(name)
    first, blank = parts["summary"].split("\n")[:2]
    assert first[-1] in ".:"
    assert blank == ""
    assert {"Args", "Returns", "Raises"} <= parts.keys()
    for parameter in inspect.signature(getattr(jc, name)).parameters:
        assert re.search(rf"^\s+{parameter}: ", parts["Args"], flags=re.MULTILINE), parameter
    assert ">>> " in inspect.getdoc(getattr(jc, name))


def test_the_docs_list_every_function():
    assert listing.PAGE.read_text() == listing.page(), "run `python -m tests.ops.listing`"
