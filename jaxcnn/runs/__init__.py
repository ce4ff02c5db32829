"""The experiment runner: config, state, one pure step, the loop, run folders."""

from jaxcnn.runs.config import TrainConfig, UserError
from jaxcnn.runs.folder import RunFolder, read_config, read_metrics
from jaxcnn.runs.run import Result, evaluate, train
from jaxcnn.runs.stopping import Stopped
from jaxcnn.runs.trained import Facts, Trained, load_trained
from jaxcnn.training.step import Batch, Totals, make_train_step, totals_of

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
