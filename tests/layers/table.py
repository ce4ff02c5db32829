"""Write docs/layers.md from what the tests of this run found: ``python -m tests.layers.table``."""

import collections
import pathlib
import sys

import pytest

from tests.outcomes import Recorder

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "layers.md"

PROPERTIES = {
    "eval": "evaluation",
    "train": "training",
    "rebuild": "rebuilt",
    "jit": "jit",
    "vmap": "members",
    "hessian": "second derivatives",
    "flops": "FLOPs",
    "field": "receptive field",
    "onnx": "ONNX",
    "torch": "torch",
    "stablehlo": "StableHLO",
    "safetensors": "safetensors",
    "weights": "torch weights",
}
"""The columns: the name of a property, as a test says it to `proving`, and its heading."""

TESTS = ("tests/layers/test_cases.py", "tests/interop/test_layer_cases.py")
"""Where properties are proven; a test elsewhere that says its layer's kind is listed here, too."""

INTRODUCTION = """# Layers

A layer is two pure functions and one description:

```python
import jax
from jaxcnn.layers import BatchNorm, Conv2d, Dense, GlobalAvgPool, Residual, Sequential, summary

body = Sequential(
    conv1=Conv2d(8, 3, padding=1, bias=False),
    norm1=BatchNorm(),
    conv2=Conv2d(8, 3, padding=1),
)
model = Sequential(
    stem=Conv2d(8, 3, padding=1),
    block=Residual(body, activation="relu", inline=True),
    pool=GlobalAvgPool(),
    head=Dense(10),
)
params, state = model.init(jax.random.key(0), (1, 32, 32, 3))
x = jax.random.normal(jax.random.key(1), (2, 32, 32, 3))
y, state = model.apply(params, state, x, train=True, key=jax.random.key(2))
print(summary(model, x.shape))
```

- **Names.** Parameters are nested dicts: `params["block"]["conv1"]["kernel"]`. Layers by position
  are named `"0"`, `"1"`, …. `inline=True` puts the names of a body's or a branch's parts into the
  layer around it, and so does `Inline(layer)` for one layer of a `Sequential`. Names that would be
  the same are refused.
- **Initialization.** Each parameter is drawn from the model's key folded with the names on its path. It
  depends on the key, its path and its shape alone: inserting or renaming a layer changes no
  other, and neither do shortcuts, `inline=True` or `Remat`. Layers by position are renamed by
  an insertion before them: name the layers whose parameters you want to keep.
- **A layer of your own** is `Layer(init, apply)`. It works everywhere; its FLOPs and receptive
  field are reported as unknown. `@described` above a constructor of your own makes its layers
  printable and rebuildable; `combined` makes a layer out of layers from one function that says how
  they are connected.
- **Changing a model.** `map_layers(model, change)` gives a new model; `rebuild(layer, padding=1)`
  the same layer with another option; `synchronized(model, axis)` batch normalizations over
  devices; `fold_batch_norm(model, params, state)` a model for inference without them.
- **FLOPs** are those of convolutions and dense layers, two for each multiply-add, padding counted
  as pixels: what XLA counts for the plain `lax` program of a padded input. Biases, normalizations,
  activations and pools are not counted.
- **Receptive fields** are the part of the input that one output depends on, at evaluation and away
  from the borders; that of branches is the smallest box around the fields of all branches.

## What was tested of each layer

Written by `python -m tests.layers.table` from the outcomes of the tests; not edited by hand. A
number says in how many cases of the layer the property held, `n/m` that it held in n of m, and —
that there is nothing to compare: no multiply-adds, no spatial axes, or a function of one's own,
which ONNX and torch refuse by name.

- **evaluation**, **training**: finite results of the right shape and dtype under strict promotion
  of dtypes and ranks; at evaluation no example depends on another.
- **rebuilt**: a layer built anew from the description draws and computes the same.
- **jit**: equal to the eager call; **members**: two seeds under `vmap`, each equal to itself alone.
- **second derivatives**: equal to differences of the gradient, in float64.
- **FLOPs**: equal to XLA's own count; **receptive field**: equal to the one found by gradients.
- **ONNX**, **torch**, **StableHLO**: what is exported and computed by ONNX Runtime, torch and JAX
  alone is equal to 1e-5 of the largest output, for one input and for more; **safetensors**: the
  parameters themselves.
- **torch weights**: out and in again; and what torch has drawn gives the same result here, and
  comes out as it came in.

"""


def page(recorder: Recorder, old: str) -> str:
    """The whole of docs/layers.md, from what it was."""
    # pytest wants to import first what it rewrites.
    from tests.layers.cases import CASES

    cases = collections.Counter(case.kind for case in CASES)
    return INTRODUCTION + recorder.table("layer", cases, PROPERTIES, old)


def main(arguments: list[str]) -> int:
    """Run every property of every case (or what ``arguments`` select) and write the page."""
    recorder = Recorder()
    status = pytest.main([*TESTS, "-q", "-m", "", *arguments], plugins=[recorder])
    PAGE.write_text(page(recorder, PAGE.read_text() if PAGE.exists() else ""))
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
