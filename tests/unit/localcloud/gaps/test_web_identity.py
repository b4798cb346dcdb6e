"""Roles for the holders of tokens: whom a provider and a trust policy let in."""

import base64
import json

import pytest
from botocore.exceptions import ClientError

from tests.unit.localcloud.gaps.support import deploy

HOST = "token.actions.githubusercontent.com"


def part(document: dict) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def token(**claims: str) -> str:
    defaults = {"iss": f"https://{HOST}", "aud": "sts.amazonaws.com", "sub": "repo:a/b:ref:refs/heads/main"}
    return f"{part({'alg': 'RS256'})}.{part(defaults | claims)}.x"


def provider(**properties: object) -> dict:
    return {"Type": "AWS::IAM::OIDCProvider", "Properties": {"Url": f"https://{HOST}", **properties}}


@pytest.fixture(scope="module")
def role(cloud):
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": {"Ref": "Provider"}},
        "Condition": {"StringEquals": {f"{HOST}:ref": "refs/heads/main", f"{HOST}:repository": "a/b"}},
    }
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    resources = {
        "Provider": provider(ClientIdList=["sts.amazonaws.com"]),
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}},
    }
    name = deploy(cloud, "identity", resources)["Role"]
    return f"arn:aws:iam::000000000000:role/{name}"


def assume(cloud, role: str, **claims: str) -> str:
    sts = cloud.client("sts")
    found = sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="session", WebIdentityToken=token(**claims))
    return found["AssumedRoleUser"]["Arn"]


def test_claims_of_the_provider_are_condition_keys(cloud, role):
    arn = assume(cloud, role, ref="refs/heads/main", repository="a/b")
    assert arn == f"{role.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/')}/session"

    for claims in ({"ref": "refs/heads/other", "repository": "a/b"}, {"ref": "refs/heads/main"}):
        with pytest.raises(ClientError, match="AccessDenied"):
            assume(cloud, role, **claims)


def test_the_account_has_to_know_issuer_and_audience(cloud, role):
    claims = {"ref": "refs/heads/main", "repository": "a/b"}
    with pytest.raises(ClientError, match="No OpenIDConnect provider found in your account for https://other"):
        assume(cloud, role, iss="https://other", **claims)
    with pytest.raises(ClientError, match="Incorrect token audience"):
        assume(cloud, role, aud="https://github.com/a", **claims)


def test_a_provider_is_updated_in_place_and_goes_with_its_stack(cloud):
    iam, url = cloud.client("iam"), "https://login.example.com"
    arn = "arn:aws:iam::000000000000:oidc-provider/login.example.com"
    for audiences in (["one"], ["two"]):
        deploy(cloud, "provider", {"Provider": provider(Url=url, ClientIdList=audiences)})
        assert iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"] == audiences
    cloud.client("cloudformation").delete_stack(StackName="provider")
    cloud.client("cloudformation").get_waiter("stack_delete_complete").wait(StackName="provider")
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
