"""Errors as the client-server API has them."""

from web import Response


class MatrixError(Exception):
    def __init__(self, status, code, text, **members):
        super().__init__(text)
        self.status, self.code, self.members = status, code, members

    def response(self):
        return Response(self.status, {"errcode": self.code, "error": str(self), **self.members})


class Forbidden(MatrixError):
    def __init__(self, text):
        super().__init__(403, "M_FORBIDDEN", text)


class NotFound(MatrixError):
    def __init__(self, text):
        super().__init__(404, "M_NOT_FOUND", text)


class Invalid(MatrixError):
    def __init__(self, text, code="M_INVALID_PARAM"):
        super().__init__(400, code, text)


class UnknownToken(MatrixError):
    def __init__(self, soft):
        super().__init__(401, "M_UNKNOWN_TOKEN", "Unknown or expired access token", soft_logout=soft)
