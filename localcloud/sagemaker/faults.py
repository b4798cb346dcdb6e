"""The errors of SageMaker's operations, by the names that AWS gives them."""

from localcloud.platform import OperationError


def invalid(message: str) -> OperationError:
    return OperationError("ValidationException", message)


def missing(message: str) -> OperationError:
    return OperationError("ResourceNotFound", message)


def in_use(message: str) -> OperationError:
    return OperationError("ResourceInUse", message)


def conflict(message: str) -> OperationError:
    return OperationError("ConflictException", message)


def unsupported(feature: str) -> OperationError:
    """What AWS would run and the local SageMaker does not: refused by name rather than ignored."""
    return OperationError("ValidationException", f"{feature} is not supported by the local SageMaker")
