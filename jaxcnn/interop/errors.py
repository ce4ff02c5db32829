"""The one error of this room."""


class InteropError(ValueError):
    """A model that cannot be had in a format, in one sentence for the person who asked for it."""
