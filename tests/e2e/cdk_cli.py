"""The real CDK command line against a local cloud, as a person and as GitHub Actions."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.host import LocalCloud
from tests.contracts import MODELS

ROOT = Path(__file__).resolve().parents[2]
ISSUER = "https://token.actions.githubusercontent.com"
REPOSITORY = "octo-org/mlops"
# What GitHub writes into `sub` for repositories made since 2026.
SUBJECT = "octo-org@1234/mlops@5678"

# The application of the tests, with GitHub's roles.
APP = f"""
import app
from stacks.config import Delivery
from tests.contracts import MODELS
from tests.example import STAGES
app.main(MODELS, Delivery({REPOSITORY!r}, accounts=(("dev", "prod"),)), STAGES)
"""


def app_without(folder: Path, model: str) -> str:
    """The application without one of its models."""
    kept = folder / "models"
    kept.mkdir()
    for path in MODELS.iterdir():
        if path.is_dir() and path.name != model:
            (kept / path.name).symlink_to(path)
    return f"""
import app, pathlib
from tests.example import STAGES
app.main(pathlib.Path({str(kept)!r}), None, STAGES)
"""


@dataclass(frozen=True)
class Cli:
    cloud: LocalCloud
    out: Path

    def run(
        self, *arguments: str, app: str = APP, credentials: dict[str, str] | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """`./dev cdk ARGUMENTS`, by the deployer or with credentials. Output and errors come together."""
        program = self.out.parent / "program.py"
        # ./dev takes no PYTHONPATH from its caller.
        program.write_text(f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{app}")
        keys = self.cloud.keys
        own = {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key}
        command = [str(ROOT / "dev"), "cdk", "--output", str(self.out), "--no-color"]
        return self.call(
            *command,
            "--app",
            f"{ROOT}/.venv/bin/python {program}",
            *arguments,
            credentials=credentials or own,
            **variables,
        )

    def call(self, *command: str, credentials: dict[str, str], **variables: str) -> subprocess.CompletedProcess[str]:
        """A command at the root of the repository, for which the local cloud is AWS."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
        environment |= {"AWS_ENDPOINT_URL": self.cloud.endpoint, "CI": "true", "AWS_EC2_METADATA_DISABLED": "true"}
        # Both, as AWS's action sets them: boto3 reads the second alone.
        environment |= {"AWS_REGION": self.cloud.region, "AWS_DEFAULT_REGION": self.cloud.region, **credentials}
        nowhere = {name: str(self.out / "none") for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")}
        return subprocess.run(
            command,
            env=environment | nowhere | variables,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def outputs(self, stack: str) -> dict[str, str]:
        (found,) = self.cloud.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return {item["OutputKey"]: item["OutputValue"] for item in found["Outputs"]}

    def github(self, role: str, **claims: str) -> dict[str, str]:
        """Credentials of the role (DiffRoleArn) for a workflow with these claims."""
        answer = self.cloud.client("sts").assume_role_with_web_identity(
            RoleArn=self.outputs("mlops-delivery")[role], RoleSessionName="github", WebIdentityToken=token(**claims)
        )["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": answer["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": answer["SecretAccessKey"],
            "AWS_SESSION_TOKEN": answer["SessionToken"],
        }


def token(*, sub: str, **claims: str) -> str:
    """A token with the claims of a workflow of the repository; `sub` is what follows the repository in the subject."""
    defaults = {"iss": ISSUER, "aud": "sts.amazonaws.com", "repository": REPOSITORY, "sub": f"repo:{SUBJECT}:{sub}"}
    return ".".join((_part({"alg": "RS256"}), _part(defaults | claims), "signature"))


def _part(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")
