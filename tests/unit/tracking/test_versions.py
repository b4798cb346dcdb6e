"""What the registry takes, and what it says of its versions."""

from tracking.versions import metadata_value


def test_a_reason_is_kept_as_the_registry_takes_it() -> None:
    kept = metadata_value("Alarms: (a-5xx), 'b' went off; see https://x/y?z=1 " + "x" * 300)
    assert kept.startswith("Alarms: a-5xx b went off see https://x/y z=1 xxx")
    assert len(kept) == 256


def test_a_reason_without_a_letter_that_the_registry_takes_is_a_dash() -> None:
    assert metadata_value("(!)") == "-"
