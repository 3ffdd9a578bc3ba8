"""The dataset `huggingface`: any dataset of the Hugging Face hub."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from llmops_plugins.datasets.hub import HubDataset, PinnedDataset, load_split, pin, read_rows, stream_cached
from llmops_plugins.datasets.options import FIELDS, HuggingFaceOptions
from llmops_plugins.datasets.records import first_record, table_mapping
from llmops_plugins.datasets.splitting import Source, make_splits, split_fingerprint
from llmops_sdk.plugin import Context, DatasetSource, DatasetSplits, Record

if TYPE_CHECKING:
    from datasets import Dataset, IterableDataset


class HuggingFaceDataset(DatasetSource):
    """Loads the records of a hub dataset, split by a fraction or with one of its splits as the test split."""

    options: HuggingFaceOptions
    _pinned: PinnedDataset | None = None

    def fingerprint(self, context: Context) -> str:
        """Return the commit of the revision, and whether a model is fine-tuned, which decides the split."""
        return ", ".join(split_fingerprint(self._pin(context).commit, context))

    def preview(self) -> Record | None:
        """Return the first record if the hub's cache has the dataset."""
        options = self.options
        rows = stream_cached(self._dataset, options.split)
        if rows is None:
            return None
        kept = rows.select_columns(_json_names(rows, self._used))
        return first_record(partial(read_rows, kept, options.split), table_mapping(options))

    def load(self, context: Context) -> DatasetSplits:
        """Write the splits.

        Raises:
            DataError: The dataset is not available, or a row cannot be used; names the row and how to fix it.
        """
        options = self.options
        pinned = self._pin(context)
        names = {"split": options.split, "test_split": options.test_split}
        loaded = {option: load_split(pinned, name, context) for option, name in names.items() if name}
        kept = {option: dataset.select_columns(_json_names(dataset, self._used)) for option, dataset in loaded.items()}
        reads = {option: partial(read_rows, dataset, names[option]) for option, dataset in kept.items()}
        left_out = sorted(set(loaded["split"].column_names) - set(kept["split"].column_names))
        if left_out:
            context.progress.log(f"left out columns of {options.id} that JSON cannot hold: {', '.join(left_out)}")
        source = Source(
            read=reads["split"],
            read_test=reads.get("test_split"),
            is_one=options.split == options.test_split,
            details={
                "id": options.id,
                "commit": pinned.commit,
                **{key: value for key, value in names.items() if value},
            },
        )
        return make_splits(context, options, table_mapping(options), source)

    def _pin(self, context: Context) -> PinnedDataset:
        """Resolve the commit once: the fingerprint and the records must be of the same one."""
        if self._pinned is None:
            self._pinned = pin(self._dataset, context)
        return self._pinned

    @property
    def _dataset(self) -> HubDataset:
        options = self.options
        return HubDataset(options.id, config=options.config, revision=options.revision, token=options.token)

    @property
    def _used(self) -> set[str]:
        """The columns that the options name."""
        options = self.options
        return {*FIELDS, *options.columns.values(), *options.filter, options.group}


def _json_names(dataset: Dataset | IterableDataset, used: set[str]) -> list[str]:
    """Return the columns of text, numbers, booleans, and lists or structures of them: no images, audio or dates.

    A column that is used stays: the message about its first value names its type.
    """
    return [name for name, feature in dataset.features.items() if name in used or _is_json(feature)]


def _is_json(feature: Any) -> bool:
    from datasets import Value

    if isinstance(feature, dict):
        return all(map(_is_json, feature.values()))
    if isinstance(feature, list):
        return all(map(_is_json, feature))
    if isinstance(feature, Value):
        return any(kind in feature.dtype for kind in ("string", "int", "float", "bool", "null"))
    inner = getattr(feature, "feature", None)
    return _is_json(inner) if inner is not None else hasattr(feature, "names")
