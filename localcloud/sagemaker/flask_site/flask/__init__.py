"""The part of Flask that inference code may use in AWS's single-model server: a response with a status of its own."""


class Response:
    """What output_fn may return instead of a body and its type."""

    def __init__(
        self,
        response: str | bytes = b"",
        status: int = 200,
        headers: None = None,
        mimetype: str = "text/html",
    ) -> None:
        if headers is not None:
            raise NotImplementedError("The local SageMaker sends no headers of a flask.Response")
        self.status_code = status
        self.mimetype = mimetype
        self._content = response.encode() if isinstance(response, str) else response

    def get_data(self) -> bytes:
        return self._content


def has_request_context() -> bool:
    """All inference code runs in a request here but model_fn, which has nothing to answer."""
    return True
