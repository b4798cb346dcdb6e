"""The model server's own rules: which functions a module has, and what its errors become."""

from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.sagemaker import serving
from localcloud.sagemaker.container_site.sagemaker_inference.errors import BaseInferenceToolkitError


def handler(**functions: Any) -> serving.ModelHandler:
    return serving.ModelHandler(SimpleNamespace(model_fn=lambda folder: folder, **functions), "model")  # type: ignore[arg-type]


def status_of(error: Exception) -> tuple[int, str]:
    answer = serving.failure(error)
    return answer.status, answer.body.decode().splitlines()[0]


def with_status(code: Any) -> Exception:
    error = ValueError("not so")
    error.status_code = code  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("not so"), 500),
        (with_status(400), 400),
        (with_status(499), 499),
        (with_status(503), 500),
        (with_status("400"), 500),
        (BaseInferenceToolkitError(422, "not so", "Unprocessable"), 422),
    ],
)
def test_only_a_client_status_of_the_error_itself_is_taken_over(error: Exception, status: int) -> None:
    assert status_of(error) == (status, "not so")


def test_three_functions_or_one() -> None:
    three = handler(
        input_fn=lambda body, kind: (body, kind),
        predict_fn=lambda data, model: [*data, model],
        output_fn=lambda prediction, accept: "|".join(prediction),
    )
    assert three.answer(b"x", "text/csv", "text/plain") == (200, "text/plain", b"x|text/csv|model")
    one = handler(transform_fn=lambda model, body, kind, accept: (body + b"!", "image/png"))
    assert one.answer(b"x", "image/png", "*/*") == (200, "image/png", b"x!")


def test_a_context_argument_is_passed_as_none() -> None:
    one = handler(transform_fn=lambda model, body, kind, accept, context: str(context))
    assert one.answer(b"", "text/csv", "text/plain").body == b"None"


def test_functions_that_do_not_go_together_or_are_missing() -> None:
    with pytest.raises(ValueError, match="Cannot use transform_fn together with input_fn"):
        handler(transform_fn=print, input_fn=print)
    with pytest.raises(NotImplementedError, match="Please provide an implementation of input_fn, output_fn"):
        handler(predict_fn=print)
