"""The modules that a served model needs: train.py puts them into its artifact, a shared endpoint gets them as code."""

MODULES = (
    "inference.py",
    "trees.py",
    "batch_rows.py",
    "csv_output.py",
    "parquet_rows.py",
    "explanation.py",
    "interval.py",
    "failed_request.py",
)
