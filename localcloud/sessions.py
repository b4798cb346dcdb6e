"""boto3 sessions with explicit credentials that nothing on this machine (profile, ~/.aws, environment) changes."""

import os

import boto3
import botocore.loaders
import botocore.session

# Reading service models from disk is most of a client's cost: all sessions share one cache.
_loader = botocore.loaders.Loader()

# (config key, environment variable, default, conversion): read neither the variables nor the user's files.
_VARIABLES = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


def session(access_key: str, secret_key: str, *, region: str, token: str | None = None) -> boto3.Session:
    core = botocore.session.Session(session_vars=_VARIABLES)
    core.register_component("data_loader", _loader)
    return boto3.Session(
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        aws_session_token=token,
        region_name=region,
        botocore_session=core,
    )
