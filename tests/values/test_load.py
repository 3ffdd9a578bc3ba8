"""What is stated of an endpoint under load."""

from __future__ import annotations

from llmops_sdk.values.load import LoadLevel, ModelLoad


def test_a_load_says_when_and_where_it_was_measured_and_what_failed() -> None:
    """Each occasion once; nothing of what succeeded."""
    one = LoadLevel(1, 8, 0, 2.0, "2026-11-30T08:00:00+00:00", "Linux x86_64, 2 cores", 5, 4.0)
    four = LoadLevel(4, 8, 3, 2.0, "2026-12-01T08:00:00+00:00", "Linux x86_64, 2 cores", 1, 2.5, error="busy")

    load = ModelLoad("base", (one, one, four))

    assert (
        "5 prompts, 2026-11-30, from Linux x86_64, 2 cores",
        "1 prompt, 2026-12-01, from Linux x86_64, 2 cores",
    ) == load.basis
    assert ("3 of 8 requests failed at 4 at a time: busy",) == load.errors
