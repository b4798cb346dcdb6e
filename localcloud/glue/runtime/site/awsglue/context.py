"""GlueContext, as far as a script needs it to get its Spark session."""

import importlib
import logging
from typing import Any


class GlueContext:
    """Wraps the one Spark session. DynamicFrames need Spark's JVM and are not here."""

    def __init__(self, sparkContext: object = None, **_: object) -> None:  # noqa: N803 - AWS's name
        # Only there once the bootstrap has put the local engine in its place.
        session: Any = importlib.import_module("pyspark.sql").SparkSession
        self.spark_session: Any = session.builder.getOrCreate()
        self._context = sparkContext

    def getSparkSession(self) -> Any:  # noqa: N802 - AWS's name
        return self.spark_session

    def get_logger(self) -> Any:
        return logging.getLogger("glue")

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(f"GlueContext.{name} needs Spark on the JVM: the local Glue has DataFrames only")
