"""Runs: a training in a folder, with checkpoints, exact resume, metrics and a display.

`train` trains a model from Python, `load` gives back what a run has learned; `run` and `sweep`
carry out what the ``jaxcnn`` command is told.
"""

from jaxcnn.extras import require

require("jaxcnn.runs", "train")

from jaxcnn.errors import UserError
from jaxcnn.runs.config import TrainConfig
from jaxcnn.runs.config_file import read_config
from jaxcnn.runs.folder import RunFolder
from jaxcnn.runs.from_python import train
from jaxcnn.runs.job import Own
from jaxcnn.runs.metrics_file import read_metrics
from jaxcnn.runs.processes import Together, join
from jaxcnn.runs.result import Result
from jaxcnn.runs.single import run
from jaxcnn.runs.stopping import Stopped
from jaxcnn.runs.trained import Facts, Trained, evaluate, load, load_trained

__all__ = [
    "Facts",
    "Own",
    "Result",
    "RunFolder",
    "Stopped",
    "Together",
    "TrainConfig",
    "Trained",
    "UserError",
    "evaluate",
    "join",
    "load",
    "load_trained",
    "read_config",
    "read_metrics",
    "run",
    "train",
]
