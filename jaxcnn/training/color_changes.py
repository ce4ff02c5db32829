"""Changes of training images in their colours, and RandAugment, which moves them, too."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxcnn.training.augment_options import AugmentConfig
from jaxcnn.training.image_changes import Images, Targets
from jaxcnn.training.tone_changes import evened_out, sharpened, spread_out

HUE = 0.25
"""The part of the strength of colour jitter by which hues turn; a whole turn is 1."""


def color_jitter(
    key: jax.Array, images: Images, targets: Targets, options: AugmentConfig
) -> tuple[Images, Targets]:
    """Another brightness, contrast, saturation and hue for each image.

    A grey image gets another brightness and contrast alone. Each factor is drawn evenly from
    1 - s to 1 + s, where s is ``options.jitter``; hues turn by up to a quarter of s.
    """
    strength, count = options.strength("jitter"), images.shape[0]
    keys = jax.random.split(key, 4)
    brightness, contrast, saturation = (
        jax.random.uniform(key, (count,), images.dtype, 1 - strength, 1 + strength)
        for key in keys[:3]
    )
    turn = HUE * strength
    hue = jax.random.uniform(keys[3], (count,), images.dtype, minval=-turn, maxval=turn)
    return jax.vmap(_colored)(images, brightness, contrast, saturation, hue), targets


def _colored(
    image: jax.Array,
    brightness: jax.Array,
    contrast: jax.Array,
    saturation: jax.Array,
    hue: jax.Array,
) -> jax.Array:
    """One image with other colours, in [0, 1]."""
    import dm_pix as pix

    image = jnp.clip(image * brightness, 0, 1)
    image = jnp.clip(pix.adjust_contrast(image, contrast), 0, 1)
    if image.shape[-1] == 3:
        with jax.numpy_dtype_promotion("standard"):  # PIX adds bools to floats
            image = pix.adjust_hue(pix.adjust_saturation(image, saturation), hue)
    return jnp.clip(image, 0, 1)


class Change(NamedTuple):
    """How much an image is changed; each number is an array of one for each image.

    Attributes:
        angle: rotation, in radians.
        shear_x: shear along the rows.
        shear_y: shear along the columns.
        shift_x: translation along the rows, as a share of the width.
        shift_y: translation along the columns, as a share of the height.
        brightness: a factor.
        contrast: a factor.
        saturation: a factor.
        sharpness: a factor.
        spread: whether each channel is stretched to the whole range (automatic contrast).
        evened: whether the brightnesses of each channel are evened out (equalization).
        solarize: pixels at this brightness and above are inverted.
        levels: how many steps of brightness are left.
    """

    angle: jax.Array
    shear_x: jax.Array
    shear_y: jax.Array
    shift_x: jax.Array
    shift_y: jax.Array
    brightness: jax.Array
    contrast: jax.Array
    saturation: jax.Array
    sharpness: jax.Array
    spread: jax.Array
    evened: jax.Array
    solarize: jax.Array
    levels: jax.Array


LARGEST = (math.pi / 6, 0.3, 0.3, 0.45, 0.45, 0.9, 0.9, 0.9, 0.9, 1.0, 1.0, 1.0, 4.0)
"""How much each number of a `Change` changes at magnitude 30.

Solarizing lowers its threshold from 1, posterizing the number of bits from 8. Automatic contrast
and equalization have no strength: they are done at any magnitude above 0.
"""

_DRAWN = 2
_IDENTITY = len(Change._fields)


def rand_augment(
    key: jax.Array, images: Images, targets: Targets, options: AugmentConfig
) -> tuple[Images, Targets]:
    """Two changes of each image, drawn from fourteen, all of one magnitude, in a fixed order.

    The fourteen are those of `Change` and none at all; the sign of a change is drawn as well. What
    moves out of the image is lost, and what comes in is black. Unlike in the paper, all that moves
    pixels is one interpolation.

    Reference: E. D. Cubuk, B. Zoph, J. Shlens, Q. V. Le, RandAugment: Practical automated data
    augmentation with a reduced search space, 2020.
    """
    count = images.shape[0]
    which_key, sign_key = jax.random.split(key)
    drawn = jax.random.randint(which_key, (count, _DRAWN), 0, _IDENTITY + 1)
    chosen = jax.nn.one_hot(drawn, _IDENTITY, dtype=bool).any(1)
    signs = jax.random.rademacher(sign_key, (count, _IDENTITY), images.dtype)
    part = jnp.where(chosen, options.strength("rand_magnitude") / 30, 0).astype(images.dtype)
    more = signs * part * jnp.array([LARGEST], images.dtype)
    change = Change(*more.T)
    change = change._replace(
        brightness=1 + change.brightness,
        contrast=1 + change.contrast,
        saturation=1 + change.saturation,
        sharpness=1 + change.sharpness,
        spread=change.spread != 0,
        evened=change.evened != 0,
        solarize=jnp.where(part[:, -2] == 0, 2, 1 - abs(change.solarize)),  # 2 inverts nothing
        levels=2 ** (8 - abs(change.levels)),
    )
    return jax.vmap(_changed)(images, change), targets


def _changed(image: jax.Array, change: Change) -> jax.Array:
    """One image, moved and with other colours."""
    moved = _moved(image, change)
    colored = _colored(moved, change.brightness, change.contrast, change.saturation, jnp.float32(0))
    sharp = jnp.where(change.sharpness == 1, colored, sharpened(colored, change.sharpness))
    spread = jnp.where(change.spread, spread_out(sharp), sharp)
    evened = jnp.where(change.evened, evened_out(spread), spread)
    solarized = jnp.where(evened >= change.solarize, 1 - evened, evened)
    steps = jnp.floor(change.levels) - 1
    return jnp.where(change.levels < 256, jnp.round(solarized * steps) / steps, solarized)


def _moved(image: jax.Array, change: Change) -> jax.Array:
    """One image rotated, sheared and shifted about its centre."""
    import dm_pix as pix

    height, width, _ = image.shape
    cos, sin = jnp.cos(change.angle), jnp.sin(change.angle)
    turned = jnp.array([[cos, -sin], [sin, cos]])
    sheared = jnp.array([[1.0, change.shear_y], [change.shear_x, 1.0]])
    matrix = turned @ sheared
    centre = (jnp.array([height, width]) - 1) / 2
    shift = jnp.stack([change.shift_y * height, change.shift_x * width])
    offset = centre - matrix @ centre + shift
    whole = jnp.eye(3).at[:2, :2].set(matrix)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        return pix.affine_transform(
            image, whole, offset=jnp.append(offset, 0.0), order=1, mode="constant"
        )
