"""From an uploaded file to a data set: rule, queue, start_etl, Glue workflow and job."""

import json
from typing import Any

from aws_cdk import CfnOutput, Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from constructs import Construct

from contract import BATCH_PREFIX
from stacks.constructs.access import (
    grant,
    grant_absence,
    grant_assets,
    grant_listing,
    grant_logs,
    grant_metrics,
    grant_objects,
)
from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.customer_key import glue_security
from stacks.constructs.dispatch import Dispatch, Uploads, Waiting, Workflow
from stacks.constructs.network import glue_connection
from stacks.constructs.platform_function import PlatformFunction, contract_layer
from stacks.constructs.queues import DeadLetterQueue, WorkQueue
from stacks.constructs.trust import trusted
from stacks.platform_stack import RECEIPTS, Foundation, ModelStack

GLUE_VERSION = "5.1"
# To read a file that was sent in parts, which S3 gives no hash of: 5 GB take some 70 s. Within the queue's patience.
READ = Duration.seconds(170)
# A workflow run takes what its job may take, and this until the job begins. Also of what people are told.
TO_START = Duration.minutes(30)


class EtlStack(ModelStack):
    def __init__(self, scope: Construct, construct_id: str, *, foundation: Foundation) -> None:
        super().__init__(scope, construct_id, foundation=foundation, description="Uploaded files become data sets")
        self._hashes = {name: contract.hash for name, contract in self._contracts.items()}
        self._job = f"{self._config.prefix}pre-processing"
        self._workflow = f"{self._config.prefix}etl"
        self._workflow_arn = self.format_arn(service="glue", resource="workflow", resource_name=self._workflow)
        self._layer = contract_layer(self, self._bundles)
        self._add_workflow(self._add_job())
        self._add_start()
        self._add_alarms()

    def _add_job(self) -> glue.CfnJob:
        role = iam.Role(self, "PreProcessingRole", assumed_by=trusted(self, "glue"))
        script = self._bundles.glue_script.asset(self, "Script")
        modules = self._bundles.glue_modules.asset(self, "Modules")
        contracts = self._bundles.contracts.asset(self, "Contracts")
        grant_assets(role, script, modules, contracts)
        self._grant_data(role)
        capacity = self._config.glue
        job = glue.CfnJob(
            self,
            "PreProcessing",
            name=self._job,
            description="A CSV object version to train, validation and test parts and a fitted recipe",
            role=role.role_arn,
            glue_version=GLUE_VERSION,
            worker_type=capacity.worker_type,
            number_of_workers=capacity.workers,
            timeout=capacity.timeout_minutes,
            # The queue and a new upload are the retries: a bad file stays bad.
            max_retries=0,
            execution_property=glue.CfnJob.ExecutionPropertyProperty(max_concurrent_runs=capacity.concurrent_runs),
            command=glue.CfnJob.JobCommandProperty(
                name="glueetl", python_version="3", script_location=script.s3_object_url
            ),
            default_arguments={
                "--job-language": "python",
                "--extra-py-files": f"{modules.s3_object_url},{contracts.s3_object_url}",
                "--processed_bucket": self._buckets.processed.bucket_name,
                "--enable-metrics": "true",
                "--custom-logGroup-prefix": self._config.glue_logs,
            },
        )
        self._add_options(job, role)
        # Glue reads the script with the role: the policy has to be there first.
        job.node.add_dependency(role)
        encrypted = "CloudWatch Logs encrypts at rest; a key of one's own is a matter of configuration."
        acknowledge(job, {"AwsSolutions-GL1": encrypted, "AwsSolutions-GL3": "The job keeps no bookmark."})
        CfnOutput(self, "JobName", value=job.ref)
        return job

    def _add_options(self, job: glue.CfnJob, role: iam.Role) -> None:
        """A network and a key, where the environment has them."""
        prefix, key = self._config.prefix, self._buckets.processed.encryption_key
        if self._config.network is not None:
            name = glue_connection(self, "Network", name=f"{prefix}network", network=self._config.network, role=role)
            job.connections = glue.CfnJob.ConnectionsListProperty(connections=[name])
        if key is not None:
            job.security_configuration = glue_security(
                self, "Security", name=f"{prefix}etl", key=key, role=role, log_groups=f"{self._config.glue_logs}/*"
            )

    def _grant_data(self, role: iam.Role) -> None:
        raw, processed = self._buckets.raw, self._buckets.processed
        runs = [f"{model}/run=*" for model in self._scopes]
        grant_objects(role, raw, [f"{model}/*" for model in self._scopes], "s3:GetObjectVersion")
        grant_absence(role, raw, versions=True)
        writing = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload")
        grant_objects(role, processed, runs, *writing)
        # Without a condition on the prefix: Spark asks for objects that are not there yet, and S3 answers 403 instead
        # of 404 to a HEAD request that a conditional grant does not cover.
        # Glue 5.1 writes through S3A, whose committers look for uploads that an earlier attempt left unfinished.
        grant(role, ["s3:ListBucket", "s3:ListBucketMultipartUploads"], [processed.bucket_arn])
        grant(role, ["glue:GetWorkflowRunProperties"], [self._workflow_arn])
        grant_logs(role, f"{self._config.glue_logs}/*")
        grant_metrics(role, "Glue")

    def _add_workflow(self, job: glue.CfnJob) -> None:
        runs = self._config.glue.concurrent_runs
        workflow = glue.CfnWorkflow(
            self,
            "Workflow",
            name=self._workflow,
            description="One run for each uploaded object version",
            max_concurrent_runs=runs,
        )
        glue.CfnTrigger(
            self,
            "Start",
            name=f"{self._workflow}-start",
            type="ON_DEMAND",
            workflow_name=workflow.ref,
            actions=[glue.CfnTrigger.ActionProperty(job_name=job.ref)],
        )
        CfnOutput(self, "WorkflowName", value=workflow.ref)
        # With these two a client knows the run of a file before the run starts.
        CfnOutput(self, "EtlCodeHash", value=self._bundles.etl_code_hash)
        CfnOutput(self, "ContractHashes", value=json.dumps(self._hashes, sort_keys=True))

    def _add_start(self) -> None:
        dead_letters = DeadLetterQueue(self, "UploadDlq", alerts=self._alerts)
        self.uploads = queue = WorkQueue(
            self, "UploadQueue", retry_after=Duration.minutes(3), attempts=5, dead_letters=dead_letters
        )
        rule = events.Rule(
            self,
            "Uploaded",
            description="A file lands under the prefix of a model",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [self._buckets.raw.bucket_name]},
                    "object": {"key": self._keys()},
                },
            ),
        )
        rule.add_target(targets.SqsQueue(queue, dead_letter_queue=dead_letters))
        function = self._add_function(dead_letters)
        # A file each: a large one is read for as long as the function has.
        function.add_event_source(SqsEventSource(queue, batch_size=1, report_batch_item_failures=True))
        Dispatch(
            self,
            config=self._config,
            code=self._bundles.functions["start_etl"],
            layer=self._layer,
            alerts=self._alerts,
            workflow=Workflow(self._workflow_arn, job=self._job, environment=self._function_environment()),
            waiting=Waiting(self._buckets.processed, models=self._scopes),
            uploads=Uploads(queue, dead_letters),
        )
        CfnOutput(self, "UploadQueueUrl", value=queue.queue_url)
        CfnOutput(self, "UploadDlqUrl", value=dead_letters.queue_url)

    def _keys(self) -> list[dict[str, Any]]:
        """Of files below a model's prefix; of many models, below any but that of batches."""
        if self._config.many_models:
            return [{"anything-but": {"prefix": BATCH_PREFIX}}]
        return [{"prefix": f"{model}/"} for model in self._models]

    def _add_function(self, dead_letters: DeadLetterQueue) -> PlatformFunction:
        processed = self._buckets.processed
        function = PlatformFunction(
            self,
            "StartEtl",
            description="Puts an uploaded file on the waiting list, once",
            code=self._bundles.functions["start_etl"],
            layer=self._layer,
            environment={**self._function_environment(), "ETL_CODE_HASH": self._bundles.etl_code_hash},
            dead_letters=dead_letters,
            alerts=self._alerts,
            log_retention=self._config.log_retention,
            timeout=READ,
            memory_mb=512,
        )
        grant_objects(function.own_role, self._buckets.raw, [f"{m}/*" for m in self._scopes], "s3:GetObjectVersion")
        grant_absence(function.own_role, self._buckets.raw, versions=True)
        manifests = [f"{model}/run=*/manifest.json" for model in self._scopes]
        waiting = Waiting(processed, models=self._scopes)
        grant_objects(function.own_role, processed, waiting.claims, "s3:GetObject", "s3:PutObject")
        grant_objects(function.own_role, processed, waiting.tickets, "s3:PutObject")
        grant_listing(function.own_role, processed, manifests)
        grant_objects(function.own_role, processed, [f"{RECEIPTS}*"], "s3:PutObject")
        grant(function.own_role, ["glue:GetWorkflowRun"], [self._workflow_arn])
        return function

    def _function_environment(self) -> dict[str, str]:
        longest = Duration.minutes(self._config.glue.timeout_minutes).plus(TO_START)
        return {
            "WORKFLOW_NAME": self._workflow,
            "PROCESSED_BUCKET": self._buckets.processed.bucket_name,
            "LONGEST_RUN_SECONDS": str(longest.to_seconds()),
        }

    def _add_alarms(self) -> None:
        """A refused file ends the job as a crash does: its reason and its refused.json tell them apart."""
        crashed = [{"anything-but": {"wildcard": "*Refused: *"}}, {"exists": False}]
        self._alerts.add_for_event(
            self,
            "EtlFailed",
            source="aws.glue",
            detail_type="Glue Job State Change",
            detail={"jobName": [self._job], "state": ["FAILED", "TIMEOUT", "ERROR"], "message": crashed},
            name="etl-failures",
            runbook="etl-failures",
            means="The Glue job failed, and not because of its data file.",
        )
        self._alerts.add_for_event(
            self,
            "Refused",
            source="aws.s3",
            detail_type="Object Created",
            detail={
                "bucket": {"name": [self._buckets.processed.bucket_name]},
                "object": {"key": [{"suffix": "/refused.json"}]},
            },
            name="refused-files",
            runbook="refused-files",
            means="An uploaded file was refused: no row of it was trained on.",
        )
