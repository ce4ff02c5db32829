"""The one error of this room."""


class UserError(ValueError):
    """A mistake that a user can mend, said in one sentence."""
