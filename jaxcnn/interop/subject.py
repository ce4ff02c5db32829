"""What is handed on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaxcnn.layers import Layer, Params, State


@dataclass(frozen=True)
class Subject:
    """A trained model, and what one must know to use it.

    Attributes:
        model: the network.
        params: its parameters.
        state: its running statistics.
        image_shape: ``(h, w, c)`` of one input.
        card: what to tell others about it: class names, transform and the like, as JSON can
            hold it.
    """

    model: Layer
    params: Params
    state: State
    image_shape: tuple[int, int, int]
    card: Mapping[str, Any]

    def card_with(self, **more: Any) -> str:
        """The card and what a format adds to it, as JSON."""
        return json.dumps({**self.card, **more})
