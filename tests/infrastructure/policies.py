"""python -m tests.infrastructure.policies ASSEMBLY OUT: every policy of the synthesised templates as a file of its own.

For linters of IAM policies, which know no CloudFormation: references are filled in with names that fit.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::AccountId": "123456789012",
    "AWS::Region": "eu-west-1",
    "AWS::URLSuffix": "amazonaws.com",
}
# What a reference to a resource of the type is in an ARN's place.
ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:eu-west-1:123456789012:{name}",
    "AWS::SNS::Topic": "arn:aws:sns:eu-west-1:123456789012:{name}",
    "AWS::KMS::Key": "arn:aws:kms:eu-west-1:123456789012:key/{name}",
    "AWS::IAM::Role": "arn:aws:iam::123456789012:role/{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:eu-west-1:123456789012:log-group:{name}:*",
    "AWS::Lambda::Function": "arn:aws:lambda:eu-west-1:123456789012:function:{name}",
}


def policies(documents: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and document of each. `documents`: templates by the name of their file."""
    arns = {
        f"{stem}.{name}": ARNS.get(item["Type"], "arn:aws:iam::123456789012:role/{name}").format(name=name.lower())
        for stem, document in documents.items()
        for name, item in document["Resources"].items()
    }
    exported = {
        name: output["Value"]["Fn::GetAtt"][0] if "Fn::GetAtt" in output["Value"] else output["Value"]["Ref"]
        for document in documents.values()
        for name, output in document.get("Outputs", {}).items()
        if isinstance(output["Value"], dict) and output["Value"].keys() <= {"Ref", "Fn::GetAtt"}
    }
    by_name = {key.partition(".")[2]: arn for key, arn in arns.items()}

    def filled(value: Any) -> Any:
        match value:
            case {"Fn::Join": [separator, parts]}:
                return str(separator).join(str(filled(part)) for part in parts)
            case {"Ref": name}:
                return PSEUDO.get(name) or by_name.get(name, name)
            case {"Fn::GetAtt": [name, _]}:
                return by_name.get(name, name)
            case {"Fn::GetStackOutput": {"OutputName": name}}:
                return by_name.get(exported.get(name, ""), name)
            case {"Fn::FindInMap": _}:
                return "123456789012"
            case {"Fn::Sub": text}:
                for name, fixed in PSEUDO.items():
                    text = text.replace(f"${{{name}}}", fixed)
                return text
            case dict():
                return {key: filled(item) for key, item in value.items()}
            case list():
                return [filled(item) for item in value]
        return value

    for stem, document in documents.items():
        for name, item in document["Resources"].items():
            if item["Type"] == "AWS::IAM::Policy":
                yield f"{stem}-{name}", filled(item["Properties"]["PolicyDocument"])


def main(assembly: Path, out: Path) -> None:
    found = {path.name.partition(".")[0]: json.loads(path.read_text()) for path in assembly.rglob("*.template.json")}
    out.mkdir(parents=True, exist_ok=True)
    for name, document in policies(found):
        (out / f"{name}.json").write_text(json.dumps(document, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
