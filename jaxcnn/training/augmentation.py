"""Images changed at random while a model learns from them, so that it sees none of them twice.

All of it happens inside the compiled step, and what is drawn depends on the seed and the number
of the step alone: a resumed run sees the images that an unbroken one sees.
"""

from collections.abc import Callable

import jax

from jaxcnn.training.augment_options import Augmentation, AugmentConfig
from jaxcnn.training.color_changes import color_jitter, rand_augment
from jaxcnn.training.image_changes import (
    Images,
    Targets,
    cutmix,
    cutout,
    erasing,
    flip,
    mixup,
    pad_crop,
    resized_crop,
)

Augment = Callable[[jax.Array, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]
"""``(key, images, labels) -> (images, targets)``, the targets a distribution over the classes."""

STREAM = 0x61756D67
"""Keeps what is drawn here apart from what the layers draw, which number their keys from 0."""


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
        Images and targets of the same shapes; only mixup and cutmix change targets.

    >>> images, targets = jnp.ones((2, 4, 4, 1)), jnp.eye(2)
    >>> options = AugmentConfig(("cutout",), cutout_size=4)
    >>> changed, _ = augment(jax.random.key(0), images, targets, options)
    >>> bool((changed.sum((1, 2, 3)) < 16).all())
    True
    """
    for name, (stream, change) in _CHANGES.items():
        if name in options.augment:
            its_key = jax.random.fold_in(key, stream)
            images, targets = change(its_key, images, targets, options)
    return images, targets


_CHANGES: dict[Augmentation, tuple[int, Callable[..., tuple[Images, Targets]]]] = {
    "resized-crop": (5, resized_crop),
    "pad-crop": (0, pad_crop),
    "flip": (1, flip),
    "rand-augment": (6, rand_augment),
    "color-jitter": (7, color_jitter),
    "cutout": (2, cutout),
    "erasing": (8, erasing),
    "mixup": (3, mixup),
    "cutmix": (4, cutmix),
}
"""In the order in which they are applied, with the number of the random stream of each."""
