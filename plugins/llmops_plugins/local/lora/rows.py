"""Training rows: records of a split as token ids, in a file on disk."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import attrs
import numpy as np
import numpy.typing as npt

from llmops_plugins.local.weights.prompts import ChatTemplateError, prompt_tokens
from llmops_sdk.plugin import DataError, Prompt, PromptTemplate, Split, TextPrompt, digest, file_sha256, render

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Ids = npt.NDArray[np.int32]

_CHUNK = 256


@attrs.frozen
class TrainingRow:
    """One record as a model sees it.

    Attributes:
        ids: Prompt, completion and the end-of-text token, int32.
        prompt: Number of prompt tokens: they have no loss.
    """

    ids: Ids
    prompt: int

    @property
    def targets(self) -> range:
        """The positions of the tokens to predict; the first token of a row has nothing to predict it from."""
        return range(max(self.prompt, 1), len(self.ids))


class TrainingRows:
    """Rows in a file; only 16 bytes of each are in memory.

    Attributes:
        dropped: Number of records left out because they are longer than allowed.
        sha256: Of all ids and of the rows' boundaries.
    """

    def __init__(self, path: Path, ends: array[int], prompts: array[int], dropped: int) -> None:
        self.dropped = dropped
        self.sha256 = digest(file_sha256(path), hashlib.sha256(ends.tobytes() + prompts.tobytes()).hexdigest())
        self._ids: Ids = np.memmap(path, np.int32, "r")
        self._starts = np.concatenate(([0], ends)).astype(np.int64)
        self._prompts = np.asarray(prompts, np.int32)

    def __len__(self) -> int:
        return len(self._prompts)

    def __getitem__(self, index: int) -> TrainingRow:
        start, end = self._starts[index], self._starts[index + 1]
        return TrainingRow(self._ids[start:end], int(self._prompts[index]))

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Number of tokens of each row."""
        return np.diff(self._starts)


def tokenize_rows(
    split: Split, prompt: PromptTemplate, tokenizer: PreTrainedTokenizerBase, *, max_length: int, path: Path
) -> TrainingRows:
    """Render and tokenize a split into a file.

    The prompt is tokenized on its own, exactly as when the model is asked; the completion follows it.

    Args:
        split: The records.
        prompt: Renders them.
        tokenizer: The model's; its end-of-text token ends every row.
        max_length: Longer rows (in tokens) are left out and counted, never cut.
        path: The file for the ids.

    Raises:
        DataError: No row is left, or the model cannot be asked chat prompts.
    """
    ends, prompts, dropped = array("q"), array("i"), 0
    with path.open("wb") as file:
        for prompt_length, ids in _tokenized(split, prompt, tokenizer):
            if len(ids) > max_length:
                dropped += 1
                continue
            _write(file, ids)
            prompts.append(prompt_length)
            ends.append((ends[-1] if ends else 0) + len(ids))
    if not prompts:
        reason = f"all {dropped} records are longer than max_length={max_length} tokens" if dropped else "it is empty"
        message = f"cannot train on the train split '{split.path}': {reason}"
        raise DataError(message)
    return TrainingRows(path, ends, prompts, dropped)


def _tokenized(
    split: Split, prompt: PromptTemplate, tokenizer: PreTrainedTokenizerBase
) -> Iterator[tuple[int, list[int]]]:
    """Yield the prompt's length and all ids of every record; tokenizers are fast with many texts at a time."""
    records = iter(split)
    while chunk := [render(prompt, record) for record in islice(records, _CHUNK)]:
        prompts = _prompt_tokens(tokenizer, chunk)
        completions = tokenizer([one.completion for one in chunk], add_special_tokens=False)["input_ids"]
        for ids, completion in zip(prompts, completions, strict=True):
            yield len(ids), [*ids, *completion, tokenizer.eos_token_id]


def _prompt_tokens(tokenizer: PreTrainedTokenizerBase, prompts: list[Prompt]) -> list[list[int]]:
    if all(isinstance(one, TextPrompt) for one in prompts):  # the same tokens, made faster
        tokens: list[list[int]] = tokenizer([one.text for one in prompts if isinstance(one, TextPrompt)])["input_ids"]
        return tokens
    try:
        return [prompt_tokens(tokenizer, one.text if isinstance(one, TextPrompt) else one.messages) for one in prompts]
    except ChatTemplateError as exc:
        raise DataError(str(exc)) from exc


def _write(file: BinaryIO, ids: list[int]) -> None:
    file.write(np.asarray(ids, np.int32).tobytes())
