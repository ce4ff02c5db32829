"""``jaxcnn summary``: prints the table of a model's layers."""

import dataclasses
from typing import Annotated

from jaxcnn.cli.flags import Operand
from jaxcnn.layers import summary
from jaxcnn.runs import UserError
from jaxcnn.runs.model import check_shapes, find_model, maker_of

LARGEST = 2**15
"""The largest height and width of an image."""


@dataclasses.dataclass(frozen=True)
class SummaryConfig:
    """Show a model layer by layer: outputs, parameters, FLOPs, receptive fields, branches.

    Nothing is computed, so that it takes no memory and little time.

    Attributes:
        model: The network, by its name, or one of your own, FILE.py:function.
        image_size: Pixels of an image's height and width; two numbers where they differ.
        channels: Channels of an image: 1 for grey, 3 for colour.
        classes: How many classes the network tells apart.
        batch_size: Images in a batch, which shapes and FLOPs are for.
        model_options: Options of the model's function, NAME=VALUE, such as width=0.5.
    """

    model: Annotated[str, Operand("MODEL")]
    image_size: tuple[int, ...] = (224,)
    channels: int = 3
    classes: int = 10
    batch_size: int = 1
    model_options: tuple[str, ...] = ()


def summary_command(command: SummaryConfig) -> str:
    """Run ``jaxcnn summary``, and return the table.

    Raises:
        UserError: if there is no such model, it cannot take such images, or a number is wrong.
    """
    if len(command.image_size) not in (1, 2):
        raise UserError(f"--image-size must be 1 or 2 numbers, got {len(command.image_size)}")
    sizes = {"image-size": command.image_size, "channels": (command.channels,)}
    sizes |= {"classes": (command.classes,), "batch-size": (command.batch_size,)}
    for name, numbers in sizes.items():
        for number in numbers:
            if not 1 <= number < LARGEST:
                raise UserError(f"--{name} must be from 1 to {LARGEST - 1}, got {number}")
    height, width = command.image_size[0], command.image_size[-1]
    image = (height, width, command.channels)
    maker, options = maker_of(command.model), command.model_options
    model = find_model(command.model, command.classes, maker, options=options)
    check_shapes(model, command.model, image, command.classes, command.batch_size)
    return str(summary(model, (command.batch_size, *image)))
