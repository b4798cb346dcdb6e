"""What no file, template or log may hold: keys, tokens, and the number of somebody's account."""

from __future__ import annotations

import re

from stacks.constructs.xgboost_image import ACCOUNTS

SECRETS = {
    "access key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "secret access key": r"(?i)aws_?secret_?access_?key['\"]?\s*[:=]\s*['\"]?[A-Za-z0-9/+]{40}\b",
    "private key": r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----",
    "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{60,})\b",
    "Slack token": r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "password in a URL": r"\b[a-z]+://[^/\s:@'\"{}$<>]+:[^/\s:@'\"{}$<>]+@",
}
_ACCOUNT = re.compile(r"(?<![\w.-])\d{12}(?![\w.-])")
# The local cloud's, those of AWS's documentation, and those where AWS keeps its images.
KNOWN_ACCOUNTS = {"000000000000", "111122223333", "123456789012", *ACCOUNTS.values()}


def secrets(text: str) -> list[str]:
    """Kind and first letters of each: the message must not spread it."""
    found = ((kind, match[0]) for kind, pattern in SECRETS.items() for match in re.finditer(pattern, text))
    return [f"{kind} {value[:8]}..." for kind, value in found]


def accounts(text: str) -> list[str]:
    """Account numbers that nobody's documentation has."""
    return [number for number in _ACCOUNT.findall(text) if number not in KNOWN_ACCOUNTS]
