"""The options of the deployer: the checks before a run."""

from __future__ import annotations

from llmops_plugins.recorded.options import RecordedOptions
from llmops_sdk.plugin import Billing

from .rows import options


def test_the_file_is_checked_before_a_run() -> None:
    """The checks are named after it, and use no network."""
    deployer, base = RecordedOptions(), options("data/a.csv").base_model()

    assert ["answers in a.csv"] == [check.name for check in deployer.local_checks(base, {})]
    assert [] == list(deployer.preflight(base, {}))
    for is_whole, name in ((False, "first record"), (True, "test records")):
        checks = deployer.record_checks(base, [], is_whole=is_whole)
        assert [f"answers in a.csv for the {name}"] == [check.name for check in checks]


def test_nothing_is_billed_for_answers_from_a_file() -> None:
    """Whatever the file is."""
    assert Billing("nothing") == RecordedOptions().billing(options("data/a.csv").base_model())
