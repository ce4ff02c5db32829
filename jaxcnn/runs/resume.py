"""What must be as it was for a run, or a sweep, to go on."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxcnn.engine import Identity, identity
from jaxcnn.errors import UserError
from jaxcnn.runs.config import flag
from jaxcnn.runs.devices import counted
from jaxcnn.runs.folder import RunFolder
from jaxcnn.runs.formats import read_saved
from jaxcnn.runs.log import warn
from jaxcnn.runs.model import is_own
from jaxcnn.runs.surroundings import DRAWN, surroundings
from jaxcnn.training import Moment

FREE = frozenset(
    {
        *("run_dir", "data_dir", "init_from", "experiment", "streaming"),
        *("platform", "devices", "fsdp"),
        *("tensorboard", "wandb", "profile"),
        *("checkpoint_every", "checkpoint_minutes", "keep", "best_by", "early_stop"),
        "skip_nonfinite",
    }
)
"""What ``--resume`` may change: none of it is in the numbers of a run that goes well."""


def check_unchanged(
    folder: RunFolder, begun: Mapping[str, Any], now: Mapping[str, Any], *, constant: bool
) -> None:
    """Refuse to go on under other settings than those that a run, or a sweep, was begun with.

    Args:
        folder: where it is.
        begun: its settings by name, those of their parts in a mapping.
        now: the settings to go on with.
        constant: whether the learning rate does not depend on the number of epochs.

    Raises:
        UserError: if a setting differs that the numbers depend on.
    """
    free = FREE | {"epochs"} if constant else FREE
    old, new = by_flag(begun), by_flag(now)
    if old.get("batch_norm") == "local":
        free -= {"devices"}  # each device has statistics and noise of its own
    if is_own(old["model"]) and is_own(new["model"]):
        free |= {"model"}  # a file may have moved: its structure is compared instead
    for name in sorted(old.keys() - free):
        if old[name] != new.get(name):
            why = ": its learning rate falls until the last epoch" if name == "epochs" else ""
            raise UserError(
                f"--resume: {folder.path} was begun with --{flag(name)} {_told(old[name])}, "
                f"and cannot go on with {_told(new.get(name))}{why}"
            )


def _told(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def by_flag(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a config by the names of its flags, those of its parts among them."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= value if isinstance(value, dict) else {name: value}
    return flat


def check_position(where: Path, moment: Moment, steps: int) -> None:
    """Refuse a checkpoint that says it was made at a place where no run has been.

    Args:
        where: the folder of the run.
        moment: what its checkpoint holds.
        steps: how many steps an epoch has.

    Raises:
        UserError: if its epoch and batch are not those of its step.
    """
    if moment.batch > steps or moment.step != (moment.epoch - 1) * steps + moment.batch:
        raise UserError(
            f"--resume: the checkpoint {moment.step} in {where} says that it is of epoch "
            f"{moment.epoch:,}, batch {moment.batch:,}, but an epoch has {steps:,} batches"
        )


def check_same_data(saved: Path, facts: Mapping[str, Any]) -> None:
    """Refuse to go on with a run on other data than it was begun with.

    Args:
        saved: the file in which the run has written down what its data are.
        facts: what the data are now.

    Raises:
        UserError: if the numbers of images, their size, the classes or a sample of the images
            differ.
    """
    content = read_saved(saved)
    begun = content.get("data")
    if begun is None:
        raise UserError(f"{saved} is damaged: data is missing")
    now = json.loads(json.dumps(facts["data"]))
    for name in sorted(now.keys() - {"source", "sample_sha256"}):
        if begun.get(name) != now[name]:
            raise UserError(
                f"--resume: {saved.parent} was begun with {name} {begun.get(name)}, but the data "
                f"have {now[name]}"
            )
    for name, noun in (
        ("model_sha256", "model"),
        ("own", "optimizer, loss or metrics"),
        ("init_sha256", "file of --init-from"),
        ("normalization", "normalization of the images"),
    ):
        if content.get(name) != facts.get(name):
            raise UserError(f"--resume: {saved.parent} was begun with another {noun} than now")
    if begun.get("sample_sha256", now["sample_sha256"]) != now["sample_sha256"]:
        raise UserError(
            f"--resume: {saved.parent} was begun with other images or labels, or in another order"
        )


def check_drawn(saved: Path) -> None:
    """Refuse to begin a run again that drew other parameters from its seed when it was begun.

    Args:
        saved: the file in which the run has written down how it was begun.

    Raises:
        UserError: if so.
    """
    if read_saved(saved).get("parameters") != DRAWN:
        raise UserError(
            f"--resume: {saved.parent} has no checkpoint and was begun by a jaxcnn that drew other "
            f"parameters from the same seed: --overwrite starts it anew"
        )


def check_same_engine(saved: Path, *, accept: bool) -> None:
    """Refuse to go on with a run under another engine than it has run with: its bits differ.

    A run of a jaxcnn that did not write it down goes on with a warning.

    Args:
        saved: the file in which the run has written down its engine.
        accept: whether another one is accepted.

    Raises:
        UserError: if it is another one and that is not accepted.
    """
    begun, now = _engine_in(saved), identity()
    if begun is None:
        warn(
            f"{saved.parent} does not say by which engine it has run: if it was another one than "
            f"now ({now}), what follows is not equal to the bit"
        )
    elif not begun.same(now) and not accept:
        raise UserError(
            f"--resume: {saved.parent} has run by {begun}, but this process computes by {now}, "
            f"so it would end with other parameters: --accept-engine goes on nevertheless"
        )


def _engine_in(saved: Path) -> Identity | None:
    """The engine that a run has written down, if it has."""
    found = read_saved(saved).get("engine")
    try:
        return None if found is None else Identity(**found)
    except TypeError:
        wanted = ", ".join(Identity._fields)
        raise UserError(f"{saved} is damaged: engine must be a table of {wanted}") from None


def history(saved: Path, moment: Moment, steps: int, devices: Sequence[str]) -> dict[str, Any]:
    """When a run, or a sweep, was begun and when it went on, for it to be kept.

    Where it goes on with another jax, on another device or by another engine, a warning says so:
    the numbers are then no longer those of a run that was never stopped. At which step the engine
    changed is kept, too.

    Args:
        saved: the file in which the run has written it down.
        moment: where it goes on.
        steps: how many steps an epoch has.
        devices: on which it goes on.
    """
    begun, now = read_saved(saved), surroundings()
    versions = begun.get("versions", {})
    changed = [
        f"{name} {versions[name]}"
        for name in ("jax", "jaxlib")
        if versions.get(name, now["versions"][name]) != now["versions"][name]
    ]
    what = f" with {' and '.join(changed)}" if changed else ""
    if begun.get("devices", devices) != devices:
        what += f" on {counted(begun['devices'])}"
    if what:
        warn(f"{saved.parent} was begun{what}: what follows is not equal to the bit")
    resumed = [*begun.get("resumed", []), now["started"]]
    kept = {"started": begun.get("started", now["started"]), "resumed": resumed}
    changes = [*begun.get("engine_changes", []), *_engine_change(saved, moment, steps)]
    return {**kept, "engine_changes": changes} if changes else kept


def _engine_change(saved: Path, moment: Moment, steps: int) -> list[dict[str, Any]]:
    """Where another engine takes over, and which; nothing where it is the same."""
    begun, now = _engine_in(saved), identity()
    if begun is None or begun.same(now):
        return []
    warn(
        f"the engine changes at {moment.place(steps)}, from {begun} to {now}: what follows is not "
        f"equal to the bit"
    )
    where = {"step": moment.step, "epoch": moment.epoch, "batch": moment.batch}
    return [{**where, "from": begun._asdict(), "to": now._asdict()}]
