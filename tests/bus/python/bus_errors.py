"""Exceptions that a client lets be rebuilt, in the form that Magnum's have."""


class ObjectGone(Exception):
    """Built from keyword arguments, with a status for HTTP, as magnum.common.exception.MagnumException."""

    code = 404

    def __init__(self, message=None, **kwargs):
        self.kwargs = kwargs
        self.kwargs.setdefault("code", self.code)
        super().__init__(message or "Object %(id)s is gone." % kwargs)
