"""The dataset `imported`: the records that `llmops compare` wrote, all of them test records, as they are."""

from __future__ import annotations

import shutil

from llmops_plugins.datasets.files import existing_file
from llmops_plugins.datasets.options import ImportedOptions
from llmops_sdk.plugin import Context, DatasetSource, DatasetSplits, Split, file_sha256


class ImportedDataset(DatasetSource):
    """Takes the records over."""

    options: ImportedOptions

    def fingerprint(self, context: Context) -> str:
        """Return the hash of the file."""
        return file_sha256(existing_file(self.options.path))

    def load(self, context: Context) -> DatasetSplits:
        """Copy the file as the test split; the train split is empty."""
        path = existing_file(self.options.path)
        context.folder.mkdir(parents=True, exist_ok=True)
        train, test = context.folder / "train.jsonl", context.folder / "test.jsonl"
        train.write_bytes(b"")
        shutil.copyfile(path, test)
        with test.open("rb") as lines:
            records = sum(1 for _ in lines)
        sha256 = file_sha256(test)
        return DatasetSplits(
            Split(train, 0, file_sha256(train)),
            Split(test, records, sha256),
            source={"path": str(path), "sha256": sha256},
            group=self.options.group,
            caveat=self.options.caveat,
        )
