"""Numbers and names as a person reads them."""

from __future__ import annotations

import unicodedata


def amount(value: float, unit: str = "") -> str:
    """41903.2, "USD" becomes "41,903 USD"; small values keep four digits."""
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{text} {unit}".rstrip()


def share(value: float) -> str:
    """0.95 becomes "95 %"."""
    return f"{100 * value:.4g} %"


def one_line(text: str, limit: int) -> str:
    """Without line breaks and other control characters, `limit` characters at most."""
    plain = "".join(" " if unicodedata.category(letter).startswith("C") else letter for letter in text)
    line = " ".join(plain.split())
    return line if len(line) <= limit else f"{line[: limit - 3]}..."


def title(name: str) -> str:
    """`median_house_value` becomes `Median house value`."""
    return name.replace("_", " ").capitalize()
