"""The whole train step as a GPU or TPU gets it, on a machine that has neither.

Convolutions are plain convolutions of XLA, in the type of the precision; there is no float64 and no
call of native code; and of a batch that several devices share, the program says so.
"""

import re

import jax
import jax.numpy as jnp
import optax
import pytest
from jax.sharding import AbstractMesh, AxisType

from jaxcnn.models import MODELS
from jaxcnn.training import Batch, init_state, keys_of, make_train_step
from jaxcnn.training.precision import PRECISIONS
from jaxcnn.training.spread import ALONE, AXIS, Spread

EIGHT = AbstractMesh((8,), (AXIS,), axis_types=(AxisType.Auto,))
NETWORKS = {"lenet": (28, 28, 1), "resnet18": (64, 64, 3), "mobilenet_v2": (64, 64, 3)}
PLATFORMS = ("cuda", "rocm", "tpu")
CONVOLUTION = re.compile(r"stablehlo\.convolution\(.*\((tensor<\S+>), (tensor<\S+>)\) -> (tensor<\S+>)")  # fmt: skip


def lowered(name, precision, devices):
    """The step of a model, lowered for each platform."""
    model = devices.of_model(PRECISIONS[precision].of(MODELS[name](10)))
    optimizer, keys, shape = optax.sgd(0.1, momentum=0.9), keys_of(0), NETWORKS[name]
    state = jax.eval_shape(lambda: init_state(model, optimizer, keys.init, (1, *shape)))
    step = make_train_step(model, optimizer, keys.noise)
    images: jax.ShapeDtypeStruct = jax.ShapeDtypeStruct((16, *shape), jnp.float32)
    batch = devices.dealt(Batch(images, jax.ShapeDtypeStruct((16,), jnp.int32)))
    state = devices.shapes(state, devices.of_state(state))
    traced = jax.jit(lambda state, batch: step(state, devices.shared(batch)), donate_argnums=0)
    traced = traced.trace(state, batch)
    return {each: traced.lower(lowering_platforms=(each,)).as_text() for each in PLATFORMS}


DEVICES = {"one": ALONE, "eight": Spread(EIGHT), "fsdp": Spread(EIGHT, fsdp=True)}


@pytest.mark.slow
@pytest.mark.parametrize("devices", DEVICES)
@pytest.mark.parametrize(("precision", "kind"), [("float32", "f32"), ("mixed_bfloat16", "bf16")])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_for_an_accelerator(name, precision, kind, devices):
    shape = (1, *NETWORKS[name])
    params, _ = jax.eval_shape(lambda: MODELS[name](10).init(jax.random.key(0), shape))
    kernels = sum(leaf.ndim == 4 for leaf in jax.tree.leaves(params))
    for program in lowered(name, precision, DEVICES[devices]).values():
        lines = [line for line in program.splitlines() if "stablehlo.convolution" in line]
        shapes = [shape for line in lines for shape in CONVOLUTION.search(line).groups()]
        # What has a bias is summed in float32 with it; then the gradients are in float32 as well.
        kinds = {kind, "f32"} if name == "lenet" else {kind}
        assert {shape.rpartition("x")[2] for shape in shapes} == {f"{each}>" for each in kinds}
        # Of each kernel forward and both gradients; nobody wants the one in the first images.
        assert len(lines) == 3 * kernels - 1
        assert "f64" not in program
        assert "jaxcnn" not in "".join(re.findall(r"custom_call @\S+", program))
        assert ("sdy.sharding_constraint" in program) == (devices != "one")
