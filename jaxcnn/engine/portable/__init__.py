"""The convolution algorithms that are written in JAX's own operations, and parts of pooling."""

from jaxcnn.engine.algorithm import Algorithm
from jaxcnn.engine.portable.banded import BANDED
from jaxcnn.engine.portable.im2col import IM2COL
from jaxcnn.engine.portable.row_bands import ROW_BANDS
from jaxcnn.engine.portable.shifted_taps import SHIFTED_TAPS
from jaxcnn.engine.portable.tap_products import TAP_PRODUCTS
from jaxcnn.engine.portable.winograd import WINOGRAD
from jaxcnn.engine.portable.xla import LAX

PORTABLE: tuple[Algorithm, ...] = (
    TAP_PRODUCTS,
    SHIFTED_TAPS,
    IM2COL,
    BANDED,
    ROW_BANDS,
    WINOGRAD,
    LAX,
)
"""All of them, as `jaxcnn.engine.ALGORITHMS` lists them."""
