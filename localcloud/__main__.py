"""The embedded AWS by itself: `up` with any CDK application in it, `serve` as another program's child."""

import argparse
import sys
from pathlib import Path

from localcloud.server import Settings, serve
from localcloud.up import Wanted, up

PROJECT_ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m localcloud", description=__doc__)
    verbs = parser.add_subparsers(required=True, dest="verb")
    _add_up(verbs.add_parser("up", help="start, deploy the assemblies, serve until Ctrl-C"))
    _add_serve(verbs.add_parser("serve", help="serve until SIGTERM; prints one JSON line when ready"))
    arguments = parser.parse_args()
    if not arguments.lambda_python.exists():
        parser.error(f"no Python for Lambda functions at {arguments.lambda_python}: set it up, or pass --lambda-python")
    if arguments.verb == "up":
        return up(_wanted(arguments))
    serve(_settings(arguments))
    return 0


def _add_up(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "assemblies", nargs="*", type=Path, metavar="cdk.out", help="what `cdk synth` wrote; none: an empty cloud"
    )
    _add_common(verb)


def _add_serve(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--state", type=Path, required=True, help="folder for everything the run leaves behind")
    verb.add_argument("--parent-pid", type=int, help="end when this process ends")
    _add_common(verb)


def _add_common(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--port", type=int, default=0, help="0: any free port")
    verb.add_argument("--account", default="000000000000")
    verb.add_argument("--region", default="us-east-1")
    verb.add_argument("--lambda-python", type=Path, default=PROJECT_ROOT / ".venv-lambda" / "bin" / "python")


def _wanted(arguments: argparse.Namespace) -> Wanted:
    return Wanted(
        assemblies=tuple(arguments.assemblies),
        port=arguments.port,
        account=arguments.account,
        region=arguments.region,
        lambda_python=arguments.lambda_python.absolute(),
    )


def _settings(arguments: argparse.Namespace) -> Settings:
    return Settings(
        port=arguments.port,
        state=arguments.state.resolve(),
        account=arguments.account,
        region=arguments.region,
        lambda_python=arguments.lambda_python.absolute(),
        parent_pid=arguments.parent_pid,
    )


if __name__ == "__main__":
    sys.exit(main())
