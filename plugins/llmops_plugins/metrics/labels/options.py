"""The options of `classification`. Nothing heavy is imported here."""

from __future__ import annotations

import attrs
from attrs import validators

from llmops_plugins.metrics.labels.reading import normalized
from llmops_plugins.metrics.validators import one_of
from llmops_sdk.plugin import Options, option


def _labels(_options: object, _attribute: object, value: tuple[str, ...]) -> None:
    names = [normalized(label) for label in value]
    if not all(names):
        message = "one of labels is empty, or punctuation that does not count"
        raise ValueError(message)
    if len(set(names)) < max(2, len(names)):
        message = (
            "labels are two or more different texts; upper and lower case and punctuation around them are the same"
        )
        raise ValueError(message)


@attrs.frozen(kw_only=True)
class ClassificationOptions(Options):
    """The labels, and how one is found in an answer."""

    labels: tuple[str, ...] = option(
        help="the labels, of one or more words; upper and lower case are the same", validator=_labels
    )
    field: str = option("response", help="the record's field with the true label", validator=validators.min_len(1))
    read: str = option(
        "only",
        help="which label of an answer counts that is not just a label: only (the one label it names; several are a "
        "failure), first, last, or whole (none: the answer must be a label)",
        validator=one_of(("only", "first", "last", "whole")),
    )
