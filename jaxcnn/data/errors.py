"""The error that functions of this room raise."""

from jaxcnn.errors import UserError

DataError = UserError
"""A data set cannot be read. The same class as `jaxcnn.errors.UserError`."""
