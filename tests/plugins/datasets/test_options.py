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
        ({"test_fraction": 1.5}, "test_fraction"),
        ({"split": "half"}, "split must be 'none' .* or 'random', not 'half'"),
        ({"split": "none", "test_fraction": 0.5}, "split: none and test_fraction: 0.5 contradict each other"),
        ({"split": "random", "test_fraction": 1}, "split: random and test_fraction: 1 contradict each other"),
        ({"group": "a[b]"}, "group is a column, or a path"),
        ({"columns": {"response": " "}}, "columns maps response to a column without a name"),
        ({"columns": {"instruction": "a", "messages": "b"}}, "columns maps both messages and instruction"),
        ({"encoding": "base64"}, "'base64'"),
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
        dolly.fraction(trains=True),
        dolly.seed,
        dolly.max_train_records,
        dolly.max_test_records,
    )
    assert ("summarization", 0.2, 42) == (sample.category, sample.fraction(trains=True), sample.seed)


def test_all_records_are_test_records_where_no_model_is_fine_tuned() -> None:
    """Unless a fraction is given, or a split; the split of a hub dataset is one of the hub's."""
    assert 1 == SampleOptions().fraction(trains=False) == SampleOptions(split="none").fraction(trains=True)
    assert 0.2 == SampleOptions(split="random").fraction(trains=False)
    assert 0.3 == SampleOptions(test_fraction=0.3).fraction(trains=False)
    hub = HuggingFaceOptions(id="a/b", split="none")
    assert (0.2, 1) == (hub.fraction(trains=True), hub.fraction(trains=False))


@pytest.mark.parametrize("name", ["utf-8", "UTF8", "latin-1", "Windows-1252", "utf_16"])
def test_an_encoding_has_many_names(name: str) -> None:
    """All of them are accepted."""
    assert name == FileOptions(path="a", encoding=name).encoding
