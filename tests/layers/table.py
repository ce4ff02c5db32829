"""Writes docs/layers.md from the results of the tests: ``python -m tests.layers.table``."""

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
"""The columns of the table: the name of a property in `proving`, and its heading."""

TESTS = ("tests/layers/test_cases.py", "tests/interop/test_layer_cases.py")
"""The tests whose results the table lists."""

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
  layer around it, and so does `Inline(layer)` for one layer of a `Sequential`. Two equal names
  raise an error.
- **Draws.** Each parameter is drawn from the model's key folded with the names on its path. It
  depends on the key, its path and its shape alone: inserting or renaming a layer changes no
  other, and shortcuts, `inline=True` and `Remat` change no number. An insertion renames the layers
  by position after it: name the layers that you mean to keep.
- **A layer of your own** is `Layer(init, apply)`. It works everywhere; its FLOPs and receptive
  field are reported as unknown. `@described` above a constructor of your own makes its layers
  printable and rebuildable; `combined` makes a layer out of layers from one function that says how
  they are connected.
- **Changing a model.** `map_layers(model, change)` gives a new model; `rebuild(layer, padding=1)`
  gives the same layer with another option; `synchronized(model, axis)` synchronizes batch
  normalizations over devices; `fold_batch_norm(model, params, state)` gives a model for inference
  without batch normalizations.
- **FLOPs** are those of convolutions and dense layers, two for each multiply-add, padding counted
  as pixels. XLA counts the same for a plain `lax` program with a padded input. Biases, normalizations,
  activations and pools are not counted.
- **A receptive field** is the region of the input that one output depends on, in evaluation and
  away from the borders. The field of several branches is the hull of their fields.

## What was tested of each layer

`python -m tests.layers.table` writes this table from the results of the tests; do not edit it by
hand. A number is the number of cases of the layer in which the property held; `n/m` means n of m
cases. A — means that there is nothing to compare: no multiply-adds, no spatial axes, or a function
of one's own, which ONNX and torch refuse by name.

- **evaluation**, **training**: finite results of the right shape and dtype under strict promotion
  of dtypes and ranks; in evaluation no example depends on another.
- **rebuilt**: a layer rebuilt from its description draws and computes the same.
- **jit**: equal to the eager call; **members**: two seeds under `vmap` give the same as each seed alone.
- **second derivatives**: equal to differences of the gradient, in float64.
- **FLOPs**: equal to XLA's own count; **receptive field**: equal to the one found by gradients.
- **ONNX**, **torch**, **StableHLO**: the exported model, run by ONNX Runtime, torch and JAX alone,
  gives the same to 1e-5 of the largest output, for one input and for more; **safetensors**: the
  parameters themselves.
- **torch weights**: exported and imported again, the weights are unchanged; weights that torch has
  drawn give the same result here, and are exported unchanged.

"""


def page(recorder: Recorder, old: str) -> str:
    """The text of docs/layers.md; rows that were not tested are kept from the old text."""
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
