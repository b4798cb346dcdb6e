"""Words that nobody should obey, in every text of an answer; and requests without them, so that the API knows them."""

from __future__ import annotations

from typing import Any

# A picture and a link elsewhere, an icon, a colour, a formula, HTML, code, a table, direction of writing, a terminal's.
EVIL = (
    " ![i](http://evil.invalid/i.png) [l](http://evil.invalid/l) :material/bolt: :violet[v] $x^2$ "
    "<img src=x onerror=e()> <script>e()</script> "
    "`c` **b** *i* ~~s~~ \\ | t | \\\" + e() + \" 'q' \u202e\x1b[2J\n\n# h\n- l\n\n> q {x} &lt;"
)
# What the page itself reads: a kind that it knows, a time, an address, the models of the routes.
KEPT = frozenset({"type", "task", "since", "created", "started", "updated", "url", "report_url", "points", "anomalies"})
KEYS_TOO = frozenset({"lineage", "metrics", "derived", "rows", "interval"})


def poisoned(document: Any, words: str, *, keys: bool = False) -> Any:
    """Every text, and the keys where they are words, with these words behind it."""
    if isinstance(document, dict):
        kept = KEPT | ({"name"} if "task" in document else set())
        return {
            f"{key}{words}" if keys and key not in ("low", "high", "level") else key: (
                value if key in kept else poisoned(value, words, keys=key in KEYS_TOO)
            )
            for key, value in document.items()
        }
    if isinstance(document, list):
        return [poisoned(item, words) for item in document]
    return f"{document}{words}" if isinstance(document, str) else document


def clean(document: Any, words: str) -> Any:
    if isinstance(document, dict):
        return {key.replace(words, ""): clean(value, words) for key, value in document.items()}
    if isinstance(document, list):
        return [clean(item, words) for item in document]
    return document.replace(words, "") if isinstance(document, str) else document
