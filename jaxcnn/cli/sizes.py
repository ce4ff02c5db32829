"""The sizes of images and batches that ``jaxcnn summary`` and ``jaxcnn plan`` are given."""

from collections.abc import Sequence

from jaxcnn.runs import UserError

LARGEST = 2**15
"""What an image's height, width and channels are below."""


def check_range(flag: str, number: int, limit: int) -> None:
    """Refuse a number that is not from 1 to below a limit.

    Raises:
        UserError: naming the option.
    """
    if not 1 <= number < limit:
        raise UserError(f"--{flag} must be from 1 to {limit - 1}, got {number}")


def image_of(image_size: Sequence[int], channels: int) -> tuple[int, int, int]:
    """The shape of an image, from ``--image-size`` and ``--channels``.

    Raises:
        UserError: if there are more than two sizes, or a number is out of range.
    """
    if len(image_size) not in (1, 2):
        raise UserError(f"--image-size must be 1 or 2 numbers, got {len(image_size)}")
    for size in image_size:
        check_range("image-size", size, LARGEST)
    check_range("channels", channels, LARGEST)
    return image_size[0], image_size[-1], channels
