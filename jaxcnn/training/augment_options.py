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
            to right), rand-augment (two of eleven changes), color-jitter, cutout (a black square),
            erasing (a rectangle of noise), mixup (two images and their labels mixed), cutmix (a
            rectangle of another image, and its share of the label).
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

    @property
    def least_area(self) -> float:
        """The smallest share of the image given, or the usual one."""
        return 0.08 if self.crop_area is None else self.crop_area

    @property
    def magnitude(self) -> float:
        """The magnitude of RandAugment given, or the usual one."""
        return 9.0 if self.rand_magnitude is None else self.rand_magnitude

    @property
    def jitter_strength(self) -> float:
        """The strength of the colour jitter given, or the usual one."""
        return 0.4 if self.jitter is None else self.jitter

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
    if not 0 < options.least_area <= 1:
        raise UserError(f"--crop-area must be above 0 and at most 1, got {options.least_area}")
    if not 0 <= options.magnitude <= 30:
        raise UserError(f"--rand-magnitude must be from 0 to 30, got {options.magnitude}")
    if not 0 < options.jitter_strength <= 1:
        raise UserError(f"--jitter must be above 0 and at most 1, got {options.jitter_strength}")
    if not 0 <= options.label_smoothing < 1:
        raise UserError(
            f"--label-smoothing must be at least 0 and below 1, got {options.label_smoothing}"
        )
    side = math.inf if image_shape is None else min(image_shape[:2])
    _check_pixels("--crop-padding", "pad-crop", options, options.padding, side - 1)
    _check_pixels("--cutout-size", "cutout", options, options.square, side)


_STRENGTHS = {
    "crop_area": "resized-crop",
    "crop_padding": "pad-crop",
    "cutout_size": "cutout",
    "rand_magnitude": "rand-augment",
    "jitter": "color-jitter",
    "mixup_alpha": "mixup",
}


def _check_pixels(
    flag: str, augmentation: Augmentation, options: AugmentConfig, value: int, most: float
) -> None:
    if augmentation not in options.augment or 1 <= value <= most:
        return
    limit = "at least 1" if math.isinf(most) else f"from 1 to {most} for images of this size"
    raise UserError(f"{flag} must be {limit}, got {value}")
