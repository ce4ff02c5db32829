"""``jaxcnn plan``: what a training would need on devices that are not here."""

import dataclasses

from jaxcnn.cli.sizes import check_range, image_of
from jaxcnn.runs import UserError
from jaxcnn.runs.config import BatchNormKind, Optimizer, PrecisionName
from jaxcnn.runs.devices import MOST_SIMULATED
from jaxcnn.runs.forecast import forecast
from jaxcnn.runs.kinds import DeviceCount

_ONE = DeviceCount("1")

_MOST = 2**24
"""What the classes, the images of a batch and its parts are below."""


@dataclasses.dataclass(frozen=True)
class PlanConfig:
    """Predict a training's memory and work for each device, and the least time on known chips.

    One step is compiled for so many simulated devices, and its operations, bytes and sums over the
    devices are counted. Nothing is computed.

    Attributes:
        model: The network, by its name, or one of your own, FILE.py:function.
        model_options: Options of the model's function, NAME=VALUE, such as width=0.5.
        image_size: Pixels of an image's height and width; two numbers where they differ.
        channels: Channels of an image: 1 for grey, 3 for colour.
        classes: How many classes the network tells apart.
        batch_size: Images of all devices together.
        accumulate: In how many parts each batch is computed.
        optimizer: sgd, momentum, adam or adamw.
        devices: How many devices share each batch.
        fsdp: Let each device keep only its share of the parameters and of the optimizer's state.
        batch_norm: synchronized or local, as in "jaxcnn train".
        precision: float32, mixed_bfloat16 or mixed_float16.
    """

    model: str = "resnet50"
    model_options: tuple[str, ...] = ()
    image_size: tuple[int, ...] = (224,)
    channels: int = 3
    classes: int = 1000
    batch_size: int = 256
    accumulate: int = 1
    optimizer: Optimizer = "momentum"
    devices: DeviceCount = _ONE
    fsdp: bool = False
    batch_norm: BatchNormKind = "synchronized"
    precision: PrecisionName = "float32"


def plan_command(command: PlanConfig) -> str:
    """Run ``jaxcnn plan``, and return the tables.

    Raises:
        UserError: if a number is wrong, or the model cannot take such images.
    """
    image = image_of(command.image_size, command.channels)
    for name in ("classes", "batch_size", "accumulate"):
        check_range(name.replace("_", "-"), getattr(command, name), _MOST)
    if command.devices == "all" or int(command.devices) > MOST_SIMULATED:
        raise UserError(f"--devices must be from 1 to {MOST_SIMULATED}, got {command.devices}")
    return forecast(command, image)
