"""``jaxcnn summary``: prints the table of a model's layers."""

import dataclasses
from typing import Annotated

from jaxcnn.cli.flags import Operand
from jaxcnn.cli.sizes import LARGEST, check_range, image_of
from jaxcnn.layers import summary
from jaxcnn.runs.model import check_shapes, find_model, maker_of


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
    image = image_of(command.image_size, command.channels)
    check_range("classes", command.classes, LARGEST)
    check_range("batch-size", command.batch_size, LARGEST)
    maker, options = maker_of(command.model), command.model_options
    model = find_model(command.model, command.classes, maker, options=options)
    check_shapes(model, command.model, image, command.classes, command.batch_size)
    return str(summary(model, (command.batch_size, *image)))
