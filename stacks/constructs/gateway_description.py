"""The API's own description, answered from S3: it is the same for everybody, and costs no execution of a function."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.bundles import Described
from stacks.config import ApiAccess
from stacks.constructs.access import grant_assets
from stacks.constructs.gateway_answers import allowed_origin, problem
from stacks.constructs.trust import trusted

# Whoever has it asks after so many seconds whether it is still the same.
CACHED = "public, max-age=300"
KNOWN = "method.request.header.If-None-Match"
TOLD = "method.response.header."


class Description(Construct):
    """Answers each document below its path. API Gateway reads it as a role that may read nothing else."""

    def __init__(
        self, scope: Construct, construct_id: str, *, access: ApiAccess, documents: Sequence[Described]
    ) -> None:
        super().__init__(scope, construct_id)
        self._documents = documents
        self._role = iam.Role(self, "Role", assumed_by=trusted(self, "apigateway"))
        origin = allowed_origin(access)
        self._headers = {"Cache-Control": CACHED, **({"Access-Control-Allow-Origin": origin} if origin else {})}

    def add_methods(self, root: apigateway.IResource, **options: Any) -> Iterator[apigateway.Method]:
        """`options` are those of every method."""
        for described in self._documents:
            headers = {**described.document.headers, **self._headers}
            yield root.add_resource(described.document.path).add_method(
                "GET",
                self._integration(described, headers),
                method_responses=[
                    apigateway.MethodResponse(
                        status_code="200", response_parameters={f"{TOLD}{name}": True for name in (*headers, "ETag")}
                    ),
                    apigateway.MethodResponse(status_code="304"),
                    apigateway.MethodResponse(status_code="502", response_parameters={f"{TOLD}Content-Type": True}),
                ],
                request_parameters={KNOWN: False},
                **options,
            )

    def _integration(self, described: Described, headers: Mapping[str, str]) -> apigateway.AwsIntegration:
        asset = described.archive.asset(self, described.document.path.partition(".")[0].capitalize())
        grant_assets(self._role, asset)
        return apigateway.AwsIntegration(
            service="s3",
            integration_http_method="GET",
            path=f"{asset.s3_bucket_name}/{asset.s3_object_key}",
            options=apigateway.IntegrationOptions(
                credentials_role=self._role,
                request_parameters={"integration.request.header.If-None-Match": KNOWN},
                integration_responses=_responses(headers),
            ),
        )


def _responses(headers: Mapping[str, str]) -> list[apigateway.IntegrationResponse]:
    """A fixed value stands in single quotes, and may hold none."""
    fixed = {f"{TOLD}{name}": f"'{value}'" for name, value in headers.items()}
    unread = json.dumps(problem("Bad Gateway", "The description cannot be read now.", 502))
    return [
        apigateway.IntegrationResponse(
            status_code="200", response_parameters={**fixed, f"{TOLD}ETag": "integration.response.header.ETag"}
        ),
        apigateway.IntegrationResponse(status_code="304", selection_pattern="304"),
        apigateway.IntegrationResponse(
            status_code="502",
            selection_pattern=r"[45]\d\d",
            response_parameters={f"{TOLD}Content-Type": "'application/problem+json'"},
            response_templates={"application/json": unread},
        ),
    ]
