"""How a convolution or a pooling is computed; what it means is said in `jaxcnn.ops`."""

from jaxcnn.engine.choice import ALGORITHMS, convolve
from jaxcnn.engine.max_pool import max_pool, max_positions
from jaxcnn.engine.sum_pool import sum_pool
from jaxcnn.engine.windows import Windows

__all__ = ["ALGORITHMS", "Windows", "convolve", "max_pool", "max_positions", "sum_pool"]
