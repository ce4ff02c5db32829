"""Exports a model to an ONNX file."""

from jaxcnn.extras import missing
from jaxcnn.interop.errors import InteropError
from jaxcnn.interop.layer_rules import graph_of
from jaxcnn.interop.model_to_export import ModelToExport
from jaxcnn.interop.onnx_nodes import Nodes
from jaxcnn.interop.onnx_rules import RULES

OPSET = 19
"""The first operator set with circular padding; onnxruntime 1.15 (2023) and newer run it."""

IR_VERSION = 9
"""The file version of the same year; runtimes of that year refuse newer ones."""


def onnx(trained: ModelToExport) -> bytes:
    """Export a model from images to logits as an ONNX file.

    Args:
        trained: the model, of this package's layers. Its batch normalizations are folded into
            the layers before them where they can be.

    Returns:
        An ONNX file: ``images`` float32 ``(batch, c, h, w)`` in [0, 1] to ``logits`` ``(batch,
        classes)``, the card under ``jaxcnn`` in its metadata.

    Raises:
        InteropError: if a layer has no counterpart, or the package ``onnx`` is not installed.
    """
    trained = trained.folded()
    graph = graph_of(trained.model, trained.params, trained.state, (1, *trained.image_shape))
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
    helper.set_model_props(model, {"jaxcnn": trained.card_with(layout="NCHW")})
    checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content
