"""Changes of tones are those of Pillow."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from jaxcnn.training.tone_changes import evened_out, sharpened, spread_out

RNG = np.random.default_rng(0)
PICTURES = {
    "random": RNG.integers(0, 256, (21, 17, 3)),
    "dark": RNG.integers(10, 60, (40, 30, 3)),
    "few tones": RNG.choice([20, 30, 200], (32, 32, 3)),
    "one tone": np.full((9, 9, 3), 77),
    "black and white": RNG.choice([0, 255], (16, 16, 3)),
    "tiny": RNG.integers(0, 256, (2, 2, 3)),
}


def of_pillow(function, pixels):
    return np.asarray(function(Image.fromarray(pixels.astype(np.uint8)))).astype(int)


def ours(function, pixels):
    return np.asarray(jax.jit(function)(jnp.asarray(pixels, jnp.float32) / 255)) * 255


@pytest.mark.parametrize("pixels", PICTURES.values(), ids=PICTURES)
def test_equalization(pixels):
    np.testing.assert_allclose(ours(evened_out, pixels), of_pillow(ImageOps.equalize, pixels), atol=1e-3)  # fmt: skip


@pytest.mark.parametrize("pixels", PICTURES.values(), ids=PICTURES)
def test_automatic_contrast(pixels):
    wanted = of_pillow(ImageOps.autocontrast, pixels)
    np.testing.assert_allclose(ours(spread_out, pixels), wanted, atol=1.01)  # Pillow rounds down


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.9])
@pytest.mark.parametrize("pixels", PICTURES.values(), ids=PICTURES)
def test_sharpness(pixels, factor):
    wanted = of_pillow(lambda image: ImageEnhance.Sharpness(image).enhance(factor), pixels)
    found = ours(lambda image: sharpened(image, jnp.float32(factor)), pixels)
    np.testing.assert_allclose(found, wanted, atol=2)  # Pillow rounds the smooth part
