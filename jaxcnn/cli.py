"""The ``jaxcnn`` command: typed flags, handed to the rooms; no logic of its own."""

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

import jax
import tyro

from jaxcnn.check import checkable, run_check
from jaxcnn.data import DataError
from jaxcnn.training import (
    Result,
    RunFolder,
    TrainConfig,
    UserError,
    evaluate,
    read_config,
    seeds,
    train,
)
from jaxcnn.training.config import Platform, unknown
from jaxcnn.training.devices import use_platform

USER_ERROR = 2
"""The exit status after a mistake that the user can mend."""

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it."""

PIPE_CLOSED = 141
"""The exit status after the reader of the output has gone (128 + SIGPIPE)."""

STYLE = (tyro.conf.FlagCreatePairsOff,)


@dataclasses.dataclass(frozen=True)
class EvalConfig:
    """Score the last checkpoint of a run on every test image.

    Attributes:
        run: The run folder.
        data_dir: Where the data lies; left out, where it lay when the run was begun.
        platform: cpu, gpu or tpu; left out, the best that JAX finds.
    """

    run: Annotated[Path, tyro.conf.Positional]
    data_dir: Path | None = None
    platform: Platform | None = None


@dataclasses.dataclass(frozen=True)
class CheckConfig:
    """Run every op on this device and compare it with the NumPy reference.

    Attributes:
        ops: The ops to check; all, where it is left out.
        dtypes: The dtypes to check; left out, float32, bfloat16 and float16.
        gradients: Whether to check the gradients too.
        platform: cpu, gpu or tpu; left out, the best that JAX finds.
    """

    ops: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    dtypes: tuple[Literal["float64", "float32", "bfloat16", "float16"], ...] = ()
    gradients: bool = True
    platform: Platform | None = None


Train = Annotated[TrainConfig, tyro.conf.subcommand("train")]
Eval = Annotated[EvalConfig, tyro.conf.subcommand("eval")]
Check = Annotated[CheckConfig, tyro.conf.subcommand("check")]


def main(args: Sequence[str] | None = None) -> None:
    """Train convolutional networks in JAX, score them, and check the ops on this device."""
    words = sys.argv[1:] if args is None else list(args)
    with mistakes_in_one_sentence():
        command: TrainConfig | EvalConfig | CheckConfig = tyro.cli(
            Train | Eval | Check,
            prog="jaxcnn",
            description=main.__doc__,
            args=words,
            config=STYLE,
        )
        if isinstance(command, EvalConfig):
            show(evaluate_command(command))
        elif isinstance(command, CheckConfig):
            sys.exit(check_command(command))
        else:
            show(train(with_flags_of_run(command, words[1:])))


def experiment(default: TrainConfig, description: str | None) -> None:
    """The command line of a file in ``experiments/``: every field of its config is a flag."""
    plan = tyro.cli(seeds.Plan, default=seeds.Plan(default), description=description, config=STYLE)
    with mistakes_in_one_sentence():
        if plan.seeds == 1:
            begun = seeds.Plan(begun_with(plan.config))
            plan = tyro.cli(seeds.Plan, default=begun, description=description, config=STYLE)
            show(train(plan.config))
        else:
            print(seeds.table(seeds.train_seeds(plan)))


def with_flags_of_run(config: TrainConfig, words: Sequence[str]) -> TrainConfig:
    """With ``--resume``, a flag that is not given is what the run was begun with."""
    begun = begun_with(config)
    if begun is config:
        return config
    return tyro.cli(TrainConfig, prog="jaxcnn train", default=begun, args=words, config=STYLE)


def begun_with(config: TrainConfig) -> TrainConfig:
    """The config of the run that ``--resume`` names; ``config`` itself where it is not given."""
    if not config.resume or config.run_dir is None:
        return config
    begun = read_config(RunFolder(config.run_dir))
    return dataclasses.replace(begun, run_dir=config.run_dir, resume=False, overwrite=False)


def evaluate_command(command: EvalConfig) -> Result:
    """Score the run that ``jaxcnn eval`` names."""
    folder = RunFolder(command.run)
    config = dataclasses.replace(
        read_config(folder), platform=command.platform, run_dir=command.run
    )
    if command.data_dir is not None:
        config = dataclasses.replace(config, data_dir=command.data_dir)
    return evaluate(folder, config)


def check_command(command: CheckConfig) -> int:
    """Check what ``jaxcnn check`` names; the exit status."""
    for name in command.ops:
        if name not in checkable():
            raise UserError(unknown("op", name, checkable()))
    use_platform(command.platform)
    # Double precision is off in JAX unless it is asked for, and then on for the whole process.
    if "float64" in command.dtypes:
        jax.config.update("jax_enable_x64", True)
    return run_check(command.ops or None, command.dtypes or None, gradients=command.gradients)


def show(result: Result) -> None:
    """The last lines of a command, each ``name: value``."""
    print(f"test accuracy: {result.test_accuracy:.4f}")
    print(f"images/s: {result.images_per_second:.0f}")
    print(f"parameters sha256: {result.parameters_sha256}")
    print(f"run folder: {result.folder.path}")


@contextlib.contextmanager
def mistakes_in_one_sentence() -> Iterator[None]:
    """A user's mistake ends the program with one sentence and status 2, without a traceback."""
    try:
        yield
    except (UserError, DataError) as error:
        print(f"jaxcnn: {error}", file=sys.stderr)
        sys.exit(USER_ERROR)
    except KeyboardInterrupt:
        print("jaxcnn: interrupted (a run goes on with --run-dir and --resume)", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read the output has gone; Python would complain once more while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(PIPE_CLOSED)
