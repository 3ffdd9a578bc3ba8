"""Train rows as token ids on disk, and the order in which they are trained on."""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import attrs
import numpy as np
import numpy.typing as npt

from llmops_plugins.local.weights.locate import prompt_ids
from llmops_sdk.plugin import DataError, Prompt, PromptTemplate, Split, TextPrompt, digest, file_sha256, render

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Ids = npt.NDArray[np.int32]

_CHUNK = 256
# Rows of about the same length share a batch; this much play lets each epoch group them anew.
_JITTER = 0.05
_LARGEST_SHARE_HELD_OUT = 5


@attrs.frozen
class Row:
    """One row as a model sees it.

    Attributes:
        ids: Prompt, completion and the end-of-text token, int32.
        prompt: How many of them are the prompt: no loss is taken on those.
    """

    ids: Ids
    prompt: int

    @property
    def targets(self) -> range:
        """The places of the tokens to be predicted; the first token of all has nothing to predict it from."""
        return range(max(self.prompt, 1), len(self.ids))


class Rows:
    """Rows in a file; only 16 bytes of each are in memory.

    Attributes:
        dropped: How many rows were longer than allowed.
        sha256: Of all ids and of how the rows lie in them.
    """

    def __init__(self, path: Path, ends: array[int], prompts: array[int], dropped: int) -> None:
        self.dropped = dropped
        self.sha256 = digest(file_sha256(path), hashlib.sha256(ends.tobytes() + prompts.tobytes()).hexdigest())
        self._ids: Ids = np.memmap(path, np.int32, "r")
        self._starts = np.concatenate(([0], ends)).astype(np.int64)
        self._prompts = np.asarray(prompts, np.int32)

    def __len__(self) -> int:
        return len(self._prompts)

    def __getitem__(self, index: int) -> Row:
        start, end = self._starts[index], self._starts[index + 1]
        return Row(self._ids[start:end], int(self._prompts[index]))

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each row."""
        return np.diff(self._starts)


def tokenize_rows(
    split: Split, prompt: PromptTemplate, tokenizer: PreTrainedTokenizerBase, *, max_length: int, path: Path
) -> Rows:
    """Render and tokenize a split into a file.

    The prompt is tokenized by itself, exactly as it will be when the model is asked; the completion follows it.

    Args:
        split: The records.
        prompt: Renders them.
        tokenizer: Of the model; its end-of-text token ends every row.
        max_length: Longer rows (tokens) are dropped and counted, never cut.
        path: Where the ids go.

    Raises:
        DataError: No row is left, or the model has no chat template for chat prompts.
    """
    ends, prompts, dropped = array("q"), array("i"), 0
    with path.open("wb") as file:
        for asked, ids in _tokenized(split, prompt, tokenizer):
            if len(ids) > max_length:
                dropped += 1
                continue
            _write(file, ids)
            prompts.append(asked)
            ends.append((ends[-1] if ends else 0) + len(ids))
    if not prompts:
        reason = f"all {dropped} rows are longer than max_length={max_length} tokens" if dropped else "it has no rows"
        message = f"the train split '{split.path}' cannot be trained on: {reason}"
        raise DataError(message)
    return Rows(path, ends, prompts, dropped)


def hold_out(rows: int, wanted: int, seed: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Part the rows' indices, shuffled by the seed, into those to train on and those kept aside, the last ones.

    At most a fifth is kept aside, so that a small split still trains.
    """
    order = np.random.default_rng([seed, 0]).permutation(rows)
    kept = min(wanted, rows // _LARGEST_SHARE_HELD_OUT)
    return order[: rows - kept], order[rows - kept :]


class Schedule:
    """Which rows each optimizer step trains on: a pure function of lengths, budget and seed.

    Attributes:
        total: Optimizer steps in all.
    """

    def __init__(
        self,
        train: npt.NDArray[np.int64],
        lengths: npt.NDArray[np.int64],
        *,
        epochs: float,
        batch_tokens: int,
        seed: int,
        max_steps: int | None = None,
    ) -> None:
        self._train, self._lengths = train, lengths[train]
        self._budget, self._seed = batch_tokens, seed
        whole, part = divmod(epochs, 1)
        self.total = sum(len(self._epoch(epoch)) for epoch in range(int(whole)))
        if part:
            self.total += math.ceil(part * len(self._epoch(int(whole))))
        if max_steps is not None:
            self.total = min(self.total, max_steps)

    def batches(self, first: int = 0) -> Iterator[npt.NDArray[np.int64]]:
        """Yield the rows' indices of each step, from step number `first` on."""
        return islice(self._endless(), first, self.total)

    def _endless(self) -> Iterator[npt.NDArray[np.int64]]:
        epoch = 0
        while True:
            yield from self._epoch(epoch)
            epoch += 1

    def _epoch(self, epoch: int) -> list[npt.NDArray[np.int64]]:
        """Cut the rows, sorted by nearly their length, into batches under the budget; shuffle the batches."""
        random = np.random.default_rng([self._seed, 1, epoch])
        play = random.uniform(1 - _JITTER, 1 + _JITTER, len(self._lengths))
        order = np.argsort(self._lengths * play, kind="stable")
        batches: list[list[int]] = []
        batch: list[int] = []
        longest = 0
        for place in order:
            longest = max(longest, int(self._lengths[place]))
            if batch and longest * (len(batch) + 1) > self._budget:
                batches.append(batch)
                batch, longest = [], int(self._lengths[place])
            batch.append(int(place))
        batches.append(batch)
        return [self._train[batches[place]] for place in random.permutation(len(batches))]


def _tokenized(
    split: Split, prompt: PromptTemplate, tokenizer: PreTrainedTokenizerBase
) -> Iterator[tuple[int, list[int]]]:
    """Yield the prompt's length and all ids of every row; a chunk at a time, which is how tokenizers are fast."""
    records = iter(split)
    while chunk := [render(prompt, record) for record in islice(records, _CHUNK)]:
        asked = _prompt_ids(tokenizer, chunk)
        completions = tokenizer([one.completion for one in chunk], add_special_tokens=False)["input_ids"]
        for ids, learned in zip(asked, completions, strict=True):
            yield len(ids), [*ids, *learned, tokenizer.eos_token_id]


def _prompt_ids(tokenizer: PreTrainedTokenizerBase, prompts: list[Prompt]) -> list[list[int]]:
    if all(isinstance(one, TextPrompt) for one in prompts):
        ids: list[list[int]] = tokenizer([one.text for one in prompts if isinstance(one, TextPrompt)])["input_ids"]
        return ids
    return [prompt_ids(tokenizer, one.text if isinstance(one, TextPrompt) else one.messages) for one in prompts]


def _write(file: BinaryIO, ids: list[int]) -> None:
    file.write(np.asarray(ids, np.int32).tobytes())
