"""What a refusal must say."""

import pytest

from jaxcnn.data import DataError, load_dataset

WAYS = (
    r"--data-dir with the four IDX files \(train-images-idx3-ubyte, train-labels-idx1-ubyte, "
    r"t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte; gzipped or not\), or "
    "--data-dir with a TFDS folder that holds {name} prepared as array_record, or "
    r'a network connection for a download by TFDS \(with pip install "jaxcnn\[tfds-prepare\]"\)'
)


def refused(message: str, name: str = "mnist", **options) -> None:
    with pytest.raises(DataError, match=f"^{message}$") as caught:
        load_dataset(name, **options)
    assert "\n" not in str(caught.value)


# Prepared data.
