"""The one error of this room."""


class DataError(ValueError):
    """A data set that cannot be had, in one sentence meant for the person who asked for it."""
