"""What a training run is told: one frozen dataclass, checked before any work is done."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from tyro.conf import arg

from jaxcnn.data import DataOptions
from jaxcnn.errors import UserError, brief
from jaxcnn.runs.kinds import DeviceCount, check_kinds
from jaxcnn.runs.model import find_model, is_own, model_title
from jaxcnn.runs.model_options import parse_model_options
from jaxcnn.runs.normalization import Normalizing
from jaxcnn.training.augment_options import AugmentConfig, check_augmentation
from jaxcnn.training.precision import PrecisionName

Optimizer = Literal["sgd", "momentum", "adam", "adamw"]
Schedule = Literal["constant", "cosine", "linear", "step"]
Platform = Literal["cpu", "gpu", "tpu"]
BestBy = Literal["validation_accuracy", "validation_loss"]
BatchNormKind = Literal["synchronized", "local"]

OWN = "own"
"""What a run calls a model, a data set or an optimizer that it was given in Python."""


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Train a model and write a run folder.

    Attributes:
        model: The network: one of those that "jaxcnn models" lists, or one of your own,
            FILE.py:function, where function(num_classes) returns a layer.
        model_options: Options of the model's function, NAME=VALUE, such as width=0.5 or stem=small.
        init_from: A file of weights to begin with: .safetensors or .npz of jaxcnn or of PyTorch, or
            a state dict of PyTorch (.pt, .pth; needs torch).
        skip_head: Leave the last layer with parameters as it is drawn, and do not read it from
            --init-from.
        freeze: Patterns of parameters that stay as they are, such as "layer1/*"; batch norms that
            one matches keep their statistics and normalize by them.
        dataset: The data set: digits (comes with jaxcnn), fashion_mnist, mnist, image_folder, or
            a TFDS name.
        data_dir: Folder with the four IDX files, a TFDS data folder, or, for image_folder, a
            folder with a subfolder of pictures for each class.
        epochs: Passes over the training set; left out, 30 for digits, 10 for other sets.
        batch_size: Images per optimizer step (the last batch of an epoch may be smaller); left
            out, 64 for digits, 256 for other sets.
        optimizer: sgd, momentum, adam or adamw; left out, adam for digits, sgd for other sets.
        lr: Learning rate; left out, the optimizer's usual one (sgd 0.9, momentum 0.1, adam and
            adamw 0.003).
        momentum: Momentum of the momentum optimizer.
        weight_decay: L2 penalty, decoupled (not scaled by Adam's statistics); left out, 0.01
            for adamw, none for the others.
        decay_all: Let weight decay shrink biases and the scales of normalizations, too.
        schedule: How the learning rate falls: constant, cosine or linear (to zero), or step
            (a tenth after half, a hundredth after three quarters).
        warmup_steps: Steps over which the learning rate rises linearly from zero.
        clip_norm: Largest allowed norm of the whole gradient; left out, it is not clipped.
        ema: Score and keep a moving average of the parameters, too, with this decay, such as
            0.999; left out, the parameters themselves.
        seed: Seed of the parameters and of the order of the images.
        run_dir: Where the run is written; left out, runs/<experiment>-<time>.
        experiment: Name of the run; left out, <model>-<dataset>.
        overwrite: Replace the run that --run-dir holds.
        resume: Go on with the run that --run-dir holds, from its last checkpoint.
        accept_engine: Resume though convolutions are computed by another engine than before
            (native code or not, another instruction set); the parameters will be others.
        platform: cpu, gpu or tpu; left out, the best that JAX finds.
        devices: How many devices share each batch: a number, or all; left out, one CPU, or of
            accelerators all that divide the batch. On a machine without so many CPU devices, as
            many are simulated.
        fsdp: Let each device keep only its share of the parameters and of the optimizer's state;
            they are gathered where they are needed.
        batch_norm: What batch norms normalize by where devices share a batch: synchronized (by the
            whole batch, as on one device) or local (each device by its share, without waiting).
        precision: The floating-point types: float32, mixed_bfloat16 or mixed_float16 (the model
            computes in 16 bits; parameters, normalizations, sums and losses are float32; with
            mixed_float16 the loss is scaled).
        accumulate: Compute each batch in so many parts and add their gradients, which takes the
            memory of one part. Batch norms then normalize each part by itself.
        normalize: What images are normalized by, channel by channel: none, dataset (the mean and
            deviation of the training images) or imagenet (those that torchvision's weights want).
            It is a part of the model: predictions and exports take images in [0, 1] as before.
        streaming: Read training images when they are needed, instead of putting all of them into
            the device's memory first; so it is anyway where they are too many.
        data: Which images, and how they are read.
        augmentation: How training images are changed at random.
        checkpoint_every: Steps between two checkpoints within an epoch; 0 for none. The end of
            each epoch has one in any case.
        checkpoint_minutes: Minutes between two checkpoints, besides those by steps.
        keep: How many of the last checkpoints stay; the best stays, too.
        best_by: What the best checkpoint is best by: validation_accuracy or validation_loss. There
            is one only where --validation holds images out; test images choose nothing.
        early_stop: End the run when so many epochs in a row were no better than the best one, by
            --best-by; left out, it never ends early.
        skip_nonfinite: Leave a step out whose loss, gradient or new parameters are not finite,
            rather than stop the run there.
        tensorboard: Write TensorBoard events into the run folder, too.
        profile: Trace a few steps into the run folder (profile/, for Perfetto or TensorBoard) and
            print the slowest layers.
        wandb: Log to Weights & Biases, too (WANDB_MODE=offline works).
    """

    model: str = "lenet"
    model_options: tuple[str, ...] = ()
    init_from: Path | None = None
    skip_head: bool = False
    freeze: tuple[str, ...] = ()
    dataset: str = "digits"
    data_dir: Path | None = None
    epochs: int | None = None
    batch_size: int | None = None
    optimizer: Optimizer | None = None
    lr: float | None = None
    momentum: float = 0.9
    weight_decay: float | None = None
    decay_all: bool = False
    schedule: Schedule = "constant"
    warmup_steps: int = 0
    clip_norm: float | None = None
    ema: float | None = None
    seed: int = 0
    run_dir: Path | None = None
    experiment: str | None = None
    overwrite: bool = False
    resume: bool = False
    accept_engine: bool = False
    platform: Platform | None = None
    devices: DeviceCount | None = None
    fsdp: bool = False
    batch_norm: BatchNormKind = "synchronized"
    precision: PrecisionName = "float32"
    accumulate: int = 1
    normalize: Normalizing = "none"
    streaming: bool = False
    data: Annotated[DataOptions, arg(name="")] = dataclasses.field(default_factory=DataOptions)
    augmentation: Annotated[AugmentConfig, arg(name="")] = dataclasses.field(
        default_factory=AugmentConfig
    )
    checkpoint_every: int = 200
    checkpoint_minutes: float | None = None
    keep: int = 2
    best_by: BestBy = "validation_accuracy"
    early_stop: int | None = None
    skip_nonfinite: bool = False
    tensorboard: bool = False
    profile: bool = False
    wandb: bool = False

    def __post_init__(self) -> None:
        """Take text for a path, too."""
        for name in ("data_dir", "run_dir", "init_from"):
            value = getattr(self, name)
            if isinstance(value, str) and value:
                object.__setattr__(self, name, Path(value))
        count: Any = self.devices
        if type(count) is int:
            object.__setattr__(self, "devices", str(count))

    @property
    def name(self) -> str:
        """The experiment's name, which the default run folder starts with."""
        return self.experiment or f"{model_title(self.model)}-{self.dataset}".replace("/", "-")

    @property
    def decay(self) -> float:
        """The weight decay given, or the optimizer's usual one."""
        if self.weight_decay is None:
            return 0.01 if self.recipe.optimizer == "adamw" else 0.0
        return self.weight_decay

    @property
    def recipe(self) -> "Recipe":
        """Epochs, batch size, optimizer and rate: as given, or what suits the data set."""
        usual = DIGITS if self.dataset == "digits" else NOTES
        optimizer = self.optimizer or usual.optimizer
        return Recipe(
            usual.epochs if self.epochs is None else self.epochs,
            usual.batch_size if self.batch_size is None else self.batch_size,
            optimizer,
            USUAL_LR.get(optimizer, math.nan) if self.lr is None else self.lr,
        )


class Recipe(NamedTuple):
    """The part of a config that has no one default for every data set."""

    epochs: int
    batch_size: int
    optimizer: str
    lr: float

    def __str__(self) -> str:
        """One line for people."""
        return (
            f"{self.optimizer}, learning rate {self.lr:g}, batches of {self.batch_size}, "
            f"{self.epochs} epoch{'' if self.epochs == 1 else 's'}"
        )


class Usual(NamedTuple):
    """What a data set is trained with where nothing else is asked for."""

    epochs: int
    batch_size: int
    optimizer: str


NOTES = Usual(epochs=10, batch_size=256, optimizer="sgd")
"""What *Dive into Deep Learning* trains LeNet with."""

DIGITS = Usual(epochs=30, batch_size=64, optimizer="adam")
"""1,438 images are too few steps for plain SGD to leave the sigmoids' plateau."""

USUAL_LR: dict[str, float] = {"sgd": 0.9, "momentum": 0.1, "adam": 3e-3, "adamw": 3e-3}


def check_config(config: TrainConfig) -> None:
    """Refuse a config that cannot be meant.

    Raises:
        UserError: with one sentence that names the field, what it may be and what it is.
    """
    check_settings(config)
    if is_own(config.model):
        parse_model_options(config.model_options)
    else:
        find_model(config.model, 2, options=config.model_options)


def check_settings(config: TrainConfig) -> None:
    """As `check_config`, of a run that was begun elsewhere: its model may be unknown here.

    Raises:
        UserError: with one sentence that names the field, what it may be and what it is.
    """
    if not isinstance(config, TrainConfig):
        raise UserError(f"a run is told what to do by a TrainConfig, got {brief(config)}")
    check_kinds(config)
    values = vars(config) | config.recipe._asdict() | {"weight_decay": config.decay}
    for field, check in _LIMITS.items():
        if values[field] is not None:
            check(field, values[field])
    if config.early_stop is not None and config.data.validation is None:
        raise UserError("--early-stop needs --validation, the images that say when to stop")
    if not 0 <= config.momentum < 1:
        raise UserError(f"--momentum must be at least 0 and below 1, got {config.momentum}")
    if config.ema is not None and not 0 < config.ema < 1:
        raise UserError(f"--ema must be above 0 and below 1, got {config.ema}")
    if config.recipe.batch_size % config.accumulate:
        raise UserError(
            f"--accumulate must divide --batch-size {config.recipe.batch_size}, got "
            f"{config.accumulate}"
        )
    check_augmentation(config.augmentation)
    if config.skip_head and config.init_from is None:
        raise UserError("--skip-head needs --init-from, the file whose last layer is not read")
    if config.overwrite and config.resume:
        raise UserError("--overwrite and --resume contradict each other: give one of them")
    if config.resume and config.run_dir is None:
        raise UserError("--resume needs --run-dir, the folder of the run to go on with")
    if config.accept_engine and not config.resume:
        raise UserError("--accept-engine needs --resume: it is about a run that goes on")
    name = config.name
    if config.experiment == "":
        raise UserError("--experiment must be a short name, got ''")
    odd = "/" in name or "\\" in name or name in (".", "..") or not name.isprintable()
    if odd or len(name) > 200:
        raise UserError(f"--experiment must be a short name without slashes, got {brief(name)}")


def flag(field: str) -> str:
    """A field's name as it is typed on the command line."""
    return field.replace("_", "-")


def _number(field: str, value: float) -> None:
    if not math.isfinite(value) or value < 0:
        raise UserError(f"--{flag(field)} must be zero or a positive number, got {value}")


def _positive(field: str, value: float) -> None:
    if not math.isfinite(value) or value <= 0:
        raise UserError(f"--{flag(field)} must be a positive number, got {value}")


def _at_least(least: int) -> Callable[[str, int], None]:
    def check(field: str, value: int) -> None:
        if value < least:
            raise UserError(f"--{flag(field)} must be at least {least}, got {value}")
        if value >= 2**32:
            raise UserError(f"--{flag(field)} must be below 2**32, got {value}")

    return check


_LIMITS: dict[str, Callable[[str, Any], None]] = {
    "epochs": _at_least(1),
    "batch_size": _at_least(1),
    "accumulate": _at_least(1),
    "warmup_steps": _at_least(0),
    "seed": _at_least(0),
    "lr": _positive,
    "weight_decay": _number,
    "clip_norm": _positive,
    "checkpoint_every": _at_least(0),
    "keep": _at_least(1),
    "checkpoint_minutes": _positive,
    "early_stop": _at_least(1),
}
"""What refuses the value of a field, where it has one, in this order."""
