"""A fork of this tree: another name, three other models, and every setting that stacks/config.py offers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.contracts import REAL

ROOT = Path(__file__).resolve().parents[2]
MODELS = ("bike", "churn", "penguins")
PROJECT = """\
name = "acme"
model = "bike"
environment = "test"
"""
NETWORK = """\
    customer_key=True,
    serving_mode="realtime",
    network=Network(
        subnets=("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"),
        security_groups=("sg-0123456789abcdef0",),
        availability_zone="eu-central-1a",
    ),
"""
# Line of stacks/config.py -> what a fork writes in its place.
SETTINGS = {
    '    # Costs nothing while nobody asks.\n    serving_mode="serverless",\n': NETWORK
    + '    api=ApiAccess(auth="iam", origins=("https://page.example.com",), firewall=True),\n'
    + '    alerting=Alerting(emails=("ops@example.com",), monthly_budget_usd=200),\n',
    "    alerting=Alerting(encrypted=True),\n": NETWORK
    + "    concurrency=Concurrency(predict=20, platform=5),\n"
    + '    alerting=Alerting(emails=("ops@example.com", "boss@example.com"), monthly_budget_usd=900),\n',
    "DELIVERY: Delivery | None = None": "DELIVERY: Delivery | None = Delivery(\n"
    + '    repository="acme/forecasts",\n'
    + '    accounts=(("test",), ("live",)),\n'
    + '    image_repository="acme/page",\n'
    + '    cluster="apps",\n'
    + ")",
    'name="dev"': 'name="test"',
    'name="prod"': 'name="live"',
}


def fork(folder: Path) -> Path:
    """Write the fork into the folder, which is not there yet, as a repository of its own."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for line in subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():
        path = ROOT / line
        if path.is_file() and not line.startswith("models/"):
            (folder / line).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, folder / line)
    for model in MODELS:
        shutil.copytree(REAL / model, folder / "models" / model)
    (folder / "project.toml").write_text(PROJECT)
    config = folder / "stacks" / "config.py"
    text = config.read_text()
    for old, new in SETTINGS.items():
        assert text.count(old) == 1, f"stacks/config.py holds {old!r} {text.count(old)} times"
        text = text.replace(old, new)
    config.write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return folder
