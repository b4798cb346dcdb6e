"""Names of artifacts behind the multi-model endpoint, and the record of which of them answers."""

from tracking.hosting import Served, target_of

MODEL, ARTIFACT = "california_housing", "s3://artifact/california_housing/models/train-1/output/model.tar.gz"
TARGET = "california_housing/7-f98a9a8b.tar.gz"


def test_targets_of_other_artifacts_have_other_names() -> None:
    assert target_of(MODEL, 7, ARTIFACT) == TARGET
    assert len({target_of(MODEL, 7, ARTIFACT), target_of(MODEL, 8, ARTIFACT), target_of(MODEL, 7, ARTIFACT + "2")}) == 3


def test_the_etag_of_a_record_is_no_part_of_what_it_says() -> None:
    assert Served("arn", 7, TARGET, etag="a") == Served("arn", 7, TARGET, etag="b")
