"""How a convolution or a pooling is computed; what it means is said in `jaxcnn.ops`."""

from jaxcnn.engine.choice import ALGORITHMS, convolve

__all__ = ["ALGORITHMS", "convolve"]
