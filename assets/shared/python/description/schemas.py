"""The shapes of the API's answers, as JSON Schema."""

from __future__ import annotations

from typing import Any

from contract.kinds import FEATURE_KINDS, JSON_TYPES
from contract.tasks import TASKS
from rest.limits import MAX_EXPLAINED
from tracking.datasets import SPLITS
from tracking.run import STATES
from tracking.states import State

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}
# Not by prefixItems, which readers of these documents do not all know.
POINT: Schema = {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 2, "maxItems": 2}
PAIR: Schema = {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}


def thing(text: str = "", /, *, optional: tuple[str, ...] = (), **properties: Schema) -> Schema:
    """An object whose members are all there but those named `optional`."""
    required = [name for name in properties if name not in optional]
    described = {"description": text} if text else {}
    return {"type": "object", **described, "required": required, "properties": properties}


def many(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def maybe(schema: Schema) -> Schema:
    """Or null."""
    if "type" in schema and isinstance(schema["type"], str) and schema["type"] not in ("object", "array"):
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def about(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


MEMBERS = ("name", "task", "description", "target", "live", "notice")
SUMMARY = thing(
    name=TEXT,
    task={"enum": list(TASKS)},
    description=TEXT,
    target=thing(name=TEXT, unit=TEXT, description=TEXT, levels=many(TEXT), optional=("levels",)),
    live=maybe(ref("LiveVersion")),
    notice=about(TEXT, "What the deployed contract says otherwise than that of the live version; empty for nothing."),
)
STEP = {"name": TEXT, "status": TEXT, "seconds": maybe(NUMBER), "reason": TEXT}
RUN = {
    "run_id": TEXT,
    "state": {"enum": list(STATES)},
    "file": TEXT,
    "started": maybe(TIME),
    "since": maybe(TIME),
    "reason": TEXT,
    "model_version": maybe(WHOLE),
    "rows": maybe({"type": "object", "additionalProperties": WHOLE}),
    "books": maybe(ref("Books")),
}
VERSION = {
    "version": WHOLE,
    "created": TIME,
    "approval": {"enum": ["Approved", "PendingManualApproval", "Rejected"]},
    "deployment": about({"enum": [str(state) for state in State]}, "What the version is now."),
    "live": FLAG,
    "run_id": TEXT,
    "metric": maybe(ref("Metric")),
    "gate_reason": TEXT,
    "unit": TEXT,
    "decided_by": TEXT,
    "decision_reason": TEXT,
    "deployment_reason": TEXT,
}
UNDECIDED = ("unit", "decided_by", "decision_reason", "deployment_reason")

SCHEMAS: dict[str, Schema] = {
    "Problem": thing(
        "Why there is no answer (RFC 9457). `errors` lists at most 100 wrong values.",
        type=TEXT,
        title=TEXT,
        status=WHOLE,
        detail=TEXT,
        request_id=TEXT,
        errors=many(thing(instance=maybe(WHOLE), field=maybe(TEXT), reason=TEXT)),
        model_version=about(TEXT, "The version whose contract the values break."),
        optional=("errors", "model_version", "status"),
    ),
    "Metric": thing(name=TEXT, value=NUMBER),
    "LiveVersion": thing(
        "The version that answers now; its metric on the test rows, with the 95 % interval.",
        version=WHOLE,
        run_id=TEXT,
        since=maybe(TIME),
        metric=maybe(ref("Metric")),
        interval=PAIR,
        optional=("interval",),
    ),
    "ModelSummary": SUMMARY,
    "Models": thing(models=many(ref("ModelSummary"))),
    "Feature": thing(
        name=TEXT,
        type={"enum": list(FEATURE_KINDS)},
        nullable=FLAG,
        min=NUMBER,
        max=NUMBER,
        levels=many(TEXT),
        unit=TEXT,
        default={"type": list(JSON_TYPES)},
        description=TEXT,
        optional=("min", "max", "levels", "unit", "default"),
    ),
    "Model": thing(
        **SUMMARY["properties"],
        features=many(ref("Feature")),
        derived=about({"type": "object", "additionalProperties": TEXT}, "Arithmetic over features, by name."),
        example={"type": "object"},
        schema=about({"type": "object"}, "JSON Schema (2020-12) of one instance."),
        gate=thing(metric=TEXT, max=NUMBER, min=NUMBER, margin=NUMBER, optional=("max", "min")),
        contract=about(
            thing(hash=TEXT, version=maybe(WHOLE), deployed_hash=TEXT),
            "By which the live version answers: its own, or (version null) the deployed one.",
        ),
        max_instances=WHOLE,
        threshold=NUMBER,
        optional=("threshold",),
    ),
    "Explanation": thing(
        f"What drove the prediction: base and contributions add up to `sum`, which is the prediction, or the log-odds "
        f"of a binary one. At most {MAX_EXPLAINED} instances are explained at once. Largest contribution first.",
        output={"enum": ["value", "log-odds"]},
        base=NUMBER,
        sum=NUMBER,
        contributions=many(thing(feature=TEXT, value={"type": [*JSON_TYPES, "null"]}, contribution=NUMBER)),
    ),
    "Predictions": thing(
        model=TEXT,
        model_version=maybe(TEXT),
        run_id=about(TEXT, "The run that trained the version: `mlops runs` and `mlops logs` know it."),
        request_id=TEXT,
        predictions=many(
            thing(
                value=about(NUMBER, "The number, or the probability of the positive level."),
                unit=TEXT,
                label=TEXT,
                interval=about(
                    thing(low=NUMBER, high=NUMBER, level=NUMBER),
                    "Holds the true value for a share `level` of rows like those that the model was trained on.",
                ),
                explanation=ref("Explanation"),
                optional=("unit", "label", "interval", "explanation"),
            )
        ),
    ),
    "Books": thing(
        "Where the rows went that were read: the numbers in the sentence add up. The most frequent reason first.",
        sentence=TEXT,
        balanced=FLAG,
        frequent=about(many(TEXT), "The most frequent reasons in words."),
        reasons=many(thing(kind=TEXT, rows=WHOLE, example=about(TEXT, "The first such row of the file."))),
        notes=many(TEXT),
        warnings=many(TEXT),
    ),
    "Rejects": thing(
        rejects=many(
            thing(
                "A row that was not used.",
                line=about(WHOLE, "Where it begins in the file."),
                reason=TEXT,
                row=about(TEXT, "Its text; the first 100,000 characters."),
            )
        ),
        after=about(maybe(WHOLE), "The query of the next page; null at the end."),
    ),
    "Data": thing(
        split={"enum": list(SPLITS)},
        rows=WHOLE,
        splits=about(many({"enum": list(SPLITS)}), "The sides whose rows are kept as they were in the file."),
        files=about(many(thing(name=TEXT, url=TEXT)), "Parquet files. The links are good for 15 minutes."),
    ),
    "Run": thing(optional=(), **RUN, steps=many(thing(optional=(), **STEP))),
    "Runs": thing(runs=many(ref("Run")), before=about(maybe(TEXT), "The query of the next page; null at the end.")),
    "RunDetail": thing(
        optional=(),
        **RUN,
        steps=many(thing(optional=(), **STEP, log=about(many(TEXT), "The last lines."))),
        evaluation=maybe(
            thing(metric=TEXT, value=NUMBER, interval=maybe(PAIR), gate=thing(decision=TEXT, reason=TEXT))
        ),
    ),
    "Version": thing(**VERSION, optional=UNDECIDED),
    "Versions": thing(versions=many(ref("Version"))),
    "VersionDetail": thing(
        **VERSION,
        lineage={"type": "object", "additionalProperties": TEXT},
        metrics={"type": "object", "additionalProperties": NUMBER},
        interval={"type": "object"},
        slices=many({"type": "object"}),
        plots=about(many(thing(name=TEXT, title=TEXT, url=TEXT)), "The links are good for 15 minutes."),
        report_url=maybe(TEXT),
        optional=UNDECIDED,
    ),
    "Monitoring": thing(
        endpoint=maybe(
            thing(
                name=TEXT,
                status=TEXT,
                state=about(TEXT, "What the version is that answers: `live`, or why it should not be."),
                mode={"enum": ["serverless", "realtime"]},
                version=maybe(WHOLE),
                config=TEXT,
                updated=TIME,
            )
        ),
        metrics=many(
            thing(
                name=TEXT,
                unit=TEXT,
                statistic=TEXT,
                period_seconds=WHOLE,
                points=about(many(POINT), "Time and value."),
                anomalies=about(many(TIME), "Points outside of what the week before them lets expect."),
                expected=about(thing(low=NUMBER, high=NUMBER), "For the next point."),
                optional=("expected",),
            )
        ),
        alarms=many(
            thing(
                name=TEXT,
                state={"enum": ["OK", "ALARM", "INSUFFICIENT_DATA"]},
                reason=TEXT,
                updated=TIME,
                description=TEXT,
            )
        ),
    ),
}
