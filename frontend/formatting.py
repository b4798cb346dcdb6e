"""Numbers, names and times as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime

NOTHING = "\u2013"
LABELS = {
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R\u00b2",
    "auc": "AUC",
    "logloss": "Log loss",
    "f1": "F1",
}
MONTH_SECONDS = 30 * 86400
IN_UNITS = ("rmse", "mae")  # of the target; the other metrics have none


def amount(value: float, unit: str = "") -> str:
    """206854.7, "USD" becomes "206,855 USD"; small values keep four digits."""
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{text} {unit}".rstrip()


def signed(value: float, unit: str = "") -> str:
    """-1234.5 becomes "\u22121,234": a change, with its sign."""
    sign = "\u2212" if value < 0 else "+"
    return sign + amount(abs(value), unit)


def share(value: float) -> str:
    """0.9537 becomes "95.4 %"."""
    return f"{100 * value:.3g} %"


def title(name: str) -> str:
    """`median_house_value` becomes `Median house value`."""
    return name.replace("_", " ").strip().capitalize()


def metric_name(name: str) -> str:
    return LABELS.get(name, title(name))


def metric_value(name: str, value: float, unit: str = "") -> str:
    return amount(value, unit) if name in IN_UNITS else f"{value:.4f}"


def duration(seconds: float | None) -> str:
    """3.25 becomes "3.3 s", 75 "1 min 15 s"."""
    if seconds is None:
        return NOTHING
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def moment(time: datetime | None) -> str:
    """In UTC: the page's server and its reader may live in different zones."""
    return f"{time.astimezone(UTC):%d %b %Y, %H:%M} UTC" if time else NOTHING


def ago(time: datetime | None, now: datetime) -> str:
    """How long since, as "3 min ago"; the date from a month on."""
    if time is None:
        return NOTHING
    seconds = (now - time).total_seconds()
    if seconds > MONTH_SECONDS:
        return f"on {_day(time)}"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def since(time: datetime, now: datetime) -> str:
    """The clock of the same day, the date of any other."""
    time = time.astimezone(UTC)
    return f"{time:%H:%M} UTC" if time.date() == now.astimezone(UTC).date() else _day(time)


def _day(time: datetime) -> str:
    return f"{time.astimezone(UTC):%d %b %Y}"


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
