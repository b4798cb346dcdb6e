"""Files that are easily read in a wrong way, as many as one wants: seeded, so that each can be made again."""

from __future__ import annotations

import gzip
import random

from contract import contract_of
from tests.unit.pipeline.binary import DOCUMENT

CONTRACT = contract_of(
    {
        **DOCUMENT,
        "data": {"missing": ["?", "-9"]},
        "features": {
            "price": {"type": "number", "column": "Price (kEUR)", "min": 0},
            "rooms": {"type": "number", "min": -9, "max": 99, "nullable": True},
            "town": {"type": "category", "levels": ["A", "B c", "N/A", "7"]},
            "kind": {"type": "category", "column": "kind of; flat", "levels": ["x", "z\u00fc"], "nullable": True},
        },
        "target": {"name": "sold", "levels": ["no", "yes"]},
        "derived": {"per_room": "price / rooms"},
    }
)
NUMBERS = [
    "1",
    "1.5",
    "-0",
    "1e2",
    "+3",
    ".5",
    "7.",
    "nan",
    "NA",
    "",
    "?",
    "-9",
    "x",
    "1_0",
    "1e999",
    "1e101",
    "\u0661",
]
TOWNS = ["A", "B c", "B\u00a0c", " A ", "7", "7.0", "7e0", "N/A", "NA", "", "a", "\u00c4", 'A"', "#A", "A;B"]
KINDS = ["x", "z\u00fc", "", "?", "null", "Z\u00dc", "x\t", "\u2028x"]
NOTES = [
    "",
    "n",
    "a\nb",
    "a\r\nb",
    "\r",
    'say "hi"',
    "a,b;c",
    "caf\u00e9",
    "\x1b",
    "\x1b!r\x1b!",
    "# no",
    "\u2028",
    "'",
    "sep=;",
]
STRAY = ['"', '"open', 'x"y', '"a" b', '""', "'", '"a""']
LINES = ["", " ", "# a comment", '# "quoted', ",,,,,", ";;;;;", "1,2", "HEADER", "\x0b", '"', "x" * 300]


def file(seed: int) -> bytes:
    """A header with every column in some order, and up to 30 rows among what is none."""
    draw = random.Random(seed)
    delimiter = draw.choice([",", ",", ";", "\t", "|"])
    # Where both could be meant, a contract has to declare which: that is another test.
    comma = delimiter != "," and draw.random() < 0.3
    ending = draw.choice(["\n", "\n", "\r\n", "\r"])
    names = ["Price (kEUR)", "rooms", "town", "kind of; flat", "sold", "note"]
    if draw.random() < 0.3:
        names.remove("rooms")
    draw.shuffle(names)
    header = delimiter.join(_field(name, delimiter, draw) for name in names)
    lines = [header]
    for _ in range(draw.randint(1, 30)):
        line = delimiter.join(_cell(name, delimiter, draw, comma=comma) for name in names)
        if draw.random() < 0.12:
            line = draw.choice(LINES).replace("HEADER", header)
        lines.append(line)
    if draw.random() < 0.1:
        lines.insert(0, f"sep={delimiter}")
    if draw.random() < 0.1:
        lines.insert(0, "# made by hand")
    text = "".join(line + (draw.choice(["\n", "\r\n", "\r"]) if draw.random() < 0.02 else ending) for line in lines)
    text = text if draw.random() < 0.7 else text.rstrip("\r\n")
    content = text.encode(draw.choice(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le"]))
    if draw.random() < 0.2:
        at = draw.randrange(min(2 * len(header) + 60, len(content)), len(content) + 1)
        content = (
            content[:at]
            + bytes([draw.randrange(0x80, 0x100)]) * (2 if content[:2] == b"\xff\xfe" else 1)
            + content[at:]
        )
    return gzip.compress(content, mtime=0) if draw.random() < 0.1 else content


def _cell(name: str, delimiter: str, draw: random.Random, *, comma: bool) -> str:
    if name == "sold":
        return draw.choice(["no", "yes"])
    pool = {"Price (kEUR)": NUMBERS, "rooms": NUMBERS, "town": TOWNS, "kind of; flat": KINDS}.get(name, NOTES)
    text = draw.choice(pool if draw.random() < 0.5 else pool[:2])
    if comma and pool is NUMBERS:
        text = text.replace(".", ",")
    if name == "note" and draw.random() < 0.05:
        return draw.choice(STRAY)
    return _field(text, delimiter, draw)


def _field(text: str, delimiter: str, draw: random.Random) -> str:
    needs = any(mark in text for mark in (delimiter, '"', "\n", "\r"))
    if needs or draw.random() < 0.1:
        return '"' + text.replace('"', '""') + '"'
    return text
