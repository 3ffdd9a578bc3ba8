"""The dataset and the prompt of the kit."""

from __future__ import annotations

from pathlib import Path

from llmops_sdk.plugin import TextTemplate
from llmops_sdk.testing import Lines, LinesOptions, PlainPrompt, make_context


def test_the_dataset_has_as_many_records_as_its_options_say(tmp_path: Path) -> None:
    """The same seed gives the same splits, another one others."""
    splits = [
        Lines(LinesOptions(records=10, test_fraction=0.3, seed=seed)).load(make_context(tmp_path / str(number)))
        for number, seed in enumerate((0, 0, 1))
    ]

    assert (7, 3) == (splits[0].train.records, splits[0].test.records)
    assert splits[0].test.sha256 == splits[1].test.sha256 != splits[2].test.sha256
    assert {"instruction", "context", "response"} == set(next(iter(splits[0].test)))


def test_the_prompt_is_the_context_alone() -> None:
    """So the model `echo` answers with the context."""
    assert TextTemplate(prompt="{context}", completion="{response}") == PlainPrompt(None).template()
