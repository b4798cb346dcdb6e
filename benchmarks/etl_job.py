"""The ETL job on one file in this process, which tells what it took of the processor and of memory.

python -m benchmarks.etl_job duckdb|spark MODEL_TOML CSV FOLDER
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

WORKER = Path(__file__).resolve().parent.parent / "tests" / "unit" / "etl" / "worker.py"


def loaded(path: Path) -> ModuleType:
    """By its path: packages of the environment with Spark bring a `tests` of their own."""
    spec = spec_from_file_location(path.stem, path)
    assert spec and spec.loader, f"{path} is no module"
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


worker = loaded(WORKER)
sys.path[:0] = map(str, worker.BUNDLE)


def run(spark: Any, model: Path, data: Path, folder: Path) -> dict[str, Any]:
    """The manifest."""
    import pre_processing
    from contract import load
    from etl.run import Run

    contract = load(model)
    (folder / "raw").mkdir(parents=True)
    shutil.copyfile(data, folder / "raw" / "f.csv")
    properties = {"model": contract.name, "bucket": "raw", "key": "f.csv", "version": "v", "etag": "e", "run_id": "r"}
    job = Run.from_properties({**properties, "size": str(data.stat().st_size)})
    store = worker.FolderStore(folder, "processed")
    pre_processing.process(spark, store=store, run=job, contracts={contract.name: contract})
    manifest: dict[str, Any] = json.loads((folder / "processed" / job.folder / "manifest.json").read_text())
    return manifest


def processor_seconds(spark: Any, engine: str) -> float:
    """Of this process, and of the virtual machine that it may have started, which ends here."""
    if engine == "spark":
        gateway = spark.sparkContext._gateway
        spark.stop()
        gateway.shutdown()
        gateway.proc.stdin.close()  # the machine ends with it
        gateway.proc.wait()
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(item.ru_utime + item.ru_stime for item in used)


def main(engine: str, *places: str) -> None:
    worker.stub_awsglue()
    spark = worker.spark_session() if engine == "spark" else worker.duckdb_session()
    began = time.perf_counter()
    manifest = run(spark, *map(Path, places))
    document = {
        "seconds": round(time.perf_counter() - began, 2),
        "cpu": round(processor_seconds(spark, engine), 2),
        "mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "rows": manifest["rows"],
    }
    sys.stdout.write(json.dumps(document) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
