"""Max pooling and its derivatives, as JAX primitives.

On CPUs native code (``native/pools.h``) finds the maxima, and sends back to them, in one pass each.
A tangent is picked by the winners of ``x``, and a cotangent is sent back to them: each is the
other's transpose, and neither has a derivative in ``x``.
"""

import functools
from typing import Any

import jax
from jax.interpreters import ad

from jaxcnn.engine.pool_primitive import PoolPrimitive
from jaxcnn.engine.pool_windows import Windows
from jaxcnn.engine.portable import window_maxima

maxima = PoolPrimitive("jaxcnn_max_pool", window_maxima.maxima, "jaxcnn_max_pool")
pick = PoolPrimitive("jaxcnn_max_pool_pick", window_maxima.picked)
send_back = PoolPrimitive(
    "jaxcnn_max_pool_send_back", window_maxima.sent_back, "jaxcnn_max_pool_gradient"
)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def max_pool(x: jax.Array, windows: Windows) -> jax.Array:
    """The largest element of each window; a NaN in a window gives NaN."""
    y: jax.Array = maxima(x, windows=windows)
    return y


@max_pool.defjvp
def _max_pool_jvp(windows: Windows, primals: Any, tangents: Any) -> tuple[Any, Any]:
    (x,), (t,) = primals, tangents
    return max_pool(x, windows), pick(t, x, windows=windows)


def _derivative(
    primitive: PoolPrimitive, primals: Any, tangents: Any, *, windows: Windows
) -> tuple[Any, Any]:
    (t, x), (change, _) = primals, tangents
    y = primitive(t, x, windows=windows)
    if isinstance(change, ad.Zero):
        return y, ad.Zero(jax.typeof(y))
    return y, primitive(change, x, windows=windows)


def _transposed(other: PoolPrimitive, cotangent: Any, _: Any, x: Any, *, windows: Windows) -> Any:
    if isinstance(cotangent, ad.Zero):
        return None, None
    return other(cotangent, x, windows=windows), None


for _one, _other in ((pick, send_back), (send_back, pick)):
    ad.primitive_jvps[_one.primitive] = functools.partial(_derivative, _one)
    ad.primitive_transposes[_one.primitive] = functools.partial(_transposed, _other)
