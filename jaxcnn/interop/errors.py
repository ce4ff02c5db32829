"""The name by which users catch the errors of conversions."""

from jaxcnn.errors import UserError

InteropError = UserError
"""A model that cannot be had in a format; the same class as every other user error."""
