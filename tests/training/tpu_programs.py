"""Whole train steps compiled for TPUs that are not here: ``python -m tests.training.tpu_programs``.

The wheel `libtpu` of PyPI has the compiler of TPUs, which needs none. It is large, so `make tpu`
installs it into an environment of its own, and no other target asks for it. What a program holds
is printed as a table, and what must not be in it ends the command with status 1.
"""

import argparse
import os
import re
import sys

import optax
from jax.experimental import topologies
from jax.sharding import AxisType, Mesh

from jaxcnn.models import MODELS
from jaxcnn.training.costs import exchanged, step_program
from jaxcnn.training.precision import PRECISIONS
from jaxcnn.training.spread import AXIS, Spread

NETWORKS = {"lenet": (28, 28, 1), "resnet18": (64, 64, 3), "mobilenet_v2": (64, 64, 3)}
EACH = 16
"""Images of a batch for each chip."""


def compiled(name, precision, spread):
    """The train step of a model for the chips of a mesh."""
    step, *like = step_program(
        MODELS[name](10), optax.sgd(0.1, momentum=0.9), NETWORKS[name], EACH * spread.size, spread,
        precision=PRECISIONS[precision],
    )  # fmt: skip
    return step.lower(*like).compile()


def faults(program, precision, spread):
    """What must not be in a program."""
    kinds = set(re.findall(r"= (\w+)\[[\d,]*\]\S* convolution\(", program))
    if "f64[" in program:
        yield "float64"
    if precision == "float32" and kinds - {"f32"}:
        yield f"convolutions in {kinds}"
    if re.search(r'custom_call_target="jaxcnn', program):
        yield "native code"
    found = set(exchanged(program))
    allowed = {"all-reduce"} | ({"all-gather", "reduce-scatter"} if spread.fsdp else set())
    if spread.size > 1 and not found:
        yield "no sums over the chips"
    if found - (allowed if spread.size > 1 else set()):
        yield f"exchanges by {sorted(found - allowed)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--topology", default="v5e:2x4", help="the chips, as Cloud TPU names them")
    parser.add_argument("--only", choices=NETWORKS, help="this model alone")
    options = parser.parse_args()
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")  # do not ask a cloud what machine this is
    chips = topologies.get_topology_desc(platform="tpu", topology_name=options.topology).devices
    wrong = 0
    for name in [options.only] if options.only else NETWORKS:
        for precision in ("float32", "mixed_bfloat16"):
            for count, fsdp in ((1, False), (len(chips), False), (len(chips), True)):
                mesh = Mesh(chips[:count], (AXIS,), axis_types=(AxisType.Auto,))
                spread = Spread(mesh, fsdp)
                made = compiled(name, precision, spread)
                program = made.as_text()
                found = list(faults(program, precision, spread))
                wrong += bool(found)
                flops = made.cost_analysis()["flops"] / 1e9
                temporary = made.memory_analysis().temp_size_in_bytes / 1e6
                shared = ", ".join(f"{k} {v / 1e6:.2f} MB" for k, v in exchanged(program).items())
                print(
                    f"{name:13} {precision:15} {count} chips{' fsdp' if fsdp else '':5} "
                    f"{flops:8.2f} GFLOP {temporary:8.1f} MB temporary  {shared or 'no exchange'}: "
                    f"{'; '.join(found) or 'as wanted'}",
                    flush=True,
                )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
