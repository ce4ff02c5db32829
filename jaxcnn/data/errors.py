"""The name by which users catch the errors of data sets."""

from jaxcnn.errors import UserError

DataError = UserError
"""A data set that cannot be read, in one sentence; the same class as every other user error."""
