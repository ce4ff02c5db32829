"""The error that tells a user of a mistake."""


class UserError(ValueError):
    """A mistake that a user can mend, said in one sentence."""
