"""The part of AWS Glue's `awsglue` package that a job can use without Spark's JVM."""
