"""Commands for the cluster that shows the page: the Secret with the key of the REST API."""

from __future__ import annotations

import base64
import json
import subprocess
from typing import Annotated, Any

import typer

from cli.errors import CliError
from cli.options import Json, On, Stage, errors, print_json, progress
from cli.target import Target, find_target

NAMESPACE = "mlops"
# As the Deployment in k8s/base names it.
SECRET = "page-api-key"  # noqa: S105  (the name of the object)

app = typer.Typer(no_args_is_help=True, help="The page in a Kubernetes cluster.")


@app.command()
def secret(
    apply: Annotated[bool, typer.Option("--apply", help="Hand it to kubectl; the key is shown nowhere.")] = False,
    stage: Stage = None,
    on: On = None,
    as_json: Json = False,
) -> None:
    """Write the Secret with the API's key: a manifest on stdout (JSON, which kubectl takes), or into the cluster."""
    with errors(as_json):
        manifest = secret_manifest(find_target(where=on, stage=stage))
        if not apply:
            print_json(manifest, indent=2)
            return
        _apply(manifest)
        if as_json:
            print_json({"applied": f"secret/{SECRET}", "namespace": NAMESPACE})
        else:
            progress.print(f"The cluster has secret/{SECRET} in {NAMESPACE}.")


def secret_manifest(target: Target) -> dict[str, Any]:
    """Raises CliError where callers of the API sign with IAM: there is no key then."""
    if target.page_key is None:
        raise CliError(
            f"The REST API of {target.stage} has no key: its callers sign with IAM.",
            'The page needs a key: set ApiAccess(auth="api-key") in stacks/config.py and deploy.',
        )
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET, "namespace": NAMESPACE, "labels": {"app.kubernetes.io/part-of": "mlops"}},
        "type": "Opaque",
        "data": {"API_KEY": base64.b64encode(target.page_key.encode()).decode()},
    }


def _apply(manifest: dict[str, Any]) -> None:
    """Server-side: an apply by the client would keep a second copy of the key, in an annotation."""
    try:
        done = subprocess.run(
            ["kubectl", "apply", "--server-side", "--filename", "-"],
            input=json.dumps(manifest),
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise CliError("kubectl was not found.", "Install it, or leave --apply out and take the manifest.") from None
    if done.returncode:
        # A refusal may quote what was refused.
        said = done.stderr.replace(manifest["data"]["API_KEY"], "***").strip()
        raise CliError(
            f"kubectl could not apply the Secret: {said}", "Is the namespace there? Apply the overlay first."
        )
