"""What pre_processing.py is made of: pure DataFrame -> DataFrame functions, and adapters for Spark, DuckDB and S3."""
