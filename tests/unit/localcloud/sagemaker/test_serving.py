"""The model server's own rules: which functions a module has, and what its errors become."""

from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.sagemaker import serving
from localcloud.sagemaker.container_site.sagemaker_inference.errors import BaseInferenceToolkitError
from localcloud.sagemaker.flask_site.flask import Response


def handler(**functions: Any) -> serving.ModelHandler:
    return serving.ModelHandler(SimpleNamespace(model_fn=lambda folder: folder, **functions), "model")  # type: ignore[arg-type]


class RefusedError(BaseInferenceToolkitError):
    def __init__(self, status: int) -> None:
        super().__init__(status, "not so", "Refused")


def with_status(code: int) -> Exception:
    error = ValueError("not so")
    error.status_code = code  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "status"),
    [(ValueError("not so"), 500), (with_status(400), 500), (RefusedError(422), 422), (RefusedError(503), 503)],
)
def test_the_server_of_many_models_takes_the_status_of_the_toolkits_errors(error: Exception, status: int) -> None:
    answer = serving.failure(error, multi_model=True)
    assert (answer.status, answer.body.decode().splitlines()[0]) == (status, "not so")
    one = serving.failure(error, multi_model=False)
    assert (one.status, b"not so" in one.body, b"Internal Server Error" in one.body) == (500, False, True)


def test_a_response_is_sent_as_it_is() -> None:
    response = Response("{}", status=415, mimetype="application/json")
    one = handler(transform_fn=lambda model, body, kind, accept: response)
    assert one.answer(b"", "text/csv", "text/plain") == (415, "application/json", b"{}")


def test_three_functions_or_one() -> None:
    three = handler(
        input_fn=lambda body, kind: (body, kind),
        predict_fn=lambda data, model: [*data, model],
        output_fn=lambda prediction, accept: "|".join(prediction),
    )
    assert three.answer(b"x", "text/csv", "text/plain") == (200, "text/plain", b"x|text/csv|model")
    one = handler(transform_fn=lambda model, body, kind, accept: (body + b"!", "image/png"))
    assert one.answer(b"x", "image/png", "*/*") == (200, "image/png", b"x!")


def test_bytes_that_are_no_text_are_marked_by_one_server_and_refused_by_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = handler(transform_fn=lambda model, body, kind, accept: (str(body), kind))
    assert one.answer(b"a\xe9", "text/csv", "*/*").body == "a\ufffd".encode()
    assert one.answer(b"a\xe9", "text/plain", "*/*").body == rb"b'a\xe9'"
    monkeypatch.setattr(serving, "MULTI_MODEL", True)
    with pytest.raises(UnicodeDecodeError):
        one.answer(b"a\xe9", "text/csv", "*/*")


def test_a_context_argument_is_passed_as_none() -> None:
    one = handler(transform_fn=lambda model, body, kind, accept, context: str(context))
    assert one.answer(b"", "text/csv", "text/plain").body == b"None"


def test_functions_that_do_not_go_together_or_are_missing() -> None:
    with pytest.raises(ValueError, match="Cannot use transform_fn together with input_fn"):
        handler(transform_fn=print, input_fn=print)
    with pytest.raises(NotImplementedError, match="Please provide an implementation of input_fn, output_fn"):
        handler(predict_fn=print)
