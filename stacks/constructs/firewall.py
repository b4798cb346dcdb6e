"""AWS WAF in front of the API: off unless an environment asks for it, because it costs by the hour."""

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

# Requests of one address in five minutes; never fewer than the throttle lets through. The page is one address for all
# of its visitors, and so is an office.
LEAST_LIMIT = 2000
FIVE_MINUTES = 300
# AWS's own rules, and those of them that only count: a body of hundreds of instances is larger than 8 KB.
MANAGED = {
    "AWSManagedRulesCommonRuleSet": ("SizeRestrictions_BODY",),
    "AWSManagedRulesKnownBadInputsRuleSet": (),
    "AWSManagedRulesAmazonIpReputationList": (),
}


class Firewall(Construct):
    def __init__(
        self, scope: Construct, construct_id: str, *, stage: apigateway.Stage, requests_per_second: int
    ) -> None:
        """`requests_per_second`: the most that the API's throttle lets through."""
        super().__init__(scope, construct_id)
        limit = max(LEAST_LIMIT, requests_per_second * FIVE_MINUTES)
        managed = [_managed(name, counted, at) for at, (name, counted) in enumerate(MANAGED.items())]
        acl = waf.CfnWebACL(
            self,
            "Rules",
            scope="REGIONAL",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visible("Rules"),
            rules=[*managed, _rate(len(managed), limit)],
        )
        waf.CfnWebACLAssociation(self, "Association", resource_arn=stage.stage_arn, web_acl_arn=acl.attr_arn)


def _managed(name: str, counted: tuple[str, ...], priority: int) -> waf.CfnWebACL.RuleProperty:
    count = waf.CfnWebACL.RuleActionProperty(count={})
    overrides = [waf.CfnWebACL.RuleActionOverrideProperty(name=rule, action_to_use=count) for rule in counted]
    group = waf.CfnWebACL.ManagedRuleGroupStatementProperty(
        vendor_name="AWS", name=name, rule_action_overrides=overrides or None
    )
    return waf.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
        statement=waf.CfnWebACL.StatementProperty(managed_rule_group_statement=group),
        visibility_config=_visible(name),
    )


def _rate(priority: int, limit: int) -> waf.CfnWebACL.RuleProperty:
    rate = waf.CfnWebACL.RateBasedStatementProperty(limit=limit, aggregate_key_type="IP")
    return waf.CfnWebACL.RuleProperty(
        name="Rate",
        priority=priority,
        action=waf.CfnWebACL.RuleActionProperty(block={}),
        statement=waf.CfnWebACL.StatementProperty(rate_based_statement=rate),
        visibility_config=_visible("Rate"),
    )


def _visible(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )
