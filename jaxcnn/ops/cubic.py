"""The weights of bicubic interpolation (Keys's piecewise cubic).

The two pieces use nothing but products and sums, so they take NumPy arrays (weights made while
tracing) and JAX arrays (weights that depend on a grid) alike.

Reference: R. G. Keys, *Cubic convolution interpolation for digital image processing* (1981).
"""

from typing import Any

INTERPOLATING = -0.75
"""Keys's a in bicubic interpolation, as in PyTorch, TensorFlow 1 and OpenCV."""

SMOOTHING = -0.5
"""Keys's a in antialiased bicubic interpolation, as in PyTorch and Pillow."""


def near(distance: Any, a: float) -> Any:
    """The weight of a pixel at a distance of 0 to 1."""
    return ((a + 2) * distance - (a + 3)) * distance * distance + 1


def far(distance: Any, a: float) -> Any:
    """The weight of a pixel at a distance of 1 to 2."""
    return ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a


def four(t: Any, a: float) -> tuple[Any, Any, Any, Any]:
    """The weights of the pixels at -1, 0, 1 and 2 for a point at ``t`` in [0, 1)."""
    return far(t + 1, a), near(t, a), near(1 - t, a), far(2 - t, a)
