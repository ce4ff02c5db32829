"""A network as the ONNX file that jaxcnn exports, for the runtimes that read it."""

from benchmarks.networks import Network
from jaxcnn.interop.model_to_export import ModelToExport
from jaxcnn.interop.onnx_file import onnx


def exported(network: Network) -> bytes:
    """The file: ``images``, channels first, to ``logits``; batch norms are folded."""
    params, state = network.start()
    return onnx(ModelToExport(network.layer, params, state, network.image, {}))
