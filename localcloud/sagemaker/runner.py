"""Runs an execution: steps whose needs are met run in parallel, each in a thread of its own."""

import json
import logging
import threading
from collections.abc import Mapping
from typing import Any

from localcloud import platform
from localcloud.sagemaker import caching, retries, s3io
from localcloud.sagemaker.executions import Execution, StepExecution
from localcloud.sagemaker.graph import Node, nodes, own_parts
from localcloud.sagemaker.references import ReferenceFault, Scope, resolve
from localcloud.sagemaker.stepcalls import Call, StepFailed, StepStopped
from localcloud.sagemaker.steps import EXECUTORS, KINDS
from localcloud.sagemaker.store import STORE

Json = dict[str, Any]
logger = logging.getLogger("localcloud")


class Runner:
    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._nodes = {node.name: node for node in nodes(execution.definition["Steps"])}
        self._changed = threading.Condition()
        self._running: set[str] = set()
        self._failed_step = False
        # A retried execution keeps what succeeded.
        self._done = {name for name, step in execution.steps.items() if step.status == "Succeeded"}

    def run(self) -> None:
        execution = self._execution
        with self._changed:
            while True:
                self._start_ready()
                if not self._running:
                    break
                self._changed.wait()
        with STORE.lock:  # so that an execution that has ended does not become Stopping
            if any(step.status == "Failed" for step in execution.steps.values()):
                execution.change("Failed", "Step failure: One or multiple steps failed.")
            else:
                execution.change("Stopped" if execution.stopping.is_set() else "Succeeded")

    def _start_ready(self) -> None:
        """Start every step that can start. A Fail step that has run keeps further ones from starting."""
        for name, node in self._nodes.items():
            if self._execution.stopping.is_set() or self._failed_step:
                return
            started = name in self._running or name in self._execution.steps
            if not started and self._ready(node) and len(self._running) < self._execution.parallel:
                self._running.add(name)
                shown = StepExecution(
                    name, node.step["Type"], node.step.get("DisplayName"), node.step.get("Description")
                )
                self._execution.steps[name] = shown
                platform.spawn(self._run_step, node, shown)

    def _ready(self, node: Node) -> bool:
        if not node.needs <= self._done:
            return False
        if node.gate is None:
            return True
        condition = self._execution.steps.get(node.gate.condition)
        return (
            node.gate.condition in self._done
            and condition is not None
            and condition.attributes["Outcome"] == str(node.gate.outcome)
        )

    def _run_step(self, node: Node, shown: StepExecution) -> None:
        status, reason = "Failed", None
        try:
            self._execution.change_step(shown, "Starting")
            self._attempts(node, shown)
            status = "Succeeded"
        except StepStopped:
            status = "Stopped"
        except StepFailed as failed:
            reason = str(failed)
        finally:
            self._execution.change_step(shown, status, reason)
            with self._changed:
                self._running.discard(node.name)
                if status == "Succeeded":
                    self._done.add(node.name)
                self._failed_step |= status == "Failed" and node.step["Type"] == "Fail"
                self._changed.notify_all()

    def _attempts(self, node: Node, shown: StepExecution) -> None:
        policies = retries.policies(node.step)
        while True:
            try:
                self._attempt(node.step, shown)
            except StepFailed as failed:
                wait = retries.next_wait(policies, failed.kind)
                if wait is None:
                    raise
                if self._execution.stopping.wait(wait):
                    raise StepStopped from failed
                shown.attempt += 1
            else:
                return

    def _attempt(self, step: Mapping[str, Any], shown: StepExecution) -> None:
        try:
            parts = resolve(own_parts(step), self._scope())
            arguments = parts["Arguments"]
            if found := caching.find(self._execution, step, arguments):
                shown.metadata, shown.attributes = dict(found.metadata), dict(found.attributes)
                shown.cache_source = found.execution_arn
                return
            if step["Type"] not in KINDS:  # a job's step says so itself, with the job that it waits for
                self._execution.change_step(shown, "Executing")
            EXECUTORS[step["Type"]](Call(self._execution, parts, shown, arguments))
            caching.remember(self._execution, parts, arguments, shown)
        except (StepFailed, StepStopped):
            raise
        except (ReferenceFault, s3io.TransferError, platform.AccessDenied) as error:
            raise StepFailed(f"ClientError: {error}") from error
        except Exception as error:
            logger.exception("step %s of %s", shown.name, self._execution.arn)
            raise StepFailed(f"InternalServerError: {type(error).__name__}: {error}", "Step.SERVICE_FAULT") from error

    def _scope(self) -> Scope:
        execution = self._execution
        return Scope(
            parameters=execution.parameters,
            execution=execution.variables(),
            attributes=lambda name: execution.steps[name].attributes,
            property_file_uri=self._property_file_uri,
            read_json=self._read_json,
        )

    def _property_file_uri(self, step_name: str, file_name: str) -> str:
        step = self._nodes[step_name].step
        file = next(item for item in step["PropertyFiles"] if item["PropertyFileName"] == file_name)
        outputs = self._execution.steps[step_name].attributes["ProcessingOutputConfig"]["Outputs"]
        output = next(item for item in outputs if item["OutputName"] == file["OutputName"])
        return f"{output['S3Output']['S3Uri'].rstrip('/')}/{file['FilePath']}"

    def _read_json(self, uri: str) -> Any:
        """Property files are read by the pipeline's own role."""
        try:
            return json.loads(s3io.read(self._execution.role, uri))
        except ValueError as error:
            raise ReferenceFault(f"{uri} is not JSON: {error}") from error
