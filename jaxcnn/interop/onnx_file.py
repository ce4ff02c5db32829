"""A model as an ONNX graph."""

from jaxcnn.extras import missing
from jaxcnn.interop.errors import InteropError
from jaxcnn.interop.exported_model import ModelToExport
from jaxcnn.interop.layer_rules import graph_of
from jaxcnn.interop.onnx_nodes import Nodes
from jaxcnn.interop.onnx_rules import RULES

OPSET = 19
"""The first in which Pad can go around; onnxruntime 1.15 of 2023 and newer run it."""

IR_VERSION = 9
"""That of the same time; a newer one would be refused by older runtimes for no reason."""


def onnx(subject: ModelToExport) -> bytes:
    """The logits of any number of images, as an ONNX model.

    Args:
        subject: the model, of this package's layers. Its batch normalizations are folded into
            the layers before them where they can be.

    Returns:
        An ONNX file: ``images`` float32 ``(batch, c, h, w)`` in [0, 1] to ``logits`` ``(batch,
        classes)``, the card under ``jaxcnn`` in its metadata.

    Raises:
        InteropError: if a layer has no counterpart, or the package ``onnx`` is not installed.
    """
    subject = subject.folded()
    graph = graph_of(subject.model, subject.params, subject.state, (1, *subject.image_shape))
    for step in graph.steps:
        if step.kind not in RULES:
            raise step.refusal(f"{step.name} has no counterpart in ONNX")
    sentence = missing("--to onnx", "onnx")
    if sentence is not None:
        raise InteropError(sentence)
    from onnx import checker, helper

    nodes = Nodes(graph)
    for step in graph.steps:
        nodes.follow(step, RULES[step.kind])
    model = helper.make_model(
        nodes.finished(),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="jaxcnn",
    )
    helper.set_model_props(model, {"jaxcnn": subject.card_with(layout="NCHW")})
    checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content
