"""`pixel_shuffle`, `pixel_unshuffle` and `channel_shuffle`."""

import importlib.util
import re
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxcnn as jc
from jaxcnn.reference.register import reference
from tests.ops.properties import quick
from tests.ops.suite import torch_twin
from tests.sweep import sweep

TORCH = importlib.util.find_spec("torch") is not None

images = jnp.ones((2, 4, 6, 8))

REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "shuffle list": (
        lambda: jc.pixel_shuffle([1], 2),
        TypeError,
        "pixel_shuffle: `x` must be an array, got list",
    ),
    "shuffle rank": (
        lambda: jc.pixel_shuffle(images[0], 2),
        ValueError,
        "pixel_shuffle: `x` must have 4 axes (NHWC), got 3 in shape (4, 6, 8); `x[None]` adds a batch axis",
    ),
    "shuffle layout": (
        lambda: jc.pixel_shuffle(images, 2, layout="NWC"),
        ValueError,
        "pixel_shuffle: `layout` must be one of ('NHWC', 'NCHW'), got 'NWC'",
    ),
    "shuffle channels": (
        lambda: jc.pixel_shuffle(images, 3),
        ValueError,
        "pixel_shuffle: `factor` 3 squared must divide the channels, got 8 channels (layout NHWC)",
    ),
    "shuffle channels first": (
        lambda: jc.pixel_shuffle(images[:, :3], 2, layout="NCHW"),
        ValueError,
        "pixel_shuffle: `factor` 2 squared must divide the channels, got 3 channels (layout NCHW)",
    ),
    "shuffle factor": (
        lambda: jc.pixel_shuffle(images, 0),
        ValueError,
        "pixel_shuffle: `factor` must be at least 1, got 0",
    ),
    "shuffle factor kind": (
        lambda: jc.pixel_shuffle(images, 2.0),
        TypeError,
        "pixel_shuffle: `factor` must be an int, got 2.0",
    ),
    "unshuffle rank": (
        lambda: jc.pixel_unshuffle(images[0], 2),
        ValueError,
        "pixel_unshuffle: `x` must have 4 axes (NHWC), got 3 in shape (4, 6, 8); `x[None]` adds a batch axis",
    ),
    "unshuffle layout": (
        lambda: jc.pixel_unshuffle(images, 2, layout="HWC"),
        ValueError,
        "pixel_unshuffle: `layout` must be one of ('NHWC', 'NCHW'), got 'HWC'",
    ),
    "unshuffle height": (
        lambda: jc.pixel_unshuffle(images, 3),
        ValueError,
        "pixel_unshuffle: `factor` 3 must divide the height and the width, got 4 × 6 (layout NHWC)",
    ),
    "unshuffle width": (
        lambda: jc.pixel_unshuffle(images, 4, layout="NCHW"),
        ValueError,
        "pixel_unshuffle: `factor` 4 must divide the height and the width, got 6 × 8 (layout NCHW)",
    ),
    "unshuffle factor": (
        lambda: jc.pixel_unshuffle(images, -1),
        ValueError,
        "pixel_unshuffle: `factor` must be at least 1, got -1",
    ),
    "channels rank": (
        lambda: jc.channel_shuffle(images[0, 0], 2),
        ValueError,
        "channel_shuffle: `x` must have a batch axis, 1 to 3 spatial axes and a channel axis, "
        "got 2 axes",
    ),
    "channels layout": (
        lambda: jc.channel_shuffle(images, 2, layout="NCW"),
        ValueError,
        "channel_shuffle: `layout` must be one of ('NHWC', 'NCHW'), got 'NCW'",
    ),
    "channels groups": (
        lambda: jc.channel_shuffle(images, 3, layout="NCHW"),
        ValueError,
        "channel_shuffle: `groups` 3 must divide the 4 channels of `x` (layout NCHW)",
    ),
    "channels groups kind": (
        lambda: jc.channel_shuffle(images, "2"),
        TypeError,
        "channel_shuffle: `groups` must be an int, got '2'",
    ),
    "channels no groups": (
        lambda: jc.channel_shuffle(images, 0),
        ValueError,
        "channel_shuffle: `groups` must be at least 1, got 0",
    ),
}


@pytest.mark.parametrize("label", REFUSED)
def test_refuses(label: str) -> None:
    call, error, message = REFUSED[label]
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call()


def test_dtypes_are_kept() -> None:
    for dtype in (jnp.uint8, jnp.bool_, jnp.bfloat16, jnp.complex64):
        x = images.astype(dtype)
        results = jc.pixel_shuffle(x, 2), jc.pixel_unshuffle(x, 2), jc.channel_shuffle(x, 2)
        assert {y.dtype for y in results} == {jnp.dtype(dtype)}


def test_the_block_of_a_channel_is_next_to_it() -> None:
    """Channel 4 c + 2 a + b is pixel (a, b) of channel c, as in torch and unlike TensorFlow."""
    x = jnp.arange(8).reshape(1, 1, 1, 8)
    y = jc.pixel_shuffle(x, 2)
    np.testing.assert_array_equal(y[0, :, :, 0], [[0, 1], [2, 3]])
    np.testing.assert_array_equal(y[0, :, :, 1], [[4, 5], [6, 7]])


def _agree(op: str, x: np.ndarray, number: int, layout: str) -> np.ndarray:
    """The op's result, held against torch or else against the reference."""
    got = np.asarray(quick(lambda x: getattr(jc, op)(x, number, layout=layout))(x))
    oracle = reference(op)
    assert oracle is not None
    np.testing.assert_array_equal(got, oracle(x, number, layout=layout))
    if TORCH:
        import torch

        twin = torch_twin(op)
        assert twin is not None
        np.testing.assert_array_equal(got, twin(torch.from_numpy(x.copy()), number, layout=layout))
    return got


sizes = st.integers(1, 3)


@sweep(12)
@given(sizes, sizes, sizes, sizes, sizes, st.booleans())
def test_pixel_unshuffle_undoes_pixel_shuffle(
    n: int, h: int, w: int, c: int, factor: int, last: bool
) -> None:
    channels = c * factor**2
    layout, shape = ("NHWC", (n, h, w, channels)) if last else ("NCHW", (n, channels, h, w))
    x = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    y = _agree("pixel_shuffle", x, factor, layout)
    np.testing.assert_array_equal(_agree("pixel_unshuffle", y, factor, layout), x)


@sweep(12)
@given(sizes, st.lists(sizes, min_size=1, max_size=3), sizes, sizes, st.booleans())
def test_channel_shuffle_is_undone_by_the_other_grouping(
    n: int, spatial: list[int], groups: int, size: int, last: bool
) -> None:
    channels = groups * size
    names = ("NWC", "NHWC", "NDHWC") if last else ("NCW", "NCHW", "NCDHW")
    shape = (n, *spatial, channels) if last else (n, channels, *spatial)
    x = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    layout = names[len(spatial) - 1]
    y = _agree("channel_shuffle", x, groups, layout)
    np.testing.assert_array_equal(_agree("channel_shuffle", y, size, layout), x)
