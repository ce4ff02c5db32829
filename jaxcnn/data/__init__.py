"""Data sets as NumPy arrays: pixels in [0, 1], channels last, one fixed split.

>>> digits = jc.data.load_dataset("digits")
>>> digits.train.images.shape, digits.test.labels.shape
((1438, 28, 28, 1), (359,))
"""

from jaxcnn.data.catalogue import DATASETS, load_dataset
from jaxcnn.data.dataset import Dataset, Split
from jaxcnn.data.errors import DataError
from jaxcnn.data.inputs import read_input
from jaxcnn.data.transform import Transform

__all__ = ["DATASETS", "DataError", "Dataset", "Split", "Transform", "load_dataset", "read_input"]
