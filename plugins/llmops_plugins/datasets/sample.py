"""The dataset `sample`: bundled records, written for this project, with Dolly's fields."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from llmops_plugins.datasets.files import read_rows
from llmops_plugins.datasets.options import SampleOptions
from llmops_plugins.datasets.records import category_mapping, first_record
from llmops_plugins.datasets.splitting import Source, make_splits, split_fingerprint
from llmops_sdk.plugin import Context, DatasetSource, DatasetSplits, Record, file_sha256

SAMPLE = Path(__file__).parent / "data" / "sample.jsonl"


class SampleDataset(DatasetSource):
    """Loads the bundled records, in the public domain (CC0): needs no network, no account and no library."""

    options: SampleOptions

    def fingerprint(self, context: Context) -> str:
        """Return the SHA-256 of the bundled file, and whether a model is fine-tuned, which decides the split."""
        return ", ".join(split_fingerprint(file_sha256(SAMPLE), context))

    def preview(self) -> Record | None:
        """Return the first record of the category."""
        return first_record(partial(read_rows, SAMPLE), category_mapping(self.options))

    @property
    def is_small(self) -> bool:
        """Whether it is loaded before a run: it has a few hundred records."""
        return True

    def load(self, context: Context) -> DatasetSplits:
        """Write the splits of one category, or of all.

        Raises:
            DataError: There is no such category, or it has too few records; names the known categories.
        """
        details = {"id": "sample", "license": "CC0-1.0", "sha256": file_sha256(SAMPLE)}
        mapping = category_mapping(self.options)
        return make_splits(context, self.options, mapping, Source(partial(read_rows, SAMPLE), details))
