"""Sharded arrays keep native code, and move no more between devices than they have to."""

import pytest

from tests.engine.test_direct import NATIVE, run

PROGRAM = """
import os, sys
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
import jax, jax.numpy as jnp, numpy as np
from jax import lax
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
import jaxcnn as jc

kind, groups, spread, accelerated = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
axis = getattr(AxisType, kind)
mesh = jax.make_mesh((4, 2), ("data", "model"), axis_types=(axis, axis))
random = np.random.default_rng(0)
x = random.standard_normal((16, 9, 9, 8), np.float32)
k = random.standard_normal((3, 3, 8 // groups, 16), np.float32)

def with_lax(x, k):
    y = lax.conv_general_dilated(
        x, k, (1, 1), "SAME", feature_group_count=groups,
        dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return lax.reduce_window(y, -np.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), "VALID")

def ours(x, k):
    return jc.max_pool2d(jc.conv2d(x, k, padding=1, groups=groups), 3, stride=2)

network = with_lax if accelerated == "lax" else ours
both = jax.value_and_grad(lambda x, k: (network(x, k) ** 2).sum(), (0, 1))
want = jax.jit(both)(x, k)
if accelerated == "lax":
    jc.accelerate()
with jax.set_mesh(mesh):
    xs = jax.device_put(x, NamedSharding(mesh, P("data")))
    ks = jax.device_put(k, NamedSharding(mesh, P(None, None, None, "model" if spread == "model" else None)))
    forward = jax.jit(network).lower(xs, ks).compile()
    backward = jax.jit(both).lower(xs, ks).compile()
    got = backward(xs, ks)
for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want)):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * np.abs(b).max())
moves = ("all-gather", "all-to-all", "collective-permute", "all-reduce")
print(forward(xs, ks).sharding.spec[0], got[1][1].sharding.spec[-1:])
for program in (forward, backward):
    text = program.as_text()
    print(*sorted({name for name in moves if f" {name}(" in text}),
          *sorted({name for name in ("jaxcnn_convolution", "jaxcnn_kernel_gradient", "jaxcnn_max_pool_", "jaxcnn_max_pool_gradient") if name in text}))
"""

FORWARD = ["jaxcnn_convolution", "jaxcnn_max_pool_"] if NATIVE else []
BACKWARD = ["jaxcnn_kernel_gradient", "jaxcnn_max_pool_gradient"] if NATIVE else []


def seen(*words):
    places, forward, backward = run(PROGRAM, *words, JAXCNN_NATIVE=str(int(NATIVE))).splitlines()
    return places, forward.split(), backward.split()


@pytest.mark.parametrize("groups", ["1", "2", "8"])
@pytest.mark.parametrize("kind", ["Explicit", "Auto"])
def test_each_device_convolves_its_images(kind, groups):
    places, forward, backward = seen(kind, groups, "whole", "ours")
    assert places.startswith("data ")
    assert forward == FORWARD
    assert backward == sorted(["all-reduce", *FORWARD, *BACKWARD])


@pytest.mark.parametrize("kind", ["Explicit", "Auto"])
def test_each_device_convolves_with_its_kernels(kind):
    places, forward, backward = seen(kind, "1", "model", "ours")
    assert places in ("data ('model',)", "data P('model',)")
    assert forward == FORWARD
    assert backward == sorted(["all-reduce", *FORWARD, *BACKWARD])


@pytest.mark.parametrize("kind", ["Explicit", "Auto"])
def test_programs_of_others_are_accelerated_on_several_devices(kind):
    places, forward, backward = seen(kind, "2", "whole", "lax")
    assert places.startswith("data ")
    assert forward == FORWARD
    assert backward == sorted(["all-reduce", *FORWARD, *BACKWARD])
