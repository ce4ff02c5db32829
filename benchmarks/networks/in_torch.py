"""The twin of a network in torch: the module that jaxcnn exports, with the same parameters.

The exported module keeps batch norms as layers of their own, so it can be trained. It leaves out
stochastic depth, so a network with that has no twin for training.
"""

import sys
import types
from typing import Any

from benchmarks.networks import Network
from jaxcnn.interop.model_to_export import ModelToExport
from jaxcnn.interop.torch_module import torch as torch_code

NAME = "jaxcnn_torch_twin"


def twin(network: Network) -> Any:
    """A torch module over channels-first images, in training mode."""
    from safetensors.torch import load

    params, state = network.start()
    trained = ModelToExport(network.layer, params, state, network.image, {})
    weights, code = torch_code(trained, "weights.safetensors")
    # torch.compile looks a function's module up by its name.
    module = sys.modules[NAME] = types.ModuleType(NAME)
    module.__file__ = __file__
    exec(compile(code, NAME, "exec"), module.__dict__)
    model = module.Network()
    model.load_state_dict(load(weights))
    return model.train()


def images_of(x: Any, *, channels_last: bool) -> Any:
    """A torch tensor ``(n, c, h, w)`` of images ``(n, h, w, c)``.

    Args:
        x: the images, a NumPy array.
        channels_last: whether the numbers stay in their order in memory.
    """
    import torch

    images = torch.tensor(x).movedim(-1, 1)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return images.contiguous(memory_format=layout)
