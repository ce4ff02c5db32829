"""Training as pure functions: the state of a model that learns, one step, evaluation."""

from jaxcnn.training.step import Batch, Totals, make_train_step, totals_of

__all__ = ["Batch", "Totals", "make_train_step", "totals_of"]
