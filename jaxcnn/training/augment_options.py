"""Which random changes training images undergo, and how strong they are."""

import dataclasses
import math
from typing import Literal

from jaxcnn.errors import UserError

Augmentation = Literal[
    "resized-crop", "pad-crop", "flip", "rand-augment", "color-jitter", "cutout", "erasing",
    "mixup", "cutmix",
]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class AugmentConfig:
    """How training images are changed at random; images that are scored never are.

    Attributes:
        augment: Changes to training images, always in this order: resized-crop (a part of the
            image, enlarged), pad-crop (a crop of the padded image), flip (half of the images, left
            to right), rand-augment (two of fourteen changes), color-jitter, cutout (a black
            square), erasing (a rectangle of noise), mixup (two images and their labels mixed),
            cutmix (a rectangle of another image, and its share of the label).
        crop_area: The smallest share of the image that resized-crop leaves; left out, 0.08.
        crop_padding: Black pixels on each side before pad-crop; left out, 4.
        cutout_size: Height and width of cutout's square; left out, 8.
        rand_magnitude: How strong the changes of rand-augment are, from 0 to 30; left out, 9.
        jitter: How much color-jitter changes colours, above 0; left out, 0.4.
        mixup_alpha: Parameter of mixup's Beta distribution, 1 mixes most; left out, 0.2.
        label_smoothing: The share of each training label that is spread over all classes.
    """

    augment: tuple[Augmentation, ...] = ()
    crop_area: float | None = None
    crop_padding: int | None = None
    cutout_size: int | None = None
    rand_magnitude: float | None = None
    jitter: float | None = None
    mixup_alpha: float | None = None
    label_smoothing: float = 0.0

    def strength(self, name: str) -> float:
        """The strength of a change: as given, or the usual one.

        Args:
            name: a field of this class that `STRENGTHS` lists.

        >>> from jaxcnn.training.augment_options import AugmentConfig
        >>> AugmentConfig(("cutout",)).strength("cutout_size")
        8
        """
        given: float | None = getattr(self, name)
        return STRENGTHS[name][1] if given is None else given


STRENGTHS: dict[str, tuple[Augmentation, float]] = {
    "crop_area": ("resized-crop", 0.08),
    "crop_padding": ("pad-crop", 4),
    "cutout_size": ("cutout", 8),
    "rand_magnitude": ("rand-augment", 9.0),
    "jitter": ("color-jitter", 0.4),
    "mixup_alpha": ("mixup", 0.2),
}
"""Of each strength, the change that it belongs to, and its usual value."""


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
    for name, (augmentation, _) in STRENGTHS.items():
        if getattr(options, name) is not None and augmentation not in options.augment:
            raise UserError(f"--{name.replace('_', '-')} needs --augment {augmentation}")
    alpha, area = options.strength("mixup_alpha"), options.strength("crop_area")
    magnitude, jitter = options.strength("rand_magnitude"), options.strength("jitter")
    if not (math.isfinite(alpha) and alpha > 0):
        raise UserError(f"--mixup-alpha must be a positive number, got {alpha}")
    if not 0 < area <= 1:
        raise UserError(f"--crop-area must be above 0 and at most 1, got {area}")
    if not 0 <= magnitude <= 30:
        raise UserError(f"--rand-magnitude must be from 0 to 30, got {magnitude}")
    if not 0 < jitter <= 1:
        raise UserError(f"--jitter must be above 0 and at most 1, got {jitter}")
    if not 0 <= options.label_smoothing < 1:
        raise UserError(
            f"--label-smoothing must be at least 0 and below 1, got {options.label_smoothing}"
        )
    side = math.inf if image_shape is None else min(image_shape[:2])
    _check_pixels("crop_padding", options, side - 1)
    _check_pixels("cutout_size", options, side)


def _check_pixels(name: str, options: AugmentConfig, most: float) -> None:
    value = options.strength(name)
    if STRENGTHS[name][0] not in options.augment or 1 <= value <= most:
        return
    limit = "at least 1" if math.isinf(most) else f"from 1 to {most} for images of this size"
    raise UserError(f"--{name.replace('_', '-')} must be {limit}, got {value}")
