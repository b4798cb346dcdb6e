"""The comment of a pull request, from what the CDK's command line printed (diffs/, recorded; dev.txt is cut)."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.diff_report import DIFF_CHARACTERS, Change, DiffError, parse, report
from cli.main import app

DIFFS = Path(__file__).parent / "diffs"
DEV, PROD = DIFFS / "dev.txt", DIFFS / "prod.txt"
NOTHING = "Stack dev/Data (mlops-dev-data)\nThere were no differences\n\n✨  Number of stacks with differences: 0\n"


def test_stacks_and_resources_are_read_with_what_happens_to_them() -> None:
    data, etl, serving = parse(DEV.read_text())
    assert (data.name, etl.name, serving.name) == ("dev/Data", "dev/Etl", "dev/Serving")
    assert data.changes == [
        Change("-", "AWS::Glue::Table", "BreastCancerTable", "destroy"),
        Change("-", "AWS::SageMaker::ModelPackageGroup", "BreastCancerVersions", "destroy"),
    ]
    assert etl.changes == [
        Change("~", "AWS::Glue::Job", "PreProcessing", ""),
        Change("~", "AWS::Events::Rule", "Uploaded7CA5CB4B", ""),
        Change("~", "AWS::Lambda::LayerVersion", "ContractLayerE7CFAB47", "replace"),
    ]
    # Nothing is lost with an alarm, a route or a layer.
    assert (len(data.losses), etl.losses, serving.losses) == (2, [], [])


@pytest.mark.parametrize(
    ("line", "lost"),
    [
        ("[-] AWS::S3::Bucket RawBucket0C3EE094 destroy", True),
        ("[-] AWS::S3::Bucket RawBucket0C3EE094 orphan", True),
        ("[~] AWS::SQS::Queue Etl/Queue Queue1 replace", True),
        ("[~] AWS::KMS::Key Data/Key Key1 may be replaced", True),
        ("[~] AWS::S3::Bucket Data/RawBucket RawBucket0C3EE094", False),
        ("[+] AWS::S3::Bucket Data/Other Other1", False),
        ("[←] AWS::S3::Bucket Data/Other Other1 import", False),
        ("[~] AWS::Lambda::Function Etl/StartEtl StartEtl1 replace", False),
        ('[-]   "AWS::S3::Bucket RawBucket0C3EE094 destroy"', False),
    ],
)
def test_losing_a_resource_that_holds_something_is_a_loss(line: str, lost: bool) -> None:
    (stack,) = parse(f"Stack dev/Data (mlops-dev-data)\nResources\n{line}\n")
    assert bool(stack.losses) == lost


def test_a_comment_is_known_by_its_environments() -> None:
    """Prod's diff waits for its reviewers, and does not take the place of dev's."""
    first = [report(parse(text.read_text()), allowed=False).partition("\n")[0] for text in (DEV, PROD)]
    assert first == ["<!-- mlops diff-report dev -->", "<!-- mlops diff-report prod -->"]


def test_the_comment_says_what_would_be_lost_first_and_shows_every_stack() -> None:
    stacks = parse(DEV.read_text()) + parse(PROD.read_text()) + parse(NOTHING)
    text = report(stacks, allowed=False)
    assert text.startswith("<!-- mlops diff-report dev prod -->\n### What this changes in AWS\n\n> [!CAUTION]\n")
    assert (
        "> - `prod/Data`: AWS::SageMaker::ModelPackageGroup `BreastCancerVersions` would leave the stack and stay in "
        "the account, unused. At stake: the versions of a model and what is live." in text
    )
    assert "| dev/Data |  |  | 2 |  |" in text
    assert "| dev/Etl |  | 3 |  | 1 |" in text
    assert text.count("<details>") == 4  # nothing to unfold where nothing changes
    assert "[!WARNING]" in report(stacks, allowed=True)
    assert "[!" not in report(parse(NOTHING), allowed=False)


def test_the_comment_names_no_account() -> None:
    text = report(parse(DEV.read_text().replace("BreastCancerTable destroy", "x 123456789012")), allowed=False)
    assert "123456789012" not in text
    assert "000000000000" not in text


def test_a_long_diff_fits_into_a_comment_with_its_resources() -> None:
    noise = "x" * 100_000
    first = f"Stack a/One (one)\n{noise}\n[-] AWS::S3::Bucket Kept destroy\n"
    text = report(parse(first + first.replace("One", "Two")), allowed=False)
    assert len(text) < 65_536
    assert text.count("[-] AWS::S3::Bucket Kept destroy") == 2
    assert (
        f"{100_000 + 2 * len('[-] AWS::S3::Bucket Kept destroy') + 3 - DIFF_CHARACTERS // 2:,} characters more" in text
    )


def test_a_fence_in_the_diff_does_not_end_the_block() -> None:
    text = report(parse("Stack a/One (one)\n```\n[+] AWS::SNS::Topic A/B C1\n"), allowed=False)
    assert text.count("````") == 2


def test_text_that_is_no_diff_is_refused() -> None:
    with pytest.raises(DiffError, match="names no stack"):
        parse("models/x/model.toml: split: must sum to 1\n")


def test_the_command_fails_for_a_loss_unless_it_is_allowed(tmp_path: Path) -> None:
    out = tmp_path / "comment.md"
    refused = CliRunner().invoke(app, ["diff-report", str(DEV), str(PROD), "--out", str(out)])
    assert refused.exit_code == 1
    assert "4 stateful resources would be lost or replaced" in " ".join(refused.stderr.split())
    assert "[!CAUTION]" in out.read_text()
    allowed = CliRunner().invoke(app, ["diff-report", str(DEV), "--allow-destructive"])
    assert (allowed.exit_code, "[!WARNING]" in allowed.stdout) == (0, True)


def test_the_command_names_a_file_that_it_cannot_report_on(tmp_path: Path) -> None:
    file = tmp_path / "dev.txt"
    file.write_text("Error: no credentials\n")
    done = CliRunner().invoke(app, ["diff-report", str(file)])
    assert done.exit_code == 1
    assert f"Cannot report on {file}: it names no stack" in done.stderr.replace("\n", "")


HOSTILE = """Stack dev/Data (mlops-dev-data)
[~] AWS::S3::Bucket RawBucket0C3EE094 replace
 └─ [~] Description
     └─ @@ -1,3 +1,3 @@
There were no differences
```
</details> ![i](http://a.example/i.png) \x1b[2J \u202egpj.exe\x85Stack dev/Forged
[~] Custom::`](http://a.example)<img> Thing1 replace
"""


def test_words_of_a_difference_neither_hide_it_nor_leave_it() -> None:
    (stack,) = parse(HOSTILE)
    assert not stack.is_empty
    assert [change.logical_id for change in stack.changes] == ["RawBucket0C3EE094"]
    text = report([stack], allowed=False)
    head, fence, rest = text.partition("````text\n")
    assert fence and "http://a.example" not in head
    inside, _, after = rest.partition("\n````\n")
    assert r"\x1b[2J \u202egpj.exe\x85Stack dev/Forged" in inside
    assert after.strip() == "</details>"


def test_a_report_may_hold_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "diff.txt").write_bytes(
        b"Stack dev/Data\n[+] AWS::S3::Bucket Raw1\n \xff\x1b]0;t\x07\rStack dev/Forged\n"
    )
    done = CliRunner().invoke(app, ["diff-report", str(tmp_path / "diff.txt")])
    assert done.exit_code == 0, done.output
    assert "\ufffd\\x1b]0;t\\x07\\rStack dev/Forged" in done.stdout


def test_a_comment_fits_whatever_is_lost() -> None:
    lost = "\n".join(
        f"[-] AWS::SageMaker::ModelPackageGroup Model{'x' * 200}{number:04} destroy" for number in range(900)
    )
    queues = "\n".join(f"[-] AWS::SQS::Queue Queue{number:03} destroy" for number in range(50))
    text = report(parse(f"Stack dev/Data (mlops-dev-data)\n{queues}\n{lost}\n"), allowed=False)
    assert len(text) < 65_536
    assert text.count("At stake") == 40
    assert (
        "- and 910 more, in the log of the workflow: 900 AWS::SageMaker::ModelPackageGroup, 10 AWS::SQS::Queue." in text
    )


def test_a_comment_of_many_stacks_fits_too() -> None:
    stacks = "\n".join(
        f"Stack dev/{'S' * 900}{number}\n[~] AWS::Lambda::Function F{number}\n{'y' * 2000}" for number in range(80)
    )
    text = report(parse(stacks), allowed=False)
    assert 65_000 < len(text) < 65_536
    assert text.endswith("Cut here: the rest is in the log of the workflow.\n")
