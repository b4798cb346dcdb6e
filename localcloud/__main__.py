"""`python -m localcloud serve`: the embedded AWS as a process of its own."""

import argparse
from pathlib import Path

from localcloud.server import Settings, serve

PROJECT_ROOT = Path(__file__).resolve().parent.parent


def parse() -> Settings:
    parser = argparse.ArgumentParser(prog="python -m localcloud", description=__doc__)
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("serve", help="serve until SIGTERM; prints one JSON line when ready")
    verb.add_argument("--port", type=int, default=0, help="0: any free port")
    verb.add_argument("--state", type=Path, required=True, help="folder for everything the run leaves behind")
    verb.add_argument("--account", default="000000000000")
    verb.add_argument("--region", default="us-east-1")
    verb.add_argument("--lambda-python", type=Path, default=PROJECT_ROOT / ".venv-lambda" / "bin" / "python")
    verb.add_argument("--parent-pid", type=int, help="end when this process ends")
    arguments = parser.parse_args()
    if not arguments.lambda_python.exists():
        parser.error(f"no Python for Lambda functions at {arguments.lambda_python}: set it up, or pass --lambda-python")
    return Settings(
        port=arguments.port,
        state=arguments.state.resolve(),
        account=arguments.account,
        region=arguments.region,
        lambda_python=arguments.lambda_python.absolute(),
        parent_pid=arguments.parent_pid,
    )


if __name__ == "__main__":
    serve(parse())
