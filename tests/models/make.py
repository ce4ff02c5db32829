"""``python -m tests.models.make`` writes the golden files of the zoo; torch and torchvision needed.

Names of models after it restrict it to these.
"""

import sys

import numpy as np
import torch

from tests.models.twins import twin
from tests.models.zoo import ZOO, ZooCase, drawn, numbers_of


def main(names: list[str]) -> None:
    """Write the file of each model."""
    for case in ZOO:
        if not names or case.name in names:
            np.savez_compressed(case.golden, **answers(case))
            print(case.golden.name, flush=True)


def answers(case: ZooCase) -> dict[str, np.ndarray]:
    """What torch computes, in float64."""
    net = twin(case)
    given = net.state_dict()
    weights = drawn({name: tuple(array.shape) for name, array in given.items()})
    with torch.no_grad():
        for name, array in weights.items():
            given[name].copy_(torch.from_numpy(array))
    net = net.double()
    images = torch.from_numpy(np.moveaxis(case.images(), -1, 1).copy()).double()
    with torch.no_grad():
        evaluated = net.eval()(images)
    trained = net.train()(images)
    (trained * torch.from_numpy(case.cotangents())).sum().backward()
    gradients = {name: value.grad.numpy() for name, value in net.named_parameters()}
    return {
        "names": np.array(sorted(given)),
        "parameters": np.array(sum(value.size for value in gradients.values())),
        "evaluated": evaluated.numpy(),
        "trained": trained.detach().numpy(),
        "gradients": numbers_of(gradients),
        "statistics": numbers_of({n: v.numpy() for n, v in net.named_buffers() if "running" in n}),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
