"""Errors that inference code raises to choose the HTTP status of its answer."""


class BaseInferenceToolkitError(Exception):
    """An error with a status, a message (the body of the answer) and a phrase."""

    def __init__(self, status_code: int, message: str, phrase: str) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.message = message
        self.phrase = phrase


class GenericInferenceToolkitError(BaseInferenceToolkitError):
    """Any error, by default with its message as phrase."""

    def __init__(self, status_code: int, message: str | None = None, phrase: str | None = None) -> None:
        text = message or "Invalid Request"
        super().__init__(status_code, text, phrase or text)
