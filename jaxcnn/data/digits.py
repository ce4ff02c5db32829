"""The default data set: 1,797 handwritten digits that scikit-learn includes."""

import numpy as np

from jaxcnn.data.arrays import ArrayExamples
from jaxcnn.data.dataset import Source
from jaxcnn.data.held_out import held_out_of
from jaxcnn.data.options import DataOptions
from jaxcnn.data.selection import Selection
from jaxcnn.data.transform import Transform

TRANSFORM = Transform(size=(28, 28), scale=1 / 16)
"""The size that the 8×8 digits are resized to: that of MNIST, which LeNet takes."""


def open_digits(options: DataOptions) -> Source:
    """Open scikit-learn's digits, resized to 28×28: 1,438 training and 359 test images.

    Args:
        options: another size, or colour, where wanted.

    Returns:
        The data set; needs no network and no files of its own.

    Reference: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine
    Learning Repository, 1998; scikit-learn holds its test part.
    """
    # Half a second, which a run on another data set need not wait for.
    from sklearn import datasets

    images, labels = datasets.load_digits(return_X_y=True)
    transform = Transform(options.size or TRANSFORM.size, TRANSFORM.scale, options.resize_shorter)
    examples = ArrayExamples(images.reshape(-1, 8, 8), labels, transform, options.channels)
    test = held_out_of(labels)
    return Source(
        name="digits",
        parts={
            "train": Selection.of(examples, np.flatnonzero(~test)),
            "test": Selection.of(examples, np.flatnonzero(test)),
        },
        class_names=tuple("0123456789"),
        transform=transform,
        origin="scikit-learn",
    )
