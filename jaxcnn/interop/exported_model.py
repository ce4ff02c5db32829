"""What is handed on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from jaxcnn.layers import Layer, Params, State, fold_batch_norm


@dataclass(frozen=True)
class ModelToExport:
    """A trained model, and what one must know to use it.

    Attributes:
        model: the network.
        params: its parameters.
        state: its running statistics.
        image_shape: of one input without the batch axis, ``(h, w, c)`` of an image.
        card: what to tell others about it: class names, transform and the like, as JSON can
            hold it.
    """

    model: Layer
    params: Params
    state: State
    image_shape: tuple[int, ...]
    card: Mapping[str, Any]

    def card_with(self, **more: Any) -> str:
        """The card and what a format adds to it, as JSON."""
        return json.dumps({**self.card, **more})

    def folded(self) -> "ModelToExport":
        """The same model for evaluation, its batch normalizations part of other layers."""
        model, params, state = fold_batch_norm(self.model, self.params, self.state)
        return replace(self, model=model, params=params, state=state)
