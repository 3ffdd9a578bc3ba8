"""The cards of the datasets plugin. Nothing heavy is imported here."""

from __future__ import annotations

from llmops_plugins.datasets.options import (
    EXTRA,
    CsvOptions,
    DollyOptions,
    FileOptions,
    GeneralOptions,
    HuggingFaceOptions,
    ImportedOptions,
    SampleOptions,
)
from llmops_sdk.plugin import Asset, Check, DatasetCard, hookimpl


@hookimpl
def llmops_cards() -> tuple[DatasetCard, ...]:
    """Return the datasets."""
    return (
        DatasetCard(
            name="sample",
            summary="268 bundled records with Dolly's fields, 220 of them summarization: needs no network",
            load="llmops_plugins.datasets.sample:SampleDataset",
            options=SampleOptions,
        ),
        DatasetCard(
            name="general",
            summary="100 bundled instructions of many kinds with reference answers, for retention: needs no network",
            load="llmops_plugins.datasets.general:GeneralDataset",
            options=GeneralOptions,
        ),
        # no `requires`: with `path` it needs no library
        DatasetCard(
            name="dolly",
            summary="Databricks Dolly 15k, by default its summaries: from the Hugging Face hub or a local JSONL file",
            load="llmops_plugins.datasets.dolly:DollyDataset",
            options=DollyOptions,
            extra=EXTRA,
        ),
        # no `requires`: only Parquet, Arrow, Feather and zstd need the library
        DatasetCard(
            name="file",
            summary="a file of rows in any format: JSON lines, JSON, CSV, Parquet, Arrow or Feather, also compressed",
            load="llmops_plugins.datasets.files:FileDataset",
            options=CsvOptions,
            extra=EXTRA,
        ),
        DatasetCard(
            name="jsonl",
            summary="a file with one JSON object a line; like file, but text must be JSON",
            load="llmops_plugins.datasets.files:JsonlDataset",
            options=FileOptions,
            extra=EXTRA,
        ),
        DatasetCard(
            name="csv",
            summary="a table as text, with a header; like file, but text must be a table",
            load="llmops_plugins.datasets.files:CsvDataset",
            options=CsvOptions,
            extra=EXTRA,
        ),
        DatasetCard(
            name="huggingface",
            summary="any dataset of the Hugging Face hub",
            load="llmops_plugins.datasets.huggingface:HuggingFaceDataset",
            options=HuggingFaceOptions,
            extra=EXTRA,
            requires=("datasets",),
        ),
        DatasetCard(
            name="imported",
            summary="the records of llmops compare, as it wrote them",
            load="llmops_plugins.datasets.imported:ImportedDataset",
            options=ImportedOptions,
        ),
    )


@hookimpl
def llmops_assets() -> tuple[Asset, ...]:
    """Return nothing: hub datasets stay in Hugging Face's own cache."""
    return ()


@hookimpl
def llmops_checks() -> tuple[Check, ...]:
    """Return the checks of `llmops doctor`."""
    from llmops_plugins.datasets.checks import checks

    return checks()
