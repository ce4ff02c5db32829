"""Sharded arrays keep native code, and move no more between devices than they have to."""

import pytest

from tests.engine.test_direct import NATIVE, run

PROGRAM = """
import os, sys
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
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


@pytest.mark.parametrize(
    ("kind", "groups"),
    [
        *(("Explicit", "1"), ("Explicit", "8"), ("Auto", "2")),
        pytest.param("Explicit", "2", marks=pytest.mark.deep),
        pytest.param("Auto", "1", marks=pytest.mark.deep),
        pytest.param("Auto", "8", marks=pytest.mark.deep),
    ],
)
@pytest.mark.slow
def test_each_device_convolves_its_images(kind, groups):
    places, forward, backward = seen(kind, groups, "whole", "ours")
    assert places.startswith("data ")
    assert forward == FORWARD
    assert backward == sorted(["all-reduce", *FORWARD, *BACKWARD])


@pytest.mark.parametrize("kind", ["Explicit", "Auto"])
@pytest.mark.slow
def test_each_device_convolves_with_its_kernels(kind):
    places, forward, backward = seen(kind, "1", "model", "ours")
    assert places in ("data ('model',)", "data P('model',)")
    assert forward == FORWARD
    assert backward == sorted(["all-reduce", *FORWARD, *BACKWARD])


@pytest.mark.parametrize("kind", ["Explicit", "Auto"])
@pytest.mark.slow
def test_programs_of_others_are_accelerated_on_several_devices(kind):
    places, forward, backward = seen(kind, "2", "whole", "lax")
    assert places.startswith("data ")
    assert forward == FORWARD
    assert backward == sorted(["all-reduce", *FORWARD, *BACKWARD])


EVERYWHERE = """
import os, sys
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
import jaxcnn as jc

kinds = tuple(getattr(AxisType, name) for name in sys.argv[1:])
mesh = jax.make_mesh((4, 2), ("data", "model"), axis_types=kinds)
random = np.random.default_rng(0)
x = random.standard_normal((16, 8, 8, 8), np.float32)
k = random.standard_normal((3, 3, 8, 16), np.float32)
gradient = jax.grad(lambda x, k: (jc.max_pool2d(jc.conv2d(x, k, padding=1), 2) ** 2).sum(), (0, 1))
want = jax.jit(gradient)(x, k)
want_pushed = jax.jit(lambda x, k: jax.jvp(lambda k: gradient(x, k), (k,), (k,))[1])(x, k)

def place(array, *spec):
    return jax.device_put(array, NamedSharding(mesh, P(*spec)))

def same(got, want=want):
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * np.abs(b).max())

with jax.set_mesh(mesh):
    for images, kernel in (
        (("data",), ()), (("data",), (None, None, None, "model")), ((None, "data"), ()),
        (("data", None, None, "model"), ()), ((("data", "model"),), ()), ((), ()),
        (("data",), (None, None, None, "data")), (("data",), (None, None, "model")),
    ):
        same(jax.jit(gradient)(place(x, *images), place(k, *kernel)))
    here, there = place(x, "data"), place(k)
    same(gradient(here, there))
    remembered = jax.jit(lambda x, k: jax.vjp(jax.checkpoint(lambda k: gradient(x, k)[0]), k)[0])
    same([remembered(here, there)], want[:1])
    looped = jax.jit(lambda x, k: jax.lax.scan(lambda c, _: (c, gradient(x, k)), 0, None, length=2)[1])
    same([g[1] for g in looped(here, there)])
    pushed = jax.jit(lambda x, k: jax.jvp(lambda k: gradient(x, k), (k,), (k,))[1])
    same(pushed(here, there), want_pushed)
    members = jax.jit(jax.vmap(gradient, (0, None)))(place(x.reshape(4, 4, 8, 8, 8), "data"), there)
    same([np.reshape(members[0], x.shape), np.sum(members[1], 0)])
    exported = jax.export.export(jax.jit(gradient), platforms=["cpu"])(here, there)
    same(exported.call(here, there))
same(jax.jit(gradient)(place(x, "data"), place(k)))
print("equal")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "kinds",
    [
        pytest.param(("Explicit", "Explicit"), marks=pytest.mark.deep),
        ("Explicit", "Auto"),
        pytest.param(("Auto", "Auto"), marks=pytest.mark.deep),
    ],
    ids="-".join,
)
def test_every_placement_and_transformation_gives_the_same_numbers(kinds):
    assert run(EVERYWHERE, *kinds, JAXCNN_NATIVE=str(int(NATIVE))) == "equal\n"


@pytest.mark.slow
def test_grouped_convolutions_are_cut_on_accelerators_too():
    assert run(ON_CUDA) == "3\n"


@pytest.mark.slow
def test_programs_without_devices_and_meshes_that_are_not_set():
    assert run(MESHES, JAXCNN_NATIVE=str(int(NATIVE))) == "lowered\nequal\n"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Explicit", "Auto"])
def test_joined_convolutions_give_the_same_numbers(kind):
    assert run(JOINED, kind, JAXCNN_NATIVE=str(int(NATIVE))) == "equal\n"


JOINED = """
import os, sys
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
import jax, jax.numpy as jnp, numpy as np, jaxcnn as jc
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P

mesh = jax.make_mesh((4, 2), ("data", "model"), axis_types=(getattr(AxisType, sys.argv[1]),) * 2)
random = np.random.default_rng(0)
x = random.standard_normal((16, 8, 8, 16), np.float32)
k = random.standard_normal((3, 3, 16, 16), np.float32)
b = random.standard_normal((16,), np.float32)
block = jc.fuse(lambda x, k, b: jax.nn.relu(jc.conv2d(x, k, b, padding=1) + x))
gradient = jax.grad(lambda *args: (block(*args) ** 2).sum(), (0, 1, 2))
want = jax.jit(lambda *args: (block(*args), *gradient(*args)))(x, k, b)
NATIVE = os.environ["JAXCNN_NATIVE"] == "1"

def place(array, *spec):
    return jax.device_put(array, NamedSharding(mesh, P(*spec)))

with jax.set_mesh(mesh):
    for images, kernel, bias in (
        (("data",), (), ()), (("data",), (None, None, None, "model"), ("model",)), ((None, "data"), (), ()),
    ):
        there = place(x, *images), place(k, *kernel), place(b, *bias)
        for got, one in zip(jax.jit(lambda *args: (block(*args), *gradient(*args)))(*there), want):
            np.testing.assert_allclose(got, one, rtol=0, atol=1e-5 * np.abs(one).max())
    each = jax.shard_map(block, in_specs=(P("data"), P(), P()), out_specs=P("data"),
                         axis_names={"data", "model"})
    there = place(x, "data"), place(k), place(b)
    np.testing.assert_allclose(jax.jit(each)(*there), want[0], rtol=0, atol=1e-4)
    assert NATIVE == ("jaxcnn_completed" in jax.jit(each).lower(*there).as_text())
print("equal")
"""


MESHES = """
import os
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
import jax, jax.numpy as jnp, numpy as np, jaxcnn as jc
from jax.sharding import AbstractMesh, AxisType, NamedSharding, PartitionSpec as P

def network(x, k):
    return jc.max_pool2d(jc.conv2d(x, k, padding=1, groups=2), 2)

NATIVE = os.environ["JAXCNN_NATIVE"] == "1"
random = np.random.default_rng(0)
x = random.standard_normal((24, 8, 8, 8), np.float32)
k = random.standard_normal((3, 3, 4, 16), np.float32)
auto = AbstractMesh((64,), ("data",), axis_types=(AxisType.Auto,))
with jax.sharding.use_abstract_mesh(auto):
    shapes = [jax.ShapeDtypeStruct((64, *x.shape[1:]), x.dtype, sharding=NamedSharding(auto, P("data"))),
              jax.ShapeDtypeStruct(k.shape, k.dtype, sharding=NamedSharding(auto, P()))]
    for platform in ("cpu", "cuda", "tpu"):
        jax.jit(network).trace(*shapes).lower(lowering_platforms=(platform,)).as_text()
print("lowered")
devices = np.array(jax.devices()[:6])
mesh = jax.sharding.Mesh(devices.reshape(3, 2), ("a", "b"))
gradient = jax.jit(jax.grad(lambda x, k: (network(x, k) ** 2).sum(), (0, 1)))
want = gradient(x, k)
for first in (P("a"), P("b"), P(("a", "b")), P("a", None, None, "b")):
    there = jax.device_put(x, NamedSharding(mesh, first))
    assert NATIVE == ("jaxcnn_convolution" in gradient.lower(there, k).compile().as_text())
    for a, b in zip(gradient(there, k), want):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * np.abs(b).max())
print("equal")
"""


ON_CUDA = """
import os
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
import jax, numpy as np, jaxcnn as jc
from jax.sharding import NamedSharding, PartitionSpec as P

mesh = jax.make_mesh((8,), ("data",))
gradient = jax.grad(lambda x, k: (jc.conv2d(x, k, groups=2) ** 2).sum(), (0, 1))
with jax.set_mesh(mesh):
    x = jax.device_put(np.ones((8, 9, 9, 8), np.float32), NamedSharding(mesh, P("data")))
    k = jax.device_put(np.ones((3, 3, 4, 16), np.float32), NamedSharding(mesh, P()))
    lowered = jax.jit(gradient).trace(x, k).lower(lowering_platforms=("cuda",)).as_text()
    # Each of the three convolutions is computed part by part.
    print(lowered.count("sdy.manual_computation"))
"""
