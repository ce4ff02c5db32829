"""The error of exports and of exchanging weights."""

from jaxcnn.errors import UserError

InteropError = UserError
"""An export or a conversion that is not possible; the same class as every other user error."""
