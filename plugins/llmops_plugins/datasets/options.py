"""The options of the dataset sources."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Any

import attrs
from attrs import validators

from llmops_sdk.plugin import Options, Secret, option

FIELDS = ("instruction", "context", "response")
EXTRA = "datasets"
_fraction = validators.and_(validators.gt(0), validators.lt(1))
_at_least_one_or_none = validators.optional(validators.ge(1))


def _known_columns(_options: object, _attribute: object, value: Mapping[str, str]) -> None:
    unknown = [name for name in value if name not in FIELDS]
    if unknown:
        message = f"columns maps the fields {', '.join(FIELDS)}; it cannot map {unknown[0]!r}"
        raise ValueError(message)


def _plain_filter(_options: object, _attribute: object, value: Mapping[str, Any]) -> None:
    for field, allowed in value.items():
        choices = allowed if isinstance(allowed, (list, tuple)) else [allowed]
        if not choices or not all(isinstance(choice, (str, int, float, bool)) for choice in choices):
            message = (
                f"filter compares {field!r} with a text, a number, true or false, or a list of those, not {allowed!r}"
            )
            raise ValueError(message)


def _one_character(_options: object, _attribute: object, value: str) -> None:
    if len(value) != 1:
        message = f"delimiter must be one character, not {value!r}"
        raise ValueError(message)


def _known_encoding(_options: object, _attribute: object, value: str) -> None:
    try:
        codecs.lookup(value)
    except LookupError:
        message = f"no text encoding is called {value!r}; common ones: utf-8, utf-16, windows-1252"
        raise ValueError(message) from None


@attrs.frozen(kw_only=True)
class SplitOptions(Options):
    """How a dataset is split."""

    test_fraction: float = option(0.2, help="fraction of the records in the test split", validator=_fraction)
    seed: int = option(42, help="seed of the split: the same seed gives the same splits")
    max_train_records: int | None = option(
        None, help="the most training records, chosen at random", validator=_at_least_one_or_none
    )
    max_test_records: int | None = option(
        None,
        help="the most test records, chosen at random; does not change the train split",
        validator=_at_least_one_or_none,
    )


@attrs.frozen(kw_only=True)
class SampleOptions(SplitOptions):
    """The bundled records."""

    category: str = option("summarization", help="keep only records of this category; empty keeps all")


@attrs.frozen(kw_only=True)
class DollyOptions(SplitOptions):
    """Databricks Dolly 15k, from the Hugging Face hub or a file."""

    category: str = option("summarization", help="keep only records of this category; empty keeps all")
    test_fraction: float = option(0.1, help="fraction of the records in the test split", validator=_fraction)
    path: str = option(
        "",
        help="a JSONL file with Dolly's fields instead of the hub: needs no network",
        affects_results=False,
        path=True,
    )
    revision: str = option("", help="the hub revision; the newest commit if empty; the run's record has the commit")
    token: Secret | None = option(  # noqa: RUF009 - `option` declares a field, it is no shared default
        None, help="a hub token, as 'env:HF_TOKEN'", affects_results=False
    )


@attrs.frozen(kw_only=True)
class TableOptions(SplitOptions):
    """How the rows of any table become records with instruction, context and response."""

    columns: Mapping[str, str] = option(
        factory=dict,
        help="the columns of instruction, context and response, if they have other names; without a column for it, the"
        " context is empty",
        validator=_known_columns,
    )
    instruction: str = option("", help="one instruction for all records, if the dataset has no column for it")
    filter: Mapping[str, Any] = option(
        factory=dict, help="keep only rows with this value (or one of a list) in a column", validator=_plain_filter
    )


@attrs.frozen(kw_only=True)
class FileOptions(TableOptions):
    """A file of records, or one for the train split and one for the test split."""

    path: str = option(help="the file", affects_results=False, path=True)
    test_path: str = option(
        "", help="a file with the test split; test_fraction is then ignored", affects_results=False, path=True
    )


@attrs.frozen(kw_only=True)
class CsvOptions(FileOptions):
    """A table as text; its first line names the columns."""

    delimiter: str = option(
        ",", help='the character between cells; a tab is written "\\t" in YAML', validator=_one_character
    )
    encoding: str = option("utf-8", help="the text encoding", validator=_known_encoding)


@attrs.frozen(kw_only=True)
class HuggingFaceOptions(TableOptions):
    """A dataset of the Hugging Face hub."""

    id: str = option(help="the dataset, for example 'abisee/cnn_dailymail'")
    config: str = option("", help="its configuration, where it has several, for example '3.0.0' of cnn_dailymail")
    split: str = option("train", help="the split to load, or a part of one, for example 'train[:1000]'")
    test_split: str = option("", help="a split to use as the test split; test_fraction is then ignored")
    revision: str = option("", help="the hub revision; the newest commit if empty; the run's record has the commit")
    token: Secret | None = option(  # noqa: RUF009 - `option` declares a field, it is no shared default
        None, help="a hub token, as 'env:HF_TOKEN'", affects_results=False
    )
