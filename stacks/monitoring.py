"""Where people hear of trouble: the topic of every alarm, the events behind them, the dashboard and the budget."""

from collections.abc import Iterable, Sequence

from aws_cdk import ArnFormat, Aws, CfnOutput, RemovalPolicy
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk.aws_sns_subscriptions import EmailSubscription
from constructs import Construct

from stacks.config import StageConfig
from stacks.constructs.alerts import FIVE_MINUTES, Alerts
from stacks.constructs.customer_key import PUBLISHERS, CustomerKey
from stacks.constructs.endpoint_alarms import NAMESPACE, endpoint_metric
from stacks.platform_stack import PlatformStack

# Of the month's amount, in percent. A forecast tells of a month that is going to end above it.
SPENT, FORECAST = 80, 100
# Alarms that a widget of their states takes.
SHOWN = 100


class MonitoringStack(PlatformStack):
    """The others depend on it by the topic alone, so that what they are made of can change freely.

    The dashboard therefore knows alarms, endpoints and the API by name.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: StageConfig) -> None:
        super().__init__(
            scope, construct_id, config=config, description="Topic of the alarms, their events, dashboard and budget"
        )
        self._key = self._add_key() if config.alerting.encrypted and not config.customer_key else None
        self._topic = self._add_topic()
        self.alerts = Alerts(self._topic, config=config, key=self._key)
        if config.alerting.alarms:
            self._add_event_log()
        if config.alerting.monthly_budget_usd:
            self._add_budget(config.alerting.monthly_budget_usd)

    def _add_key(self) -> CustomerKey:
        """Alarms cannot use AWS's own key for topics: its policy lets no service in, and cannot be changed."""
        return CustomerKey(
            self,
            "AlertsKey",
            alias=f"{self._config.prefix}alerts",
            description="Messages of this environment's alarms",
            services=PUBLISHERS,
            # Nothing that stays is encrypted with it.
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _add_topic(self) -> sns.Topic:
        topic = sns.Topic(self, "Alerts", enforce_ssl=True, master_key=self._key)
        # The policy that enforces TLS takes the place of the one with which AWS lets an account's alarms publish.
        alarms = self._alarm_arn(f"{self._config.prefix}*")
        self._let_publish(topic, "cloudwatch.amazonaws.com", {"ArnLike": {"aws:SourceArn": alarms}})
        for address in self._config.alerting.emails:
            topic.add_subscription(EmailSubscription(address))
        CfnOutput(self, "AlertsTopicArn", value=topic.topic_arn)
        return topic

    def _add_event_log(self) -> None:
        """Where rules of any stack write the events that alarms count: a history, with the events' own words."""
        group = logs.LogGroup(
            self,
            "Events",
            log_group_name=self.alerts.event_log,
            retention=self._config.log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        # That the account and the rule are sent is written for other targets of a rule, not for log groups.
        rules = self.format_arn(service="events", resource=f"rule/{self._config.prefix}*")
        sources = [rules, self.format_arn(service="logs", resource="*")]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": group.log_group_arn,
            "Condition": {
                "StringEqualsIfExists": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                "ArnLikeIfExists": {"aws:SourceArn": sources},
            },
        }
        document = self.to_json_string({"Version": "2012-10-17", "Statement": [statement]})
        # An account has ten of these in a region.
        logs.CfnResourcePolicy(
            self, "EventsPolicy", policy_name=f"{self._config.prefix}alerts", policy_document=document
        )

    def _let_publish(self, topic: sns.Topic, service: str, conditions: dict[str, dict[str, str]]) -> None:
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                principals=[iam.ServicePrincipal(service)],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}, **conditions},
            )
        )

    def _add_budget(self, amount: int) -> None:
        """Of what carries the environment's tags, which have to be activated as cost allocation tags.

        Of both: `stage` alone would count another project's environment of that name. Filters cannot ask for two.
        """
        self._let_publish(self._topic, "budgets.amazonaws.com", {})
        tagged = [
            budgets.CfnBudget.ExpressionProperty(
                tags=budgets.CfnBudget.TagValuesProperty(key=key, values=[value], match_options=["EQUALS"])
            )
            for key, value in self._config.tags.items()
        ]
        in_region = budgets.CfnBudget.ExpressionProperty(
            dimensions=budgets.CfnBudget.ExpressionDimensionValuesProperty(
                key="REGION", values=[Aws.REGION], match_options=["EQUALS"]
            )
        )
        to_topic = budgets.CfnBudget.SubscriberProperty(address=self._topic.topic_arn, subscription_type="SNS")
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                # An account's budgets are those of all regions.
                budget_name=f"{self._config.prefix}monthly-{Aws.REGION}",
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=amount, unit="USD"),
                metrics=["UnblendedCost"],
                filter_expression=budgets.CfnBudget.ExpressionProperty(and_=[*tagged, in_region]),
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type=kind,
                        comparison_operator="GREATER_THAN",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[to_topic],
                )
                for kind, percent in (("ACTUAL", SPENT), ("FORECASTED", FORECAST))
            ],
        )

    def add_dashboard(self, models: Iterable[str]) -> None:
        """Once every stack has made its alarms. `models`: those with an endpoint, or the one that several share."""
        if not self._config.alerting.dashboard:
            return
        # An account's dashboards are those of all regions.
        name = f"{self._config.prefix}overview-{Aws.REGION}"
        dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=name)
        alarms = [
            cloudwatch.Alarm.from_alarm_arn(self, name, self._alarm_arn(name)) for name in sorted(self.alerts.names)
        ]
        for first in range(0, len(alarms), SHOWN):
            some = alarms[first : first + SHOWN]
            dashboard.add_widgets(cloudwatch.AlarmStatusWidget(title="Alarms", alarms=some, width=24, height=6))
        dashboard.add_widgets(*self._api_widgets())
        CfnOutput(self, "DashboardName", value=dashboard.dashboard_name)
        if self._config.many_models:
            dashboard.add_widgets(*self._search_widgets())
            return
        for model in models:
            dashboard.add_widgets(*self._model_widgets(model))
        # Each draws what its alarm watches, with the threshold.
        graphs = zip(sorted(self.alerts.names), alarms, strict=True)
        dashboard.add_widgets(
            *(cloudwatch.AlarmWidget(title=name, alarm=alarm, width=6, height=4) for name, alarm in graphs)
        )

    def _api_widgets(self) -> Sequence[cloudwatch.IWidget]:
        def metric(name: str, statistic: str) -> cloudwatch.Metric:
            api = {"ApiName": f"{self._config.prefix}predictions"}
            return cloudwatch.Metric(
                namespace="AWS/ApiGateway",
                metric_name=name,
                dimensions_map=api,
                statistic=statistic,
                period=FIVE_MINUTES,
            )

        counts = [metric(name, "Sum") for name in ("Count", "4XXError", "5XXError")]
        return [
            cloudwatch.GraphWidget(title="API requests", left=counts, width=12),
            cloudwatch.GraphWidget(
                title="API latency", left=[metric("Latency", "p50"), metric("Latency", "p99")], width=12
            ),
        ]

    def _model_widgets(self, model: str) -> Sequence[cloudwatch.IWidget]:
        endpoint = self._config.resource_name(model)
        counts = ("Invocations", "Invocation4XXErrors", "Invocation5XXErrors")
        latency = [endpoint_metric(endpoint, "ModelLatency", statistic) for statistic in ("p50", "p90")]
        return [
            cloudwatch.GraphWidget(
                title=f"{model} endpoint", left=[endpoint_metric(endpoint, name, "Sum") for name in counts], width=12
            ),
            cloudwatch.GraphWidget(title=f"{model} latency, microseconds", left=latency, width=12),
        ]

    def _search_widgets(self) -> Sequence[cloudwatch.IWidget]:
        """Of many models a dashboard, which has 500 widgets, cannot draw each: it looks for their endpoints itself."""

        def found(metric: str, statistic: str) -> cloudwatch.MathExpression:
            of_environment = f'MetricName="{metric}" EndpointName={self._config.prefix.rstrip("-")}'
            search = f"SEARCH('{{{NAMESPACE},EndpointName,VariantName}} {of_environment}', '{statistic}', 300)"
            return cloudwatch.MathExpression(expression=search, label="", period=FIVE_MINUTES)

        return [
            cloudwatch.GraphWidget(title=title, left=[found(metric, statistic)], width=12)
            for title, metric, statistic in (
                ("Invocations by endpoint", "Invocations", "Sum"),
                ("Server errors by endpoint", "Invocation5XXErrors", "Sum"),
                ("Latency by endpoint, microseconds", "ModelLatency", "p90"),
            )
        ]

    def _alarm_arn(self, name: str) -> str:
        return self.format_arn(
            service="cloudwatch", resource="alarm", resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
