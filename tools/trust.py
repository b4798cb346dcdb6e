"""Which authorities the package clients trust: those of the system, so that a company's own count."""

from __future__ import annotations

import os
import ssl
import sys
from pathlib import Path

# pip has taken the system's certificates by itself since, and on request since.
TRUSTS_SYSTEM, CAN_TRUST_SYSTEM = (24, 2), (24, 0)
BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def uv_environment() -> dict[str, str]:
    """uv has a list of its own otherwise, which stays where the system has none."""
    ours = dict(os.environ)
    if "UV_SYSTEM_CERTS" not in ours and (sys.platform == "darwin" or system_bundle()):
        ours["UV_SYSTEM_CERTS"] = "true"
    return ours


def pip_options(version: tuple[int, ...]) -> list[str]:
    """For a pip of this version, unless its user has told it what to trust."""
    if os.environ.get("PIP_CERT") or version >= TRUSTS_SYSTEM:
        return []
    if version >= CAN_TRUST_SYSTEM:
        return ["--use-feature=truststore"]
    bundle = system_bundle()
    return ["--cert", str(bundle)] if bundle else []


def system_bundle() -> Path | None:
    """The file with the system's certificates; SSL_CERT_FILE names another one."""
    named = [os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile, *BUNDLES]
    return next((Path(name) for name in named if name and Path(name).is_file()), None)
