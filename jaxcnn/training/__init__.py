"""Training as pure functions: state, losses, one step, compiled programs, a loop of events.

Nothing here knows a path, prints, hears a signal or reads a command line; `jaxcnn.runs` does.
"""

from jaxcnn.extras import require

require("jaxcnn.training", "train")

from jaxcnn.training.fit import EpochDone, Moment, SpanDone, begin, fit
from jaxcnn.training.losses import cross_entropy
from jaxcnn.training.program import Programs, compile_programs
from jaxcnn.training.state import Batch, Keys, TrainState, init_state, keys_of
from jaxcnn.training.step import make_train_step
from jaxcnn.training.task import Members, Task, members_of, single
from jaxcnn.training.totals import Totals, totals_of

__all__ = [
    "Batch",
    "EpochDone",
    "Keys",
    "Members",
    "Moment",
    "Programs",
    "SpanDone",
    "Task",
    "Totals",
    "TrainState",
    "begin",
    "compile_programs",
    "cross_entropy",
    "fit",
    "init_state",
    "keys_of",
    "make_train_step",
    "members_of",
    "single",
    "totals_of",
]
