"""The whole train step as a GPU or TPU gets it, on a machine that has neither.

Convolutions are plain convolutions of XLA, in the type of the precision; there is no float64 and no
call of native code; and of a batch that several devices share, the program says so.
"""

import re

import jax
import optax
import pytest
from jax.sharding import AbstractMesh, AxisType

from jaxcnn.models import MODELS
from jaxcnn.training.costs import step_program
from jaxcnn.training.precision import PRECISIONS
from jaxcnn.training.spread import ALONE, AXIS, Spread

EIGHT = AbstractMesh((8,), (AXIS,), axis_types=(AxisType.Auto,))
NETWORKS = {"lenet": (28, 28, 1), "resnet18": (64, 64, 3), "mobilenet_v2": (64, 64, 3)}
PLATFORMS = ("cuda", "rocm", "tpu")
CONVOLUTION = re.compile(r"stablehlo\.convolution\(.*\((tensor<\S+>), (tensor<\S+>)\) -> (tensor<\S+>)")  # fmt: skip


def lowered(name, precision, devices):
    """The step of a model, lowered for each platform."""
    step, *like = step_program(
        MODELS[name](10), optax.sgd(0.1, momentum=0.9), NETWORKS[name], 16, devices,
        precision=PRECISIONS[precision],
    )  # fmt: skip
    traced = step.trace(*like)
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
        # What has a bias is summed in float32 with it, and then rounded.
        kinds = {kind, "f32"} if name == "lenet" else {kind}
        assert {shape.rpartition("x")[2] for shape in shapes} == {f"{each}>" for each in kinds}
        taken = [shape for line in lines for shape in CONVOLUTION.search(line).groups()[:2]]
        assert {shape.rpartition("x")[2] for shape in taken} == {f"{kind}>"}
        # Of each kernel forward and both gradients; nobody wants the one in the first images.
        assert len(lines) == 3 * kernels - 1
        assert "f64" not in program
        assert "jaxcnn" not in "".join(re.findall(r"custom_call @\S+", program))
        assert ("sdy.sharding_constraint" in program) == (devices != "one")
