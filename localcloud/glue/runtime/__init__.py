"""What a Glue job's process sees: the bootstrap and the `awsglue` shim."""

from pathlib import Path

BOOTSTRAP = Path(__file__).parent / "bootstrap.py"
