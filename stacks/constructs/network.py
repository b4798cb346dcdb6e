"""Jobs, endpoints and functions inside a VPC that is there already."""

from typing import cast

from aws_cdk import Aws, Stack
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.config import Network
from stacks.constructs.access import UNSCOPED, grant
from stacks.constructs.platform_function import PlatformFunction

LOOK = ("DescribeNetworkInterfaces", "DescribeSubnets", "DescribeSecurityGroups", "DescribeVpcs", "DescribeDhcpOptions")
ADDRESSES = ("AssignPrivateIpAddresses", "UnassignPrivateIpAddresses")


def vpc_config(network: Network) -> dict[str, list[str]]:
    """As SageMaker's requests have it."""
    return {"SecurityGroupIds": list(network.security_groups), "Subnets": list(network.subnets)}


def grant_interfaces(role: iam.IRole) -> None:
    """What a SageMaker job or endpoint needs to have network interfaces: SageMaker's guide lists it."""
    interfaces = [f"{verb}NetworkInterface{what}" for verb in ("Create", "Delete") for what in ("", "Permission")]
    _grant(role, *interfaces, *LOOK)


def place_functions(scope: Construct, network: Network) -> None:
    """Every function below the scope."""
    for node in scope.node.find_all():
        if isinstance(node, PlatformFunction):
            function = cast(lambda_.CfnFunction, node.node.default_child)
            function.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
                subnet_ids=list(network.subnets), security_group_ids=list(network.security_groups)
            )
            _grant(node.own_role, "CreateNetworkInterface", "DeleteNetworkInterface", *ADDRESSES, *LOOK[:3])


def glue_connection(scope: Construct, construct_id: str, *, name: str, network: Network, role: iam.IRole) -> str:
    """Name of a connection into the network's first subnet, which the role may use."""
    connection = glue.CfnConnection(
        scope,
        construct_id,
        catalog_id=Aws.ACCOUNT_ID,
        connection_input=glue.CfnConnection.ConnectionInputProperty(
            name=name,
            connection_type="NETWORK",
            connection_properties={},
            physical_connection_requirements=glue.CfnConnection.PhysicalConnectionRequirementsProperty(
                availability_zone=network.availability_zone,
                subnet_id=network.subnets[0],
                security_group_id_list=list(network.security_groups),
            ),
        ),
    )
    stack = Stack.of(scope)
    own = stack.format_arn(service="glue", resource="connection", resource_name=name)
    grant(role, ["glue:GetConnection"], [own, stack.format_arn(service="glue", resource="catalog")])
    interfaces = ("CreateNetworkInterface", "DeleteNetworkInterface", "CreateTags", "DeleteTags")
    _grant(role, *interfaces, *LOOK[:4], "DescribeVpcEndpoints", "DescribeRouteTables")
    return connection.ref


def _grant(role: iam.IRole, *actions: str) -> None:
    grant(role, [f"ec2:{action}" for action in actions], ["*"], because=UNSCOPED)
