"""Winograd's convolution in C++: beside exact sums, and where it is chosen."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxcnn as jc
from jaxcnn.engine import compiler, explain
from jaxcnn.engine.portable import winograd
from jaxcnn.engine.winograd_tiles import WINOGRAD_TILES

NATIVE = not compiler.native().reason

CASES: dict[str, tuple[Any, int, Any]] = {
    "one tile": ((1, 4, 4, 16), 16, 1),
    "two results": ((1, 4, 3, 16), 16, 0),
    "parts of tiles": ((2, 7, 9, 32), 48, 1),
    "several tasks": ((40, 13, 6, 16), 32, 1),
    "more tiles than a task has at most": ((150, 12, 12, 16), 16, 1),
    "a border on two sides": ((2, 9, 8, 16), 16, ((2, 0), (0, 3))),
    "a crop": ((2, 12, 13, 16), 16, ((-2, 1), (0, -3))),
    "a wide border": ((1, 5, 5, 16), 16, 6),
    "many channels": ((2, 9, 9, 240), 144, 1),
    "many channels, few features": ((3, 9, 9, 256), 32, 1),
    "many of both, several tasks": ((20, 11, 10, 208), 160, 1),
    "more tiles than there is room for": ((130, 12, 12, 256), 144, 1),
}


@functools.cache
def _data(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shape, features, padding = CASES[name]
    rng = np.random.default_rng(0)
    x, kernel = rng.standard_normal(shape), rng.standard_normal((3, 3, shape[-1], features))
    size = jax.eval_shape(lambda *a: jc.conv2d(*a, padding=padding, algorithm="lax"), x, kernel)
    return x, kernel, rng.standard_normal(size.shape)


def _results(name: str, algorithm: str, dtype: Any) -> list[np.ndarray]:
    """The result, and both gradients."""
    x, kernel, cotangent = (jnp.asarray(a, dtype) for a in _data(name))
    conv = functools.partial(jc.conv2d, padding=CASES[name][2], algorithm=algorithm)
    y, back = jax.vjp(conv, x, kernel)
    return [np.asarray(a) for a in (y, *back(cotangent))]


@pytest.mark.parametrize("name", CASES)
def test_errors_beside_exact_sums(name: str) -> None:
    """At most 1e-5 of the largest number, and ten times the direct sum's error."""
    with jax.enable_x64(True):
        exact = _results(name, "lax", np.float64)
    direct = _results(name, "direct" if NATIVE else "lax", np.float32)
    tiles = _results(name, "winograd_tiles" if NATIVE else "winograd", np.float32)
    for got, other, want in zip(tiles, direct, exact, strict=True):
        scale = np.abs(want).max()
        error, usual = (np.abs(a - want).max() / scale for a in (got, other))
        assert error <= 1e-5
        assert error <= 10 * max(usual, 1e-7)


def _chosen(shape: Any, kernel: Any, **options: Any) -> str:
    (found,) = explain(functools.partial(jc.conv2d, **options), jnp.ones(shape), jnp.ones(kernel))
    return found.algorithm


@pytest.mark.parametrize(
    ("image", "window", "options", "here"),
    [
        ((2, 28, 28, 32), (3, 3, 32, 16), {}, True),
        ((2, 7, 7, 32), (3, 3, 32, 16), {}, True),
        ((2, 28, 28, 32), (3, 3, 32, 16), {"stride": 2}, False),
        ((2, 28, 28, 32), (3, 3, 32, 16), {"dilation": 2}, False),
        ((2, 28, 28, 32), (3, 3, 32, 16), {"precision": "highest"}, False),
        ((2, 28, 28, 32), (3, 3, 2, 16), {"groups": 16}, False),
        ((8, 2, 2, 32), (3, 3, 32, 16), {}, False),
        ((1, 8, 4, 32), (3, 3, 32, 16), {}, False),
        ((2, 28, 28, 24), (3, 3, 24, 16), {}, False),
    ],
)
def test_where_it_is_chosen(image: Any, window: Any, options: Any, here: bool) -> None:
    chosen = _chosen(image, window, padding=1, **options)
    assert (chosen == "winograd_tiles") == (here and NATIVE)
    with jax.default_matmul_precision("highest"):
        assert _chosen(image, window, padding=1, **options) != "winograd_tiles"


def test_precision_of_the_portable_form() -> None:
    exact = {"precision": ("default", "highest")}
    shape, kernel = (2, 28, 28, 128), (3, 3, 128, 128)
    with_double = functools.partial(jc.conv2d, padding=1)
    with jax.enable_x64(True):
        x, w = np.ones(shape), np.ones(kernel)
        assert [e.algorithm for e in explain(with_double, x, w)] == ["winograd"]
        assert [e.algorithm for e in explain(functools.partial(with_double, **exact), x, w)] == [
            "lax"
        ]


def test_both_forms_have_the_same_tiles() -> None:
    assert winograd.TILE == 4
    assert WINOGRAD_TILES.name == "winograd_tiles"


def test_the_same_numbers_again() -> None:
    gradient = functools.partial(_results, "several tasks", "auto", np.float32)
    first = gradient()
    for _ in range(10):
        for a, b in zip(gradient(), first, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_member_axis() -> None:
    """Kernels that are mapped over are groups, which other algorithms compute."""
    x, kernel, _ = _data("parts of tiles")
    kernels = jnp.asarray(np.stack([kernel, -2 * kernel]), jnp.float32)
    conv = functools.partial(jc.conv2d, jnp.asarray(x, jnp.float32), padding=1)
    y = conv(kernels[0])
    both = jax.vmap(conv)(kernels)
    np.testing.assert_allclose(both[0], y, atol=2e-5 * np.abs(y).max())
    np.testing.assert_allclose(both[1], -2 * both[0], rtol=1e-4, atol=1e-4)
