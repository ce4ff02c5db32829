"""The experiment runner: config, state, one pure step, the loop, run folders."""

from jaxcnn.extras import require

require("jaxcnn.training", "train")

from jaxcnn.training.config import TrainConfig, UserError
from jaxcnn.training.loop import Result, evaluate, train
from jaxcnn.training.run_folder import RunFolder, read_config, read_metrics
from jaxcnn.training.step import Batch, Totals, make_train_step, totals_of
from jaxcnn.training.stopping import Stopped
from jaxcnn.training.trained import Facts, Trained, load_trained

__all__ = [
    "Batch",
    "Facts",
    "Result",
    "RunFolder",
    "Stopped",
    "Totals",
    "TrainConfig",
    "Trained",
    "UserError",
    "evaluate",
    "load_trained",
    "make_train_step",
    "read_config",
    "read_metrics",
    "totals_of",
    "train",
]
