"""Changes of one image's tones: sharper or softer, spread to the whole range, or evened out.

Each takes an image ``(h, w, c)`` in [0, 1], and computes what Pillow's ``ImageEnhance.Sharpness``,
``ImageOps.autocontrast`` and ``ImageOps.equalize`` do to bytes.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

Image = Float[Array, "h w c"]
Bytes = Integer[Array, "h w"]


def sharpened(image: Image, factor: jax.Array) -> Image:
    """The image smoother where ``factor`` is below 1 (0: the smooth image alone), sharper above.

    The smooth image is a mean over 3×3 pixels in which the middle one counts five times; the
    outermost pixels have none.

    >>> from jaxcnn.training.tone_changes import sharpened
    >>> bool((sharpened(jnp.ones((4, 4, 1)), jnp.float32(1.5)) == 1).all())
    True
    """
    height, width, _ = image.shape
    if min(height, width) < 3:
        return image
    rows = [image[top : height - 2 + top] for top in range(3)]
    near = [row[:, left : width - 2 + left] for row in rows for left in range(3)]
    smooth = image.at[1:-1, 1:-1].set((sum(near) + 4 * near[4]) / 13)
    return jnp.clip(smooth + factor * (image - smooth), 0, 1)


def spread_out(image: Image) -> Image:
    """Each channel stretched so that its darkest pixel is 0 and its brightest is 1.

    >>> from jaxcnn.training.tone_changes import spread_out
    >>> spread_out(jnp.array([[[0.25], [0.5]]])).ravel()
    Array([0., 1.], dtype=float32)
    """
    low, high = image.min((0, 1), keepdims=True), image.max((0, 1), keepdims=True)
    wide = high > low
    return jnp.where(wide, (image - low) / jnp.where(wide, high - low, 1), image)


def evened_out(image: Image) -> Image:
    """Each channel with about as many pixels of each of its 256 brightnesses (equalization).

    An image of fewer than 256 pixels stays as it is.

    >>> from jaxcnn.training.tone_changes import evened_out
    >>> evened_out(jnp.full((4, 4, 1), 0.2)).max()  # of one brightness: it stays
    Array(0.2, dtype=float32)
    """
    levels = jnp.round(image * 255).astype(jnp.int32)
    evened, changed = jax.vmap(_evened, in_axes=-1, out_axes=-1)(levels)
    return jnp.where(changed, evened.astype(image.dtype) / 255, image)


def _evened(levels: Bytes) -> tuple[Bytes, jax.Array]:
    """The brightnesses of a channel, from 0 to 255, evened out, and whether there was a change."""
    counts = jnp.zeros(256, jnp.int32).at[levels].add(1)
    step = (levels.size - counts[levels.max()]) // 255
    below = jnp.cumsum(counts) - counts
    table = jnp.clip((below + step // 2) // jnp.maximum(step, 1), 0, 255)
    return table[levels], step > 0
