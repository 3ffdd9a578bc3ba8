"""The options of the dataset sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
from attrs import validators

from llmops_sdk.plugin import Options, Secret, is_column, is_encoding, name_of_file, name_of_model, option

FIELDS = ("instruction", "context", "response")
MAPPED = (*FIELDS, "messages")
EXTRA = "datasets"
NO_SPLIT, RANDOM = "none", "random"
_fraction = validators.optional(validators.and_(validators.gt(0), validators.le(1)))
_at_least_one_or_none = validators.optional(validators.ge(1))


def _known_columns(_options: object, _attribute: object, value: Mapping[str, str]) -> None:
    unknown = [name for name in value if name not in MAPPED]
    if unknown:
        message = f"columns maps the fields {', '.join(MAPPED)}; it cannot map {unknown[0]!r}"
        raise ValueError(message)
    for field, column in value.items():
        if not column.strip():
            message = f"columns maps {field} to a column without a name"
            raise ValueError(message)
    if {"messages", "instruction"} <= set(value):
        message = "columns maps both messages and instruction: the last turn of the messages is the instruction"
        raise ValueError(message)


def _known_split(_options: object, _attribute: object, value: str) -> None:
    if value not in ("", NO_SPLIT, RANDOM):
        message = f"split must be {NO_SPLIT!r} (all records are test records) or {RANDOM!r}, not {value!r}"
        raise ValueError(message)


def _column(_options: object, _attribute: object, value: str) -> None:
    if value and not is_column(value):
        message = f"group is a column, or a path such as 'meta.conversation_id', not {value!r}"
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
    if len(value) > 1:
        message = f"delimiter must be one character, not {value!r}"
        raise ValueError(message)


def _known_encoding(_options: object, _attribute: object, value: str) -> None:
    if value and not is_encoding(value):
        message = f"no text encoding is called {value!r}; common ones: utf-8, utf-16, windows-1252"
        raise ValueError(message)


@attrs.frozen(kw_only=True)
class SplitOptions(Options):
    """How a dataset is split."""

    default_fraction: ClassVar[float] = 0.2

    test_fraction: float | None = option(
        None,
        help="fraction of the records in the test split; by default 0.2 (of Dolly 0.1), and 1, which is all records, where"
        " no model is fine-tuned",
        validator=_fraction,
    )
    split: str = option(
        "",
        help="none: all records are test records, the same as test_fraction: 1; random: split",
        validator=_known_split,
    )
    group: str = option(
        "",
        help="a column, such as conversation_id: records with the same value in it are never in both splits",
        validator=_column,
    )
    seed: int = option(42, help="seed of the split: the same seed gives the same splits")
    max_train_records: int | None = option(
        None, help="the most training records, chosen at random", validator=_at_least_one_or_none
    )
    max_test_records: int | None = option(
        None,
        help="the most test records, chosen at random; does not change the train split",
        validator=_at_least_one_or_none,
    )

    def __attrs_post_init__(self) -> None:
        """Refuse a split that contradicts its fraction."""
        if self.test_fraction is None or not self.split_kind:
            return
        if (self.test_fraction == 1) != (self.split_kind == NO_SPLIT):
            message = f"split: {self.split_kind} and test_fraction: {self.test_fraction} contradict each other"
            raise ValueError(message)

    @property
    def split_kind(self) -> str:
        """`none`, `random`, or empty to decide by whether a model is fine-tuned."""
        return self.split

    def fraction(self, *, trains: bool) -> float:
        """Return the fraction of the records in the test split.

        Args:
            trains: Whether a model is fine-tuned on the dataset.
        """
        if self.test_fraction is not None:
            return self.test_fraction
        is_whole = self.split_kind == NO_SPLIT or not (trains or self.split_kind)
        return 1.0 if is_whole else self.default_fraction


@attrs.frozen(kw_only=True)
class SampleOptions(SplitOptions):
    """The bundled records."""

    category: str = option("summarization", help="keep only records of this category; empty keeps all")


@attrs.frozen(kw_only=True)
class GeneralOptions(SplitOptions):
    """The bundled general instructions."""


@attrs.frozen(kw_only=True)
class DollyOptions(SplitOptions):
    """Databricks Dolly 15k, from the Hugging Face hub or a file."""

    default_fraction: ClassVar[float] = 0.1

    category: str = option("summarization", help="keep only records of this category; empty keeps all")
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
        help="the columns of instruction, context, response and messages, where they have other names than in the known"
        " shapes of rows; a path such as answers.text[0] is inside a column, and answers.text may be several references",
        validator=_known_columns,
    )
    instruction: str = option("", help="one instruction for all records, if the dataset has no column for it")
    labels: tuple[str, ...] = option((), help="the names of the responses 0, 1, 2, ..., in this order")
    filter: Mapping[str, Any] = option(
        factory=dict, help="keep only rows with this value (or one of a list) in a column", validator=_plain_filter
    )


@attrs.frozen(kw_only=True)
class FileOptions(TableOptions):
    """A file of records, or one for the train split and one for the test split."""

    path: str = option(
        help="the file: JSON lines, JSON, CSV, Parquet, Arrow or Feather, also compressed",
        affects_results=False,
        path=True,
    )
    test_path: str = option(
        "", help="a file with the test split; test_fraction is then ignored", affects_results=False, path=True
    )
    encoding: str = option(
        "",
        help="the encoding of a text; by default UTF-8, or what its byte order mark says",
        validator=_known_encoding,
    )

    def usual_name(self) -> str:
        """Return the file's name."""
        return name_of_file(self.path)


@attrs.frozen(kw_only=True)
class CsvOptions(FileOptions):
    """A file of records, which may be a table as text; its first line names the columns."""

    delimiter: str = option(
        "",
        help='the character between cells, by default found by the first rows; a tab is written "\\t" in YAML',
        validator=_one_character,
    )


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

    @property
    def split_kind(self) -> str:
        """Empty: `split` names a split of the hub; all its records are test records with `test_fraction: 1`."""
        return ""

    def usual_name(self) -> str:
        """Return the dataset's name on the hub, without its owner."""
        return name_of_model(self.id)


@attrs.frozen(kw_only=True)
class ImportedOptions(Options):
    """Records that are ready: each line is one, and all of them are test records."""

    path: str = option(help="the file: JSON lines", affects_results=False, path=True)
    group: str = option("", help="the field whose value records of one group share", validator=_column)
    caveat: str = option("", help="what must be known of the records beside a verdict")
