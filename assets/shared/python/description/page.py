"""The API's description as one HTML page: no script, nothing from elsewhere, light and dark."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from description.openapi import DEPLOYED

STYLE = """
:root { color-scheme: light dark; --ink: #1f2937; --paper: #fff; --grey: #5b6472; --line: #d9dee5; --shade: #f4f6f8;
  --accent: #1d4ed8 }
@media (prefers-color-scheme: dark) { :root { --ink: #e5e7eb; --paper: #14171c; --grey: #9aa4b2; --line: #323842;
  --shade: #1d2128; --accent: #8ab4ff } }
* { box-sizing: border-box }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 56rem;
  margin: 0 auto; padding: 2rem 1rem }
h1 { font-size: 1.7rem; margin: 0 } h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem }
a { color: var(--accent) } .grey { color: var(--grey) }
code, pre { font: .875em/1.5 ui-monospace, monospace }
pre { background: var(--shade); border: 1px solid var(--line); border-radius: 8px; padding: .75rem; overflow-x: auto }
details { border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0; padding: 0 1rem }
summary code { overflow-wrap: anywhere }
summary { cursor: pointer; padding: .6rem 0 } details[open] { padding-bottom: .75rem }
.verb { display: inline-block; min-width: 3.2rem; font-weight: 700; color: var(--accent) }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-size: .9rem }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line) }
th { color: var(--grey); font-weight: 600 }
"""
# A page that runs nothing and loads nothing. In the page itself: a header of API Gateway's can hold no quotes.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
}


def of(document: Mapping[str, Any]) -> str:
    info, paths = document["info"], document["paths"]
    operations = [(path, verb, item) for path, verbs in paths.items() for verb, item in verbs.items()]
    sections = []
    for tag in document["tags"]:
        own = [found for found in operations if tag["name"] in found[2]["tags"]]
        blocks = "".join(_operation(path, verb, item, document) for path, verb, item in own)
        sections.append(f"<h2>{escape(tag['name'])}</h2>{blocks}")
    shapes = "".join(_shape(name, document) for name in document["components"]["schemas"])
    sections.append(f"<h2>shapes</h2>{shapes}")
    title = escape(info["title"])
    return (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n"
        f'<p class="grey">{escape(info["description"])} <a href="openapi.json">openapi.json</a></p>\n'
        f"<p>{_access(document)}</p>\n" + "\n".join(sections) + "\n</body>\n</html>\n"
    )


def _access(document: Mapping[str, Any]) -> str:
    caller = document["components"]["securitySchemes"]["Caller"]
    if caller["name"] == "x-api-key":
        return "Send an API key in the header <code>x-api-key</code>."
    return "Sign requests with AWS Signature Version 4 for the service <code>execute-api</code>."


def _operation(path: str, verb: str, item: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    parts = [f"<p>{escape(item['description'])}.</p>"] if "description" in item else []
    if "parameters" in item:
        rows = ([p["name"], p["in"], _rule(p["schema"]), p.get("description", "")] for p in item["parameters"])
        parts.append(_table(("Parameter", "In", "Value", ""), rows))
    if "requestBody" in item:
        parts.append(_body(path, item["requestBody"]["content"]["application/json"], document))
    good = item["responses"]["200"]["content"]
    schema = next(iter(good.values()))["schema"]
    if "$ref" in schema:
        parts.append("<p>Answers</p>" + _members(schema, document))
    rows = ([status, answer["description"]] for status, answer in item["responses"].items())
    parts.append(_table(("Status", ""), rows))
    return (
        f'<details><summary><span class="verb">{verb.upper()}</span> <code>{escape(path)}</code> '
        f'<span class="grey">{escape(item["summary"])}</span></summary>{"".join(parts)}</details>\n'
    )


def _shape(name: str, document: Mapping[str, Any]) -> str:
    """What the tables above name and do not spell out."""
    schema = document["components"]["schemas"][name]
    about = f"<p>{escape(schema['description'])}</p>" if "description" in schema else ""
    members = _members(schema, document)
    return f"<details><summary><code>{escape(name)}</code></summary>{about}{members}</details>\n"


def _body(path: str, content: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    instances = _resolved(content["schema"], document)["properties"]["instances"]
    sent = json.dumps(content["example"])
    headers = "-H 'x-api-key: KEY' -H 'content-type: application/json'"
    command = f"curl -s {headers} \\\n  -d '{sent}' \\\n  URL{path}"
    instance = _resolved(instances["items"], document)
    note = (
        f"<p>{instances['minItems']} to {instances['maxItems']} instances by the contract of the live version "
        f"(<code>GET {escape(path.removesuffix('/predictions'))}</code> tells it). By the deployed contract:</p>"
    )
    return f"<pre>{escape(command)}</pre>{note}{_members(instance[DEPLOYED], document)}"


def _members(schema: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    found = _resolved(schema, document)
    required = found.get("required", [])
    rows = (
        [name, _rule(item) + ("" if name in required else ", optional"), item.get("description", "")]
        for name, item in found.get("properties", {}).items()
    )
    return _table(("Name", "Value", ""), rows)


def _resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return found


def _rule(schema: Mapping[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[1])
    if "enum" in schema:
        return ", ".join("null" if value is None else str(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(map(_rule, schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_rule(schema['items'])}" if "items" in schema else "list"
    kind = schema.get("type", "anything")
    text = " or ".join(kind) if isinstance(kind, list) else str(kind)
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{text}, {low:g} to {high:g}"
    return (
        text + (f", at least {low:g}" if low is not None else "") + (f", at most {high:g}" if high is not None else "")
    )


def _table(header: tuple[str, ...], rows: Iterator[list[str]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'
