"""How long predict takes to start, against a handler of boto3, Powertools and pydantic that does nothing yet."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPEAT = 9
USUAL = """
import boto3
from aws_lambda_powertools import Logger
from pydantic import BaseModel
class Request(BaseModel):
    instances: list[dict[str, float]]
logger = Logger(service="predict")
runtime = boto3.client("sagemaker-runtime")
"""
# The layer, with the models, lies beside the sources here.
OURS = f"""
import contract
contract.bundled = lambda: contract.load_all({str(ROOT / "tests" / "data" / "example")!r})
import predict.handler
"""
BOTO3 = "import boto3; boto3.client('sagemaker-runtime')"
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "PYTHONPATH": os.pathsep.join(str(ROOT / "assets" / part) for part in ("shared/python", "lambda")),
    "RESOURCE_PREFIX": "mlops-dev-",
    "MODEL_TIMEOUT_SECONDS": "25",
    "RUNTIME_URL": "https://runtime.invalid",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
}


def milliseconds(code: str) -> float:
    """Of one start in a process of its own, without that of the interpreter."""
    timed = f"import time; begin = time.perf_counter()\n{code}\nprint((time.perf_counter() - begin) * 1e3)"
    done = subprocess.run([sys.executable, "-c", timed], env=ENVIRONMENT, check=True, capture_output=True, text=True)
    return float(done.stdout)


def predict_start(_data: Path) -> dict[str, float]:
    """The least of several starts, taken in turns: what else the machine does only adds to it."""
    taken = [[milliseconds(code) for code in (OURS, USUAL, BOTO3)] for _ in range(REPEAT)]
    ours, usual, boto3 = (min(column) for column in zip(*taken, strict=True))
    return {
        "boto3_powertools_pydantic_ms": round(usual, 1),
        "boto3_alone_ms": round(boto3, 1),
        "predict_ms": round(ours, 1),
        "ratio": round(ours / usual, 2),
    }
