"""A trained model with the facts that its exported file holds."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from jaxcnn.layers import Layer, Params, State, fold_batch_norm


@dataclass(frozen=True)
class ModelToExport:
    """A trained model to export, with its weights and the facts that a user of it needs.

    Attributes:
        model: the network.
        params: its parameters.
        state: its running statistics.
        image_shape: the shape of one input without the batch axis, ``(h, w, c)`` for an image.
        card: facts about it that JSON can hold: class names, transform, epochs and others.
    """

    model: Layer
    params: Params
    state: State
    image_shape: tuple[int, ...]
    card: Mapping[str, Any]

    def card_with(self, **more: Any) -> str:
        """The card as JSON, with further entries."""
        return json.dumps({**self.card, **more})

    def folded(self) -> "ModelToExport":
        """The same model for inference, its batch normalizations folded into other layers."""
        model, params, state = fold_batch_norm(self.model, self.params, self.state)
        return replace(self, model=model, params=params, state=state)
