"""Errors that the emulated services raise and the JSON protocol reports."""


class OperationError(Exception):
    """An AWS error: becomes the service's JSON error response."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class AccessDenied(Exception):  # noqa: N818 - AWS's own name of the error
    """A role's policies do not allow an action on a resource."""

    def __init__(self, role: str, action: str, resource: str, *, principal: str = "", reason: str = "") -> None:
        message = f"User: {principal or role} is not authorized to perform: {action} on resource: {resource}"
        super().__init__(f"{message} {reason}".strip())
        self.role = role
        self.action = action
        self.resource = resource
