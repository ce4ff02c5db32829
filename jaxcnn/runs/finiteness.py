"""A loss that is no longer a number: which step, which images, and what is still good."""

import contextlib
import json
import math
from collections.abc import Mapping
from typing import Any

import jax

from jaxcnn.runs.checkpoints import Checkpoints, Moment
from jaxcnn.runs.config import TrainConfig, UserError
from jaxcnn.runs.folder import RunFolder, write_whole
from jaxcnn.runs.job import Assembly
from jaxcnn.training.step import NEVER

_NAMED = 10
"""How many images the sentence names; the file has all of them."""


def check_finite(
    config: TrainConfig,
    folder: RunFolder,
    checkpoints: Checkpoints,
    parts: Assembly,
    moment: Moment,
    order: jax.Array,
) -> None:
    """Stop a run whose loss, gradient or parameters stopped being finite.

    Args:
        config: with ``skip_nonfinite``, the run stops only when a whole epoch was skipped.
        folder: gets ``nonfinite.json``, which has the indices of the step's images.
        checkpoints: the last of which is good, for none is saved after such a step.
        parts: the run's programs and data.
        moment: where the run is.
        order: the order of the images in this epoch.

    Raises:
        UserError: naming the step, the images and the last good checkpoint.
    """
    step = int(moment.totals.nonfinite)
    whole_epoch = moment.batch == parts.epoch.steps and int(moment.totals.steps) == 0
    if step == NEVER or (config.skip_nonfinite and not whole_epoch):
        return
    batch = step - (moment.epoch - 1) * parts.epoch.steps
    images = parts.indices(order, batch)
    facts = {"step": step + 1, "epoch": moment.epoch, "batch": batch + 1, "training_images": images}
    with contextlib.suppress(UserError):  # a full disk must not hide what happened
        write_whole(folder.nonfinite, json.dumps(facts) + "\n")
    rest = len(images) - _NAMED
    more = f" and {rest} more, see {folder.nonfinite}" if rest > 0 else ""
    advice = "every step of the epoch was skipped" if whole_epoch else "--skip-nonfinite goes on"
    raise UserError(
        f"the loss, the gradient or the parameters were not finite in step {step + 1} (epoch "
        f"{moment.epoch}, batch {batch + 1}, training images "
        f"{', '.join(map(str, images[:_NAMED]))}{more}); {last_good(checkpoints)}; "
        f"a lower --lr or --clip-norm 1 may help, {advice}"
    )


def check_test_loss(row: Mapping[str, Any], checkpoints: Checkpoints) -> None:
    """Stop a run whose test loss is no longer a number, though its training loss is.

    Raises:
        UserError: naming the epoch and the last good checkpoint.
    """
    if not math.isfinite(row["test_loss"]):
        raise UserError(
            f"the test loss became {row['test_loss']} in epoch {row['epoch']} (step "
            f"{row['step']}); {last_good(checkpoints)}; a lower --lr or --clip-norm 1 may help"
        )


def last_good(checkpoints: Checkpoints) -> str:
    """The clause that names the last checkpoint, which is on the disk when this returns."""
    checkpoints.wait()
    steps = checkpoints.steps()
    if not steps:
        return "there is no checkpoint yet"
    return f"the last good checkpoint is {checkpoints.folder / str(steps[-1])}"
