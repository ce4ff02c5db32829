"""The error that functions of this room raise."""

from jaxcnn.errors import UserError

InteropError = UserError
"""A model cannot be converted. The same class as `jaxcnn.errors.UserError`."""
