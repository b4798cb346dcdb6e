"""Bodies that somebody sends to make others wait: each is a shape that grows with n."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

RECORD = {
    "longitude": -122.23,
    "latitude": 37.88,
    "housing_median_age": 41,
    "total_rooms": 880,
    "total_bedrooms": None,
    "population": 322,
    "households": 126,
    "median_income": 8.3252,
    "ocean_proximity": "NEAR BAY",
}
HEADER = ",".join(RECORD)
ROW = "-122.23,37.88,41,880,,322,126,8.3252,NEAR BAY"


def quoted(text: str) -> str:
    return f'"{text}"'


def listed(values: Iterable[str]) -> str:
    return f"[{', '.join(values)}]"


def names(n: int, *, twice: bool = False) -> str:
    """An object of n unknown names, the last of which may stand twice."""
    members = [f'"{place}": 1' for place in range(n)]
    return "{" + ", ".join(members + members[-1:] * twice) + "}"


def of_records(*records: str) -> str:
    return f'{{"instances": {listed(records)}}}'


def with_value(text: str) -> str:
    """A good record but for one value."""
    return of_records(json.dumps({**RECORD, "latitude": 0}).replace('"latitude": 0', f'"latitude": {text}'))


# Values at any place of a document.
VALUES: Mapping[str, Callable[[int], str]] = {
    "names": names,
    "a doubled name": lambda n: names(n, twice=True),
    "a name doubled all along": lambda n: "{" + ", ".join(['"a": 1'] * n) + "}",
    "doubled names in a list": lambda n: listed(f'{{"{place}": 1, "b": 2, "b": 3}}' for place in range(n)),
    "a whole number": lambda n: "9" * n,
    "a negative number": lambda n: "-" + "9" * n,
    "a fraction": lambda n: "0." + "1" * n,
    "a power": lambda n: "1e" + "9" * n,
    "lists in lists": lambda n: "[" * n + "]" * n,
    "lists that stay open": lambda n: "[" * n,
    "objects in objects": lambda n: '{"a":' * n + "1" + "}" * n,
    "a list": lambda n: listed(["1"] * n),
    "a text": lambda n: quoted("x" * n),
    "escapes": lambda n: quoted("\\u0041" * n),
    "halves of characters": lambda n: quoted("\\ud800" * n),
    "backslashes": lambda n: '"' + "\\" * n,
    "blanks": lambda n: " " * n + "1",
    "many texts": lambda n: listed(quoted(str(place)) for place in range(n)),
    "no number": lambda n: "9" * n + "x",
}


def _of(make: Callable[[int], str], form: Callable[[str], str]) -> Callable[[int], str]:
    return lambda n: form(make(n))


JSON_BODIES: Mapping[str, Callable[[int], str]] = {
    **{f"{kind} as the body": make for kind, make in VALUES.items()},
    **{f"{kind} as instances": _of(make, '{{"instances": {}}}'.format) for kind, make in VALUES.items()},
    **{f"{kind} as a record": _of(make, of_records) for kind, make in VALUES.items()},
    **{f"{kind} as a value": _of(make, with_value) for kind, make in VALUES.items()},
    "members of the body": lambda n: names(n)[:-1] + f', "instances": [{json.dumps(RECORD)}]}}',
    "a hundred records of unknown names": lambda n: of_records(*[names(n // 100 + 1)] * 100),
    "a long name": lambda n: of_records("{" + quoted("x" * n) + ": 1}"),
    "long names": lambda n: of_records("{" + ", ".join(f'"{place}{"x" * 100}": 1' for place in range(n // 10)) + "}"),
    "good records": lambda n: of_records(*[json.dumps(RECORD)] * min(n, 400)),
    "empty records": lambda n: of_records(*["{}"] * n),
    "halves of characters as they are": lambda n: '"' + "\ud800" * n,
}

# A cell is read as a number, or cut out of a line.
CELLS: Mapping[str, Callable[[int], str]] = {
    "digits and a letter": lambda n: "1" * n + "x",
    "digits, a point, digits and a letter": lambda n: "1" * n + "." + "1" * n + "x",
    "a power and a letter": lambda n: "1e" + "1" * n + "x",
    "digits": lambda n: "1" * n,
    "quotes": lambda n: '"' + '""' * n + '"',
    "an open quote": lambda n: '"' * (2 * n + 1),
    "blanks": lambda n: " " * n + "x",
    "letters": lambda n: "x" * n,
}

CSV_BODIES: Mapping[str, Callable[[int], str]] = {
    **{kind: _of(make, lambda cell: f"{HEADER}\n{ROW.replace('41', cell)}\n") for kind, make in CELLS.items()},
    "columns": lambda n: ",".join(f"c{place:06d}" for place in range(n)) + "\n",
    "known columns, over and over": lambda n: ",".join([HEADER] * (n // 9)) + "\n",
    "one known column, over and over": lambda n: ",".join(["latitude"] * n) + "\n",
    "fields": lambda n: HEADER + "\n" + "," * n,
    "rows": lambda n: HEADER + "\n" + f"{ROW}\n" * n,
    "bad rows": lambda n: HEADER + "\n" + f"{ROW.replace('41', 'x')}\n" * n,
    "rows of too few fields": lambda n: HEADER + "\n" + "1\n" * n,
    "empty lines": lambda n: HEADER + "\n" * n,
    "carriage returns": lambda n: HEADER + "\r" * n,
    "no header": lambda n: f"{ROW}\n" * n,
}


def event(body: str, **more: Any) -> dict[str, Any]:
    """What API Gateway hands to the function for a prediction."""
    resource = "/models/california_housing/predictions"
    context = {"requestId": "r", "resourcePath": resource, "identity": {"apiKeyId": "pagekey"}}
    return {"resource": resource, "body": body, "isBase64Encoded": False, "requestContext": context, **more}


def encoded(body: str) -> dict[str, Any]:
    text = base64.b64encode(body.encode(errors="surrogatepass")).decode()
    return event(text, isBase64Encoded=True)
