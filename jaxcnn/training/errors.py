"""The error of this room, which is that of the whole project."""

from jaxcnn.errors import UserError

__all__ = ["UserError"]
