"""``jaxcnn train``, and the command line of a file in ``experiments/``."""

import dataclasses
from collections.abc import Sequence

import tyro

from jaxcnn.cli.mistakes import mistakes_in_one_sentence
from jaxcnn.training import Result, RunFolder, TrainConfig, read_config, seeds, train

STYLE = (tyro.conf.FlagCreatePairsOff,)


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


def show(result: Result) -> None:
    """The last lines of a command, each ``name: value``."""
    print(f"test accuracy: {result.test_accuracy:.4f}")
    print(f"images/s: {result.images_per_second:.0f}")
    print(f"parameters sha256: {result.parameters_sha256}")
    print(f"run folder: {result.folder.path}")
