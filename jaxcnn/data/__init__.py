"""Data sets as NumPy arrays: pixels in [0, 1], channels last, fixed splits.

>>> digits = jc.data.load_dataset("digits")
>>> digits.train.images.shape, digits.test.labels.shape
((1438, 28, 28, 1), (359,))
"""

from jaxcnn.extras import require

require("jaxcnn.data", "train")

from jaxcnn.data.catalogue import DATASETS, load_dataset, open_dataset
from jaxcnn.data.dataset import Dataset, OpenDataset, Split, StreamedSplit
from jaxcnn.data.errors import DataError
from jaxcnn.data.inputs import read_input
from jaxcnn.data.options import DataOptions
from jaxcnn.data.transform import Transform

__all__ = [
    "DATASETS",
    "DataError",
    "DataOptions",
    "Dataset",
    "OpenDataset",
    "Split",
    "StreamedSplit",
    "Transform",
    "load_dataset",
    "open_dataset",
    "read_input",
]
