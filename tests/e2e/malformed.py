"""Request bodies that no model can answer: what is sent, and which field the problem names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.e2e.light import MODEL
from tests.records import example

JSON = "application/json"
GOOD = example(MODEL)
NUMBERS = [name for name, value in GOOD.items() if isinstance(value, float | int)]
NULLABLE, CATEGORY = "total_bedrooms", "ocean_proximity"
BODY = json.dumps({"instances": [GOOD]})


@dataclass(frozen=True)
class Malformed:
    """`field`: what the problem names, None where there is nothing to name. `status`: 400 unless it says more."""

    name: str
    body: bytes
    field: str | None = None
    kind: str | None = JSON
    status: int = 400
    query: str = ""


def one(name: str, value: object) -> bytes:
    """A good record but for one field."""
    return json.dumps({"instances": [{**GOOD, name: value}]}).encode()


def raw(name: str, text: str) -> bytes:
    """The same, with a value that json does not write."""
    return json.dumps({"instances": [{**GOOD, name: "@"}]}).replace('"@"', text).encode()


def _no_json() -> Iterator[Malformed]:
    texts = {
        "empty": "",
        "blank": " \n",
        "word": "instances",
        "open object": '{"instances": [',
        "open string": '{"instances": "',
        "no value": '{"instances": }',
        "trailing comma": '{"instances": [{}],}',
        "single quotes": "{'instances': []}",
        "comment": BODY + " // good?",
        "two documents": BODY + BODY,
        "control character": BODY.replace("INLAND", "IN\x00LAND"),
        "xml": "<instances/>",
        "form": "longitude=1&latitude=2",
        "csv": ",".join(GOOD),
        "number of 5000 digits": '{"instances": [{"longitude": ' + "9" * 5000 + "}]}",
        "100,000 open lists": "[" * 100_000,
        "100,000 open objects": '{"a":' * 100_000,
        "leading zero": BODY.replace("-119.5", "-0119.5"),
        "hexadecimal": BODY.replace("-119.5", "0x10"),
    }
    yield from (Malformed(name, text.encode()) for name, text in texts.items())
    yield Malformed("UTF-16", BODY.encode("utf-16"))
    yield Malformed("gzip", b"\x1f\x8b\x08\x00" + b"\xff" * 40)
    yield Malformed("invalid UTF-8 as a body", b"\xff\xfe\xfd")


def _no_instances() -> Iterator[Malformed]:
    documents: dict[str, Any] = {
        "null": None,
        "true": True,
        "number": 1,
        "text": "instances",
        "list of records": [GOOD],
        "empty list": [],
        "no member": {},
        "record without instances": GOOD,
        "instances null": {"instances": None},
        "instances true": {"instances": True},
        "instances number": {"instances": 1},
        "instances text": {"instances": "[]"},
        "instances an object": {"instances": GOOD},
        "no instance": {"instances": []},
        "501 instances": {"instances": [GOOD] * 501},
        "null as an instance": {"instances": [None]},
        "number as an instance": {"instances": [1]},
        "text as an instance": {"instances": ["a"]},
        "list as an instance": {"instances": [[1, 2]]},
        "null after a record": {"instances": [GOOD, None]},
        "Instances": {"Instances": [GOOD]},
    }
    yield from (Malformed(name, json.dumps(document).encode(), "instances") for name, document in documents.items())
    yield Malformed(
        "more than 50 to explain", json.dumps({"instances": [GOOD] * 51}).encode(), "instances", query="?explain=true"
    )
    yield Malformed("unknown parameter", BODY.encode(), "explian", query="?explian=true")
    for value in ("yes", "1", "", "TRUE"):
        yield Malformed(f"explain {value!r}", BODY.encode(), "explain", query=f"?explain={value}")


def _wrong_values() -> Iterator[Malformed]:
    wrong: dict[str, Any] = {
        "text": "3",
        "true": True,
        "list": [1],
        "object": {"a": 1},
        "too small": -1e9,
        "too large": 1e9,
    }
    for name in NUMBERS:
        yield from (Malformed(f"{name} {what}", one(name, value), name) for what, value in wrong.items())
    for text in ("NaN", "Infinity", "-Infinity", "1e400", "1" + "0" * 400):
        yield Malformed(f"median_income {text[:10]}", raw("median_income", text), "median_income")
    for name in (name for name in GOOD if name != NULLABLE):
        yield Malformed(f"{name} null", one(name, None), name)
        kept = {key: value for key, value in GOOD.items() if key != name}
        yield Malformed(f"{name} missing", json.dumps({"instances": [kept]}).encode(), name)
    levels: list[Any] = [
        "",
        "inland",
        "IN LAND",
        "NA",
        "MOON",
        "x" * 100_000,
        1,
        1.5,
        False,
        ["INLAND"],
        {"level": "INLAND"},
    ]
    yield from (Malformed(f"level {str(value)[:12]!r}", one(CATEGORY, value), CATEGORY) for value in levels)
    yield Malformed("invalid UTF-8 in a level", one(CATEGORY, "@").replace(b"@", b"\xff\xfe"))
    yield Malformed("lone surrogate in a level", raw(CATEGORY, '"\\ud800"'), CATEGORY)
    yield Malformed("a list 500 deep as a value", raw("median_income", "[" * 500 + "]" * 500))


def _wrong_names() -> Iterator[Malformed]:
    for name in ("price", "Longitude", "longitude ", "__proto__", "median_house_value", "\u00e9", "x" * 200, "'; --"):
        yield Malformed(f"unknown {name[:20]!r}", one(name, 1), name[:100])
    yield Malformed("unknown empty name", one("", 1), "")
    yield Malformed("invalid UTF-8 in a name", one("@", 1).replace(b"@", b"\xc3\x28"))
    twice = BODY.replace('"latitude"', '"longitude": 1, "latitude"').encode()
    yield Malformed("a name twice", twice, "longitude")
    yield Malformed("instances twice", BODY.replace("{", '{"instances": [], ', 1).encode(), "instances")
    yield Malformed("a member besides instances", json.dumps({"instances": [GOOD], "model": 1}).encode(), "model")
    yield Malformed("explain in the body", json.dumps({"instances": [GOOD], "explain": True}).encode(), "explain")
    wrong = json.dumps({"instances": [GOOD, GOOD, {**GOOD, "population": -5}]}).encode()
    yield Malformed("the third of three", wrong, "population")


def _wrong_kinds() -> Iterator[Malformed]:
    for kind in (
        "text/plain",
        "text/csv",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ):
        yield Malformed(kind, BODY.encode(), kind=kind, status=415)
    padded = json.dumps({"instances": [GOOD]}) + " " * (4 * 1024 * 1024)
    yield Malformed("over 4 MB", padded.encode(), status=413)
    yield Malformed("over 10 MB", b" " * (10 * 1024 * 1024 + 1), status=413)


CASES = [*_no_json(), *_no_instances(), *_wrong_values(), *_wrong_names(), *_wrong_kinds()]
