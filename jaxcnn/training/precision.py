"""The policies of ``--precision``: which types a training computes in, and which it keeps."""

from typing import Literal, NamedTuple

from jaxcnn.layers import Layer, mixed_precision

PrecisionName = Literal["float32", "mixed_bfloat16", "mixed_float16"]


class Precision(NamedTuple):
    """Which floating-point types a training uses.

    Attributes:
        parameters: of the parameters, their gradients, the optimizer's moments and the running
            statistics.
        computation: of the images and parameters that the model is applied to.
        reductions: of the sums in convolutions, matrix products and pools, and of normalizations.
        outputs: of the logits, losses and metrics.
        scales_loss: whether the loss is multiplied before its gradient is taken, so that small
            numbers do not vanish in ``computation`` (see `jaxcnn.training.loss_scale`).

    Reference: P. Micikevicius and others, *Mixed Precision Training* (2018).
    """

    parameters: str = "float32"
    computation: str = "float32"
    reductions: str = "float32"
    outputs: str = "float32"
    scales_loss: bool = False

    def of(self, model: Layer) -> Layer:
        """The model computed by the policy; its parameters and their names stay."""
        if self.computation == self.parameters:
            return model
        return mixed_precision(model, self.computation)


PRECISIONS: dict[PrecisionName, Precision] = {
    "float32": Precision(),
    "mixed_bfloat16": Precision(computation="bfloat16"),
    "mixed_float16": Precision(computation="float16", scales_loss=True),
}
"""The policies by the names that ``--precision`` takes."""
