"""Many files of several models at once: what is sent, and what became of it. The benchmark of bursts uses it too."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cli import dead_letters
from cli.target import Target
from cli.upload import Upload, upload
from tests.e2e.light import write_model
from tracking.run import Run
from tracking.runs import list_runs
from tracking.waiting import PREFIX, Ticket

# Trees that grow in a moment, and a gate that lets every model pass: what is looked at is what becomes of the files.
QUICK = {
    r"rounds = \d+": "rounds = 2",
    r"early_stopping_rounds = \d+": "early_stopping_rounds = 2",
    r"max = 60000\.0": "max = 9000000.0\nmargin = 1.0\nslice_margin = 10.0",
}


@dataclass(frozen=True)
class File:
    """`good`: it has the columns of its model. `copies`: how often it is uploaded."""

    model: str
    path: Path
    good: bool = True
    copies: int = 1


@dataclass(frozen=True)
class Sent:
    """An upload and its file. `at`: on the monotonic clock."""

    file: File
    upload: Upload
    at: float


def write_models(folder: Path, names: Sequence[str]) -> Path:
    """Contracts of the same data under these names, and no others."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in names:
        write_model(folder, name, changes=QUICK)
    return folder


def write_files(housing: Path, folder: Path, *, models: Sequence[str], count: int, rows: int, every: int) -> list[File]:
    """`count` files, the models in turn. Of each `every` files one is bad, and another one is sent twice."""
    header, *lines = housing.read_text().splitlines()
    files = []
    for number in range(count):
        good = number % every != every - 1
        path = folder / f"file-{number:03}.csv"
        chosen = random.Random(number).sample(lines, rows)
        path.write_text("\n".join([header if good else "longitude,latitude", *chosen]) + "\n")
        copies = 2 if number % every == every // 2 else 1
        files.append(File(models[number % len(models)], path, good, copies))
    return files


def send(target: Target, files: Sequence[File], *, seconds: float) -> list[Sent]:
    """Upload the files, evenly over the time; the copies of one file one right after the other."""
    begin, sent = time.monotonic(), list[Sent]()
    copies = [file for file in files for _ in range(file.copies)]
    for number, file in enumerate(copies):
        time.sleep(max(0.0, begin + seconds * number / len(copies) - time.monotonic()))
        sent.append(Sent(file, upload(target, model=file.model, file=file.path), time.monotonic() - begin))
    return sent


def wait_for_all(target: Target, models: Sequence[str], wanted: Mapping[str, set[str]], *, timeout: float) -> list[Run]:
    """All runs of the models, once those that are wanted (by model) are final. Raises TimeoutError with what is not."""
    deadline = time.monotonic() + timeout
    while True:
        begin = time.monotonic()
        with ThreadPoolExecutor(len(models)) as pool:
            listed = dict(zip(models, pool.map(lambda name: list_runs(target.place, model=name), models), strict=True))
        final = {model: {run.run_id for run in runs if run.final} for model, runs in listed.items()}
        if all(ids <= final[model] for model, ids in wanted.items()):
            return [run for runs in listed.values() for run in runs]
        if time.monotonic() > deadline:
            states = Counter((run.model, run.state) for runs in listed.values() for run in runs)
            raise TimeoutError(f"after {timeout:.0f} s: {dict(states)}")
        # Every look reads every run: it is to be a small part of what the machine does.
        time.sleep(max(1.0, 5.0 * (time.monotonic() - begin)))


@dataclass(frozen=True)
class Started:
    """`listed`: when the file was put on the waiting list, to the second; `at`: when its workflow run started."""

    model: str
    run_id: str
    listed: datetime
    at: datetime


def started_runs(target: Target) -> list[Started]:
    """In the order of their starts."""
    versions = target.client("s3").get_paginator("list_object_versions")
    pages = versions.paginate(Bucket=target.output("ProcessedBucketName"), Prefix=PREFIX)
    tickets = [(Ticket.of(item["Key"]), item["LastModified"]) for page in pages for item in page.get("Versions", [])]
    listed = {(ticket.model, ticket.run_id): moment for ticket, moment in tickets if ticket}
    glue = target.client("glue").get_paginator("get_workflow_runs").paginate(Name=target.output("WorkflowName"))
    runs = sorted((run for page in glue for run in page["Runs"]), key=lambda run: run["StartedOn"])
    names = [(run["WorkflowRunProperties"]["model"], run["WorkflowRunProperties"]["run_id"]) for run in runs]
    return [Started(*name, listed[name], run["StartedOn"]) for name, run in zip(names, runs, strict=True)]


def overtaken(started: Sequence[Started], order: Sequence[str]) -> list[tuple[str, str]]:
    """Of one model, by run id: who waited when a file started that was uploaded later, and that file.

    `order`: of the uploads. What arrives while there is room starts at once, and events may arrive in another order.
    """
    runs = {run.run_id: run for run in started}
    pairs = [(runs[early], runs[late]) for place, early in enumerate(order) for late in order[place + 1 :]]
    second = timedelta(seconds=1)
    return [(a.run_id, b.run_id) for a, b in pairs if b.at < a.at and a.listed + second < b.at]


def dead(target: Target) -> dict[str, int]:
    """How many letters each of the queues holds that hold any."""
    return {queue.name: queue.waiting for queue in dead_letters.queues(target) if queue.waiting}


def in_order(sent: Sequence[Sent], model: str) -> list[str]:
    """Run ids of the model's files in the order of their uploads, each once."""
    return list(dict.fromkeys(item.upload.run_id for item in sent if item.file.model == model))
