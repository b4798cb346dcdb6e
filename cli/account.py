"""Whether an account and region can hold an environment: credentials, region, CDK bootstrap, roles, log policies."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError

from cli.findings import Finding, unread
from cli.needs import Needs
from cli.target import Target

# What the stacks are made of, by botocore's names.
SERVICES = (
    *("apigateway", "cloudformation", "cloudwatch", "ecr", "events", "glue", "kms", "lambda"),
    *("logs", "s3", "sagemaker", "sagemaker-runtime", "sns", "sqs", "ssm", "xray"),
)
# Of one account in a region.
MOST_LOG_POLICIES = 10
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


def credentials(target: Target) -> Finding:
    try:
        who = target.client("sts").get_caller_identity()
    except (ClientError, BotoCoreError) as error:
        advice = "Sign in (aws sso login, or aws configure) and name the profile: export AWS_PROFILE=..."
        return Finding("credentials", "bad", f"AWS does not know you: {str(error).rstrip('.')}", advice)
    told = f"account {who['Account']}, as {who['Arn']}"
    if str(who["Arn"]).endswith(":root") and target.where == "aws":
        return Finding("credentials", "note", told, "Work with a role instead of the account's root user.")
    return Finding("credentials", "good", told)


def region(target: Target, needs: Needs) -> Iterator[Finding]:
    session = target.session
    name = session.region_name
    if name not in needs.image_regions:
        told = f"SageMaker's XGBoost image is not in {name}"
        yield Finding("region", "bad", told, f"Use one of {', '.join(needs.image_regions)}.")
        return
    partition = session.get_partition_for_region(name)
    missing = [
        service
        for service in SERVICES
        if (known := session.get_available_regions(service, partition_name=partition)) and name not in known
    ]
    if missing:
        told = f"{name} lacks {', '.join(missing)}, as far as botocore knows"
        yield Finding("region", "bad", told, "Use another region: export AWS_DEFAULT_REGION=...")
    if needs.serverless_regions is not None and name not in needs.serverless_regions:
        told = f"SageMaker has no serverless endpoints in {name}"
        advice = (
            f'Set serving_mode="realtime" for {needs.stage} in stacks/config.py (an instance is billed by the hour), '
            f"or use one of {', '.join(needs.serverless_regions)}."
        )
        yield Finding("region", "bad", told, advice)
    elif not missing:
        has = "the XGBoost image" if needs.serverless_regions is None else "the XGBoost image and serverless endpoints"
        yield Finding("region", "good", f"{name} has the services, {has}")


def bootstrap(target: Target, needs: Needs) -> Finding:
    """The bucket and roles through which the CDK deploys."""
    name, command = f"/cdk-bootstrap/{needs.qualifier}/version", "Run: ./dev cdk bootstrap"
    try:
        version = str(target.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ParameterNotFound":
            return Finding("bootstrap", "bad", f"The CDK was never bootstrapped here: there is no {name}", command)
        return unread("bootstrap", f"The parameter {name}", error, "ssm:GetParameter")
    told = f"version {version} with the qualifier {needs.qualifier}, at least {needs.bootstrap_version} needed"
    if not version.isdecimal() or int(version) < needs.bootstrap_version:
        return Finding("bootstrap", "bad", told, command)
    return Finding("bootstrap", "good", told)


def roles(target: Target, needs: Needs) -> Iterator[Finding]:
    """Those that the CDK deploys with. It tries its caller's own permissions where it may not act as one."""
    if target.where == "local":
        yield Finding("roles", "good", "the local cloud deploys as its user, without the roles of a bootstrap")
        return
    try:
        account = target.client("sts").get_caller_identity()["Account"]
    except ClientError as error:
        yield unread("roles", "The account", error, "sts:GetCallerIdentity")
        return
    for kind in ("deploy-role", "file-publishing-role", "cfn-exec-role"):
        name = f"cdk-{needs.qualifier}-{kind}-{account}-{target.session.region_name}"
        try:
            arn = target.client("iam").get_role(RoleName=name)["Role"]["Arn"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchEntity":
                yield Finding("roles", "bad", f"There is no role {name}", "Run: ./dev cdk bootstrap")
            else:
                yield unread("roles", f"The role {name}", error, "iam:GetRole")
            continue
        yield (
            _may_act_as(target, name, arn) if kind != "cfn-exec-role" else Finding("roles", "good", f"{name} is there")
        )


def _may_act_as(target: Target, name: str, arn: str) -> Finding:
    try:
        target.client("sts").assume_role(RoleArn=arn, RoleSessionName="mlops-doctor", DurationSeconds=900)
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            return unread("roles", f"Whether you may act as {name}", error, "sts:AssumeRole")
        advice = f"Ask for sts:AssumeRole on {arn}, or deploy as somebody who may do all that the stacks do."
        return Finding("roles", "note", f"{name} is there, and you may not act as it", advice)
    return Finding("roles", "good", f"{name} is there, and you may act as it")


def log_policies(target: Target, needs: Needs) -> Iterator[Finding]:
    """The events behind the alarms need one of the few policies that let a service write into log groups."""
    if not needs.event_log:
        return
    own, names = f"{target.prefix}alerts", []
    try:
        for page in target.client("logs").get_paginator("describe_resource_policies").paginate():
            names += [item["policyName"] for item in page["resourcePolicies"]]
    except ClientError as error:
        yield unread("log policies", "The resource policies of CloudWatch Logs", error, "logs:DescribeResourcePolicies")
        return
    told = f"{len(names)} of {MOST_LOG_POLICIES} resource policies of CloudWatch Logs are taken"
    if own in names or len(names) < MOST_LOG_POLICIES:
        yield Finding("log policies", "good", told)
        return
    advice = (
        "AWS allows no more: join two that others made, and delete one with "
        "aws logs delete-resource-policy --policy-name ..."
    )
    yield Finding("log policies", "bad", f"{told}, and {needs.stage} needs one", advice)
