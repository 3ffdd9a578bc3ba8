from __future__ import annotations

from typing import Any

import attrs
import pytest

from llmops_plugins.datasets.options import CsvOptions, DollyOptions, FileOptions, HuggingFaceOptions, SampleOptions


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"columns": {"summary": "x"}}, "it cannot map 'summary'"),
        ({"filter": {"a": {"b": 1}}}, "filter compares 'a' with a text, a number"),
        ({"filter": {"a": []}}, "filter compares 'a'"),
        ({"test_fraction": 0.0}, "test_fraction"),
        ({"test_fraction": 1.0}, "test_fraction"),
        ({"max_test_records": 0}, "max_test_records"),
        ({"delimiter": "||"}, "one character"),
        ({"encoding": "utf8000"}, "'utf8000'"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], text: str) -> None:
    """The options class itself refuses them, when the pipeline is built."""
    with pytest.raises(ValueError, match=text):
        CsvOptions(path="a.csv", **options)


@pytest.mark.parametrize("options", [DollyOptions, FileOptions, HuggingFaceOptions])
def test_a_path_and_a_token_do_not_affect_results(options: type[attrs.AttrsInstance]) -> None:
    """A moved file or another token repeats no work: the fingerprint covers the contents."""
    free = {field.name for field in attrs.fields(options) if not field.metadata["affects_results"]}
    assert free <= {"path", "test_path", "token"}
    assert free


def test_the_defaults_are_the_articles() -> None:
    """Dolly is split nine to one; the bundled records, of which there are fewer, four to one."""
    dolly, sample = DollyOptions(), SampleOptions()
    assert ("summarization", 0.1, 42, None, None) == (
        dolly.category,
        dolly.test_fraction,
        dolly.seed,
        dolly.max_train_records,
        dolly.max_test_records,
    )
    assert ("summarization", 0.2, 42) == (sample.category, sample.test_fraction, sample.seed)
