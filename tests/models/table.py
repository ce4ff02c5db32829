"""Writes docs/models.md from the golden files: ``python -m tests.models.table``.

Names of models after it compute these anew only; the other rows stay.
"""

import pathlib
import re
import sys

import jax

from jaxcnn.models.facts import FACTS
from tests.models.parity import differences
from tests.models.zoo import ZOO, ZooCase

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "models.md"

INTRODUCTION = """# Models

`jaxcnn models` lists them. Each is a function in `jaxcnn.models`, in a file of its own for each
paper, that takes `num_classes` and options by keyword and returns a layer; the names of the
parameters are torchvision's, so that its weights can be loaded:

```python
import jax
import jaxcnn as jc

model = jc.models.resnet18(1000)
params, state = model.init(jax.random.key(0), (1, 224, 224, 3))
weights = jc.interop.to_state_dict(model, params, state, (1, 224, 224, 3))  # torch's names
params, state = jc.interop.from_torch(model, weights, (1, 224, 224, 3))
```

`stem="small"` suits images of 28 to 64 pixels: smaller strides in the first layers. Auxiliary
classifiers are left out (`from_torch(…, skip="aux*")`).

## Beside torch

`python -m tests.models.table` writes this table; do not edit it by hand. Each model got seeded
random weights and running statistics by torch's names, and so did the same model of torchvision, or,
for those that torchvision lacks, one written in torch. Torch computed in float64. The differences
are parts of the largest number: of the logits in evaluation and in training, of the new running
statistics, and of the norm and three signed sums of the gradient of each parameter. Where a gradient
cancels, or jumps at the kinks of activations, so that float32 leaves fewer than three digits of it,
the row is computed in float64 and says so. Parameters and multiply-adds are those for the images and
classes beside them; the comparison has smaller images and 10 classes.

"""

HEAD = (
    "| model | paper | parameters | million multiply-adds | images | classes "
    "| logits | in training | statistics | gradients | computed in |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|\n"
)


def row(case: ZooCase) -> str:
    """The row of a model."""
    found, kind = differences(case), "float64" if case.double else "float32"
    assert max(found[1:4]) < 1e-4, (case.name, found)
    assert found.gradients < 1e-3, (case.name, found)
    facts = FACTS[case.name]
    images = "×".join(map(str, facts.image))
    numbers = " | ".join(f"{number:.0e}" for number in found[1:])
    return (
        f"| `{case.name}` | {facts.paper} | {facts.parameters:,} "
        f"| {facts.multiply_adds / 1e6:,.1f} | {images} | {facts.classes} | {numbers} | {kind} |"
    )


def main(names: list[str]) -> None:
    """Compute the rows, and write the page."""
    old = PAGE.read_text() if PAGE.exists() else ""
    rows = dict(re.findall(r"^(?=\| `(\w+)`)(.*)$", old, re.MULTILINE))
    for case in ZOO:
        if not names or case.name in names:
            rows[case.name] = row(case)
            jax.clear_caches()
            print(rows[case.name], flush=True)
    PAGE.write_text(INTRODUCTION + HEAD + "\n".join(rows[n] for n in FACTS if n in rows) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
