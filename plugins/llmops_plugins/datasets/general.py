"""The dataset `general`: bundled instructions of many kinds, written for this project, to see what fine-tuning broke."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from llmops_plugins.datasets.files import read_rows
from llmops_plugins.datasets.options import GeneralOptions
from llmops_plugins.datasets.records import first_record
from llmops_plugins.datasets.splitting import Source, make_splits, split_fingerprint
from llmops_sdk.plugin import Context, DatasetSource, DatasetSplits, Record, RowMapping, file_sha256

GENERAL = Path(__file__).parent / "data" / "general.jsonl"


class GeneralDataset(DatasetSource):
    """Loads the bundled records, in the public domain (CC0): needs no network, no account and no library."""

    options: GeneralOptions

    def fingerprint(self, context: Context) -> str:
        """Return the SHA-256 of the bundled file, and whether a model is fine-tuned, which decides the split."""
        return ", ".join(split_fingerprint(file_sha256(GENERAL), context))

    def preview(self) -> Record | None:
        """Return the first record."""
        return first_record(partial(read_rows, GENERAL), RowMapping())

    @property
    def is_small(self) -> bool:
        """Whether it is loaded before a run: it has a hundred records."""
        return True

    def load(self, context: Context) -> DatasetSplits:
        """Write the splits. On a dataset that no model is fine-tuned on, all are test records."""
        details = {"id": "general", "license": "CC0-1.0", "sha256": file_sha256(GENERAL)}
        return make_splits(context, self.options, RowMapping(), Source(partial(read_rows, GENERAL), details))
