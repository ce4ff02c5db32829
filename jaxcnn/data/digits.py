"""The embedded default: 1,797 handwritten digits that come with scikit-learn."""

import numpy as np
from jaxtyping import Bool, Integer

from jaxcnn.data.dataset import Dataset, split_of
from jaxcnn.data.transform import Transform

TRANSFORM = Transform(size=(28, 28), scale=1 / 16)
"""The digits are 8×8 with 17 grey levels; LeNet wants the size of MNIST's."""


def load_digits() -> Dataset:
    """scikit-learn's digits, resized to 28×28: 1,438 to learn from, 359 to measure on.

    Returns:
        The data set; needs no network and no files of its own.

    Reference: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine
    Learning Repository, 1998; scikit-learn holds its test part.
    """
    # Half a second, which a run on another data set need not wait for.
    from sklearn import datasets

    images, labels = datasets.load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8)
    test = held_out(labels)
    return Dataset(
        name="digits",
        train=split_of(images[~test], labels[~test], TRANSFORM),
        test=split_of(images[test], labels[test], TRANSFORM),
        class_names=tuple("0123456789"),
        transform=TRANSFORM,
        source="scikit-learn",
    )


def held_out(labels: Integer[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """Which examples are held out: of each class, the middle one of every five.

    No random numbers, so that the split is the same with every version of every library, and
    each class gives a fifth of its images (rounded to the nearest) to the test split.
    """
    mask = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        mask[np.flatnonzero(labels == label)[2::5]] = True
    return mask
