"""Entry point of a Glue job's process: `python bootstrap.py SCRIPT --key value ...`; runs SCRIPT as __main__."""

import json
import os
import runpy
import sys
import traceback
import types
from pathlib import Path

# The only folder of ours that a job may import from.
SITE = Path(__file__).parent / "site"
MEMORY_SHARE = 0.4


class SparkContext:
    """Stands where a script creates its Spark context; there is no JVM behind it."""

    @classmethod
    def getOrCreate(cls, *_: object) -> "SparkContext":  # noqa: N802 - PySpark's name
        return cls()

    def setLogLevel(self, level: str) -> None:  # noqa: N802 - PySpark's name
        """Logs are Python's own here; the level changes nothing."""


def _memory_limit() -> str:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{int(total * MEMORY_SHARE) // 2**20}MB"


def _threads() -> int:
    """The processors that this process may use; macOS does not say, and so all."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def activate_engine(scratch: Path) -> None:
    """Let `import pyspark.sql` find sqlframe on one DuckDB connection that spills into `scratch`."""
    import duckdb
    from sqlframe import activate

    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": _threads(),
        "memory_limit": _memory_limit(),
        "temp_directory": str(scratch),
        # Extensions come over the network: what is not in the wheel fails at once instead of waiting.
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    activate(engine="duckdb", conn=duckdb.connect(config=settings))
    _replace_package()


def _replace_package() -> None:
    """A real `pyspark` module: sqlframe's accepts every name, so that a typing error would pass unseen."""
    package = types.ModuleType("pyspark")
    package.__path__ = []
    for name in ("sql", "testing"):
        setattr(package, name, sys.modules[f"pyspark.{name}"])
    context = types.ModuleType("pyspark.context")
    for module in (package, context):
        module.__dict__["SparkContext"] = SparkContext
    sys.modules.update({"pyspark": package, "pyspark.context": context})


def _script_frames(error: BaseException, script: str) -> types.TracebackType | None:
    """The traceback from the script's own first frame on."""
    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename != script:
        frame = frame.tb_next
    return frame or error.__traceback__


def _report(error: BaseException) -> None:
    """Tell the runner what ended the script, as Glue shows it in ErrorMessage."""
    path = os.environ.get("LOCALCLOUD_GLUE_REPORT")
    if path:
        message = f"{type(error).__name__}: {error}"
        Path(path).write_text(json.dumps({"error": message}), encoding="utf-8")


def run(script: str) -> int:
    """Run the script as __main__; 1 when it raised or left with a non-zero status."""
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as error:
        if error.code in (None, 0):
            return 0
        _report(error)
        sys.stderr.write(f"SystemExit: {error.code}\n")
        return 1
    except BaseException as error:  # noqa: BLE001 - whatever ended the script is the run's error
        _report(error)
        traceback.print_exception(type(error), error, _script_frames(error, script))
        return 1
    return 0


def main() -> int:
    script = sys.argv[1]
    sys.argv = sys.argv[1:]
    sys.path[:0] = [str(Path(script).parent), str(SITE)]
    if os.environ.get("LOCALCLOUD_GLUE_COMMAND") == "glueetl":
        activate_engine(Path.cwd() / "spill")
    return run(script)


if __name__ == "__main__":
    sys.exit(main())
