"""The cards of the importers. Nothing heavy is imported here."""

from __future__ import annotations

from llmops_plugins.importers.options import TableImportOptions
from llmops_sdk.plugin import ImporterCard, hookimpl


@hookimpl
def llmops_cards() -> tuple[ImporterCard, ...]:
    """Return the cards of the importers."""
    return (
        # no `requires`: only Parquet needs a library
        ImporterCard(
            name="table",
            summary="a table with a row for each record: JSONL, JSON, CSV, TSV or Parquet, also compressed",
            load="llmops_plugins.importers.tables.importer:TableImporter",
            options=TableImportOptions,
            extra="datasets",
            is_fallback=True,
        ),
    )
