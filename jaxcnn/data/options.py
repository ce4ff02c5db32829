"""The options of a data set: its splits, and the size and channels of its images."""

from dataclasses import dataclass
from typing import Literal

from jaxcnn.data.errors import DataError

LARGEST_SIZE = 4096
"""The largest height and width that images may be resized to."""

AS_A_FOLDER = "--dataset image_folder --data-dir DIR"
"""The options that read pictures from a folder with a subfolder for each class."""


@dataclass(frozen=True)
class DataOptions:
    """The options of a data set: its splits, and the size and channels of its images.

    Attributes:
        split: The training images, as TFDS writes splits: train, train[:80%], train+validation.
        test_split: The test images, written likewise; no image may be in both splits.
        validation: Share of the training images, such as 0.1, that is held out of each class; they
            choose the best checkpoint, the best learning rate and when to stop; left out, none.
        validation_seed: The seed that draws the validation images.
        image_size: Height and width that images are resized to; left out, they stay as they are.
        resize_shorter: Length that the shorter side is resized to before the middle of --image-size
            is cut out, 256 for 224, for example; left out, height and width are resized to
            --image-size, each by itself.
        random_crop: Smallest share of a picture that a training image is, a random part of it that
            is resized to --image-size and read anew in each epoch, 0.08 for example; left out,
            training images are prepared like all others.
        channels: 1 for grey, 3 for colour; left out, as the images are.
        strict: Refuse files of an image folder that are no images, instead of skipping them.
    """

    split: str = "train"
    test_split: str = "test"
    validation: float | None = None
    validation_seed: int = 0
    image_size: int | None = None
    resize_shorter: int | None = None
    random_crop: float | None = None
    channels: Literal[1, 3] | None = None
    strict: bool = False

    def check(self) -> None:
        """Refuse values that are wrong for every data set.

        Raises:
            DataError: if the size or the number of channels is out of range, or of another type.
        """
        for flag, value in (("--split", self.split), ("--test-split", self.test_split)):
            if not isinstance(value, str):
                raise DataError(f"{flag} must be text, got {value!r}")
        share = self.validation
        if share is not None and not (type(share) in (int, float) and 0 < share < 1):
            raise DataError(f"--validation must be between 0 and 1, got {share!r}")
        if type(self.validation_seed) is not int or not 0 <= self.validation_seed < 2**32:
            raise DataError(
                f"--validation-seed must be from 0 to 2**32 - 1, got {self.validation_seed!r}"
            )
        size = self.image_size
        if size is not None and type(size) is not int:
            raise DataError(f"--image-size must be a whole number, got {size!r}")
        if size is not None and not 1 <= size <= LARGEST_SIZE:
            raise DataError(f"--image-size must be from 1 to {LARGEST_SIZE}, got {size}")
        self._check_shorter()
        least = self.random_crop
        if least is not None and not (type(least) in (int, float) and 0 < least <= 1):
            raise DataError(f"--random-crop must be above 0 and at most 1, got {least!r}")
        if self.channels not in (None, 1, 3):
            raise DataError(f"--channels must be 1 or 3, got {self.channels}")

    def _check_shorter(self) -> None:
        shorter = self.resize_shorter
        if shorter is None:
            return
        if self.image_size is None:
            raise DataError("--resize-shorter needs --image-size, the part that is cut out")
        if type(shorter) is not int or not self.image_size <= shorter <= LARGEST_SIZE:
            raise DataError(
                f"--resize-shorter must be from --image-size ({self.image_size}) to "
                f"{LARGEST_SIZE}, got {shorter!r}"
            )

    @property
    def size(self) -> tuple[int, int] | None:
        """The ``(height, width)`` that images are resized to, or ``None``."""
        return None if self.image_size is None else (self.image_size, self.image_size)
