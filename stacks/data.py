"""What must outlive the code: buckets, catalog and model registry."""

from collections.abc import Mapping

from aws_cdk import Aws, CfnOutput, RemovalPolicy
from aws_cdk import aws_glue as glue
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from contract import Contract, columns_of
from stacks.config import StageConfig
from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.customer_key import PUBLISHERS, CustomerKey
from stacks.constructs.secure_bucket import (
    SecureBucket,
    access_log_bucket,
    expire,
    expire_old_versions,
    tier_after,
    write_once,
)
from stacks.naming import pascal
from stacks.platform_stack import RECEIPTS, Buckets, PlatformStack

# Artifacts that versions were registered with, of any model.
KEPT = "*/models/*/model.tar.gz"
SPLITS = ("train", "validation", "test")


class DataStack(PlatformStack):
    def __init__(
        self, scope: Construct, construct_id: str, *, config: StageConfig, contracts: Mapping[str, Contract]
    ) -> None:
        super().__init__(scope, construct_id, config=config, description="Buckets, catalog and model registry")
        self.key = self._add_key() if config.customer_key else None
        self.buckets = self._add_buckets()
        self._add_catalog(contracts)
        self._add_registry(contracts)

    def _add_key(self) -> CustomerKey:
        alias = f"{self._config.prefix}data"
        key = CustomerKey(
            self,
            "Key",
            alias=alias,
            description="Data, queues and logs of this environment",
            # Rules put events into encrypted queues.
            services=("events", *PUBLISHERS),
            removal_policy=self._config.removal_policy,
        )
        key.let_logs_use_it()
        return key

    def _add_buckets(self) -> Buckets:
        policy = self._config.removal_policy
        logs = access_log_bucket(self, "AccessLogBucket", removal_policy=policy)
        acknowledge(logs, {"AwsSolutions-S1": "It holds the access logs of the other buckets."})
        raw = SecureBucket(
            self,
            "RawBucket",
            removal_policy=policy,
            access_logs=logs,
            key=self.key,
            events=True,
            lifecycle_rules=[tier_after(30), expire_old_versions(365)],
        )
        processed = SecureBucket(
            self,
            "ProcessedBucket",
            removal_policy=policy,
            access_logs=logs,
            key=self.key,
            events=True,
            lifecycle_rules=[tier_after(30), expire_old_versions(30), expire(RECEIPTS, 30)],
        )
        artifact = SecureBucket(
            self,
            "ArtifactBucket",
            removal_policy=policy,
            access_logs=logs,
            key=self.key,
            lifecycle_rules=[tier_after(30), expire_old_versions(90)],
        )
        write_once(artifact, KEPT)
        CfnOutput(self, "RawBucketName", value=raw.bucket_name)
        CfnOutput(self, "ProcessedBucketName", value=processed.bucket_name)
        CfnOutput(self, "ArtifactBucketName", value=artifact.bucket_name)
        return Buckets(raw=raw, processed=processed, artifact=artifact)

    def _add_catalog(self, contracts: Mapping[str, Contract]) -> None:
        """It goes with the stack in every environment: contracts say all that it holds, and the data lie in buckets."""
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Aws.ACCOUNT_ID,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self._config.database, description="Processed data sets, a table for each model"
            ),
        )
        database.apply_removal_policy(RemovalPolicy.DESTROY)
        for contract in contracts.values():
            table = glue.CfnTable(
                self,
                f"{pascal(contract.name)}Table",
                catalog_id=Aws.ACCOUNT_ID,
                database_name=self._config.database,
                table_input=self._table(contract),
            )
            table.apply_removal_policy(RemovalPolicy.DESTROY)
            table.add_resource_dependency(database)
        CfnOutput(self, "DatabaseName", value=self._config.database)

    def _table(self, contract: Contract) -> glue.CfnTable.TableInputProperty:
        """Athena finds the partitions by projection: a query names its run, and there is no crawler to wait for."""
        location = f"s3://{self.buckets.processed.bucket_name}/{contract.name}/"
        columns = {"row_id": "string", contract.target.name: "double"}
        columns |= {column.name: "double" for column in columns_of(contract) if column.kind != "level"}
        columns |= {feature.name: "string" for feature in contract.categorical}
        return glue.CfnTable.TableInputProperty(
            name=contract.name,
            description=contract.description,
            table_type="EXTERNAL_TABLE",
            partition_keys=_columns({"run": "string", "split": "string"}),
            parameters={
                "EXTERNAL": "TRUE",
                "classification": "parquet",
                "projection.enabled": "true",
                "projection.run.type": "injected",
                "projection.split.type": "enum",
                "projection.split.values": ",".join(SPLITS),
                "storage.location.template": f"{location}run=${{run}}/${{split}}/",
            },
            storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                columns=_columns(columns),
                location=location,
                input_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
                output_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
                serde_info=glue.CfnTable.SerdeInfoProperty(
                    serialization_library="org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
                ),
            ),
        )

    def _add_registry(self, contracts: Mapping[str, Contract]) -> None:
        for contract in contracts.values():
            group = sagemaker.CfnModelPackageGroup(
                self,
                f"{pascal(contract.name)}Versions",
                model_package_group_name=self._config.resource_name(contract.name),
                # Without a description: CloudFormation makes a group anew to change it, and its name is taken.
            )
            group.apply_removal_policy(self._config.removal_policy)


def _columns(types: Mapping[str, str]) -> list[glue.CfnTable.ColumnProperty]:
    return [glue.CfnTable.ColumnProperty(name=name, type=kind) for name, kind in types.items()]
