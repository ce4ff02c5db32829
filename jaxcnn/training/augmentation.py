"""Images changed at random while a model learns from them, so that it sees none of them twice.

All of it happens inside the compiled step, and what is drawn depends on the seed and the number
of the step alone: a resumed run sees the images that an unbroken one sees.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxcnn.errors import UserError

Augmentation = Literal["pad-crop", "flip", "cutout", "mixup", "cutmix"]
Images = Float[Array, "n h w c"]
Targets = Float[Array, "n classes"]
Augment = Callable[[jax.Array, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]
"""``(key, images, labels) -> (images, targets)``, the targets a distribution over the classes."""

STREAM = 0x61756D67
"""Keeps what is drawn here apart from what the layers draw, which number their keys from 0."""


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    """How training images are changed at random; images that are scored never are.

    Attributes:
        augment: Changes to training images, always in this order: pad-crop (a crop of the padded
            image), flip (half of the images, left to right), cutout (a black square), mixup (two
            images and their labels mixed), cutmix (a rectangle of another image, and its share of
            the label).
        crop_padding: Black pixels on each side before pad-crop; left out, 4.
        cutout_size: Height and width of cutout's square; left out, 8.
        mixup_alpha: Parameter of mixup's Beta distribution, 1 mixes most; left out, 0.2.
        label_smoothing: The share of each training label that is spread over all classes.
    """

    augment: tuple[Augmentation, ...] = ()
    crop_padding: int | None = None
    cutout_size: int | None = None
    mixup_alpha: float | None = None
    label_smoothing: float = 0.0

    @property
    def padding(self) -> int:
        """The padding given, or the usual one."""
        return 4 if self.crop_padding is None else self.crop_padding

    @property
    def square(self) -> int:
        """The size of the square given, or the usual one."""
        return 8 if self.cutout_size is None else self.cutout_size

    @property
    def alpha(self) -> float:
        """The parameter of the Beta distribution given, or the usual one."""
        return 0.2 if self.mixup_alpha is None else self.mixup_alpha


def check_augmentation(
    options: AugmentConfig, image_shape: tuple[int, int, int] | None = None
) -> None:
    """Refuse options that cannot be meant.

    Args:
        options: what is asked for.
        image_shape: ``(h, w, c)``, where it is known already.

    Raises:
        UserError: with one sentence that names the flag, what it may be and what it is.
    """
    if len(set(options.augment)) < len(options.augment):
        raise UserError(f"--augment names one twice: {' '.join(options.augment)}")
    for strength, augmentation in _STRENGTHS.items():
        if getattr(options, strength) is not None and augmentation not in options.augment:
            raise UserError(f"--{strength.replace('_', '-')} needs --augment {augmentation}")
    if not (math.isfinite(options.alpha) and options.alpha > 0):
        raise UserError(f"--mixup-alpha must be a positive number, got {options.alpha}")
    if not 0 <= options.label_smoothing < 1:
        raise UserError(
            f"--label-smoothing must be at least 0 and below 1, got {options.label_smoothing}"
        )
    side = math.inf if image_shape is None else min(image_shape[:2])
    _check_pixels("--crop-padding", "pad-crop", options, options.padding, side - 1)
    _check_pixels("--cutout-size", "cutout", options, options.square, side)


_STRENGTHS = {"crop_padding": "pad-crop", "cutout_size": "cutout", "mixup_alpha": "mixup"}


def _check_pixels(
    flag: str, augmentation: Augmentation, options: AugmentConfig, value: int, most: float
) -> None:
    if augmentation not in options.augment or 1 <= value <= most:
        return
    limit = "at least 1" if math.isinf(most) else f"from 1 to {most} for images of this size"
    raise UserError(f"{flag} must be {limit}, got {value}")


def make_augment(options: AugmentConfig, num_classes: int) -> Augment | None:
    """The function that a training step changes its images with; ``None`` where none is asked for.

    Args:
        options: which changes, and how strong.
        num_classes: how many entries the targets have.
    """
    if not options.augment and not options.label_smoothing:
        return None

    def changed(
        key: jax.Array, images: jax.Array, labels: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        targets = jax.nn.one_hot(labels, num_classes, dtype=images.dtype)
        targets = smoothed(targets, options.label_smoothing)
        return augment(jax.random.fold_in(key, STREAM), images, targets, options)

    return changed


def smoothed(targets: Targets, share: float) -> Targets:
    """Spread a share of each label over all classes: (1 − s) t + s / classes.

    Args:
        targets: a distribution over the classes for each image, ``(n, classes)``.
        share: how much is spread, at least 0 and below 1.

    Returns:
        Distributions of the same shape.

    >>> smoothed(jnp.array([[0.0, 1.0]]), 0.5)
    Array([[0.25, 0.75]], dtype=float32)

    Reference: C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, Rethinking the Inception
    Architecture for Computer Vision, 2016.
    """
    return (1 - share) * targets + share / targets.shape[-1] if share else targets


def augment(
    key: jax.Array, images: Images, targets: Targets, options: AugmentConfig
) -> tuple[Images, Targets]:
    """Change images at random, each in its own way.

    Args:
        key: draws the changes; each kind of change draws from a stream of its own, so that one
            more of them leaves the others as they are.
        images: ``(n, h, w, c)``.
        targets: a distribution over the classes for each image, ``(n, classes)``.
        options: which changes, and how strong.

    Returns:
        Images and targets of the same shapes; only mixup changes targets.

    >>> images, targets = jnp.ones((2, 4, 4, 1)), jnp.eye(2)
    >>> options = AugmentConfig(("cutout",), cutout_size=4)
    >>> changed, _ = augment(jax.random.key(0), images, targets, options)
    >>> bool((changed.sum((1, 2, 3)) < 16).all())
    True
    """
    for number, (name, change) in enumerate(_CHANGES.items()):
        if name in options.augment:
            its_key = jax.random.fold_in(key, number)
            images, targets = change(its_key, images, targets, options)
    return images, targets


def _pad_crop(
    key: jax.Array, images: Images, targets: Targets, options: AugmentConfig
) -> tuple[Images, Targets]:
    """A crop of the first size out of the padded image, as ResNet learned CIFAR-10.

    Reference: K. He, X. Zhang, S. Ren, J. Sun, Deep Residual Learning for Image Recognition, 2016.
    """
    import dm_pix as pix

    count, height, width, channels = images.shape
    twice = 2 * options.padding
    padded = pix.pad_to_size(images, height + twice, width + twice)
    keys = jax.random.split(key, count)
    crop = (height, width, channels)
    return jax.vmap(lambda key, image: pix.random_crop(key, image, crop))(keys, padded), targets


def _flip(
    key: jax.Array, images: Images, targets: Targets, options: AugmentConfig
) -> tuple[Images, Targets]:
    """Left to right, with probability one half."""
    import dm_pix as pix

    keys = jax.random.split(key, images.shape[0])
    return jax.vmap(pix.random_flip_left_right)(keys, images), targets


def _cutout(
    key: jax.Array, images: Images, targets: Targets, options: AugmentConfig
) -> tuple[Images, Targets]:
    """A black square around a random pixel; a part of it may lie outside the image.

    Reference: T. DeVries, G. W. Taylor, Improved Regularization of Convolutional Neural Networks
    with Cutout, 2017.
    """
    count, height, width, _ = images.shape
    rows = _covered(jax.random.fold_in(key, 0), count, height, options.square)
    columns = _covered(jax.random.fold_in(key, 1), count, width, options.square)
    inside = rows[:, :, None, None] & columns[:, None, :, None]
    return jnp.where(inside, jnp.zeros((), images.dtype), images), targets


def _covered(key: jax.Array, count: int, length: int, square: int | jax.Array) -> jax.Array:
    """Which positions of an axis a square covers, for each image: ``(count, length)``."""
    centres = jax.random.randint(key, (count, 1), 0, length)
    offsets = jnp.arange(length)[None] - (centres - square // 2)
    return (offsets >= 0) & (offsets < square)


def _mixup(
    key: jax.Array, images: Images, targets: Targets, options: AugmentConfig
) -> tuple[Images, Targets]:
    """Each image mixed with another of the batch, in one proportion for the batch, as its target.

    Reference: H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz, mixup: Beyond Empirical Risk
    Minimization, 2018.
    """
    proportion_key, order_key = jax.random.split(key)
    share = jax.random.beta(proportion_key, options.alpha, options.alpha, dtype=images.dtype)
    others = jax.random.permutation(order_key, images.shape[0])
    mixed = (share * each + (1 - share) * each[others] for each in (images, targets))
    return tuple(mixed)  # type: ignore[return-value]


def _cutmix(
    key: jax.Array, images: Images, targets: Targets, options: AugmentConfig
) -> tuple[Images, Targets]:
    """A rectangle of another image of the batch, at one place for the batch.

    Its share of the pixels is drawn evenly from 0 to 1, less what lies outside the image, and is
    the other label's share of the target.

    Reference: S. Yun, D. Han, S. J. Oh, S. Chun, J. Choe, Y. Yoo, CutMix: Regularization Strategy
    to Train Strong Classifiers with Localizable Features, 2019.
    """
    share_key, order_key, row_key, column_key = jax.random.split(key, 4)
    count, height, width, _ = images.shape
    side = jnp.sqrt(jax.random.uniform(share_key, dtype=images.dtype))
    rows = _covered(row_key, 1, height, (side * height).astype(jnp.int32))
    columns = _covered(column_key, 1, width, (side * width).astype(jnp.int32))
    inside = rows[:, :, None, None] & columns[:, None, :, None]
    share = inside.mean(dtype=images.dtype)
    others = jax.random.permutation(order_key, count)
    mixed = jnp.where(inside, images[others], images)
    return mixed, (1 - share) * targets + share * targets[others]


_CHANGES: dict[Augmentation, Callable[..., tuple[Images, Targets]]] = {
    "pad-crop": _pad_crop,
    "flip": _flip,
    "cutout": _cutout,
    "mixup": _mixup,
    "cutmix": _cutmix,
}
"""In the order in which they are applied; the place is also the number of the random stream."""
