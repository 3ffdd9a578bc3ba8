"""The checks of a file before a run: it can be read, which fields were chosen, rows that contradict, and what joins them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from llmops_plugins.recorded.columns import choose_columns
from llmops_plugins.recorded.file_options import RecordedModelOptions
from llmops_plugins.recorded.files import data_file, read_rows
from llmops_plugins.recorded.index import AnswerIndex
from llmops_plugins.recorded.transport import choose_join, clash_message
from llmops_sdk.plugin import Finding, Prompt, Record

_LARGE = 32 * 2**20
_PEEKED = 100


def check_file(options: RecordedModelOptions) -> Finding:
    """Check the whole file; of one of more than 32 MB, its first rows.

    Raises:
        DataError: It cannot be used; the message has the reason and the fix.
    """
    path = data_file(options.path)
    if _is_large(path):
        columns = choose_columns(islice(read_rows(path, options), _PEEKED), options, path.name)
        text = f"answers in {columns.answer!r}, joined by {columns.joins}"
        return Finding("ok", f"{text}; of a file this large, only the first rows were checked")
    with _indexed(path, options) as index:
        clashing = [kind for kind in index.kinds if kind in index.clashes]
        if clashing == list(index.kinds):
            return Finding("error", clash_message(index, clashing[0], path.name))
        rows = f"{index.rows} rows" if index.rows > 1 else "1 row"
        text = f"{rows} with answers in {index.columns.answer!r}, joined by {index.columns.joins}"
        return Finding("ok", f"{text}: whichever finds more" if len(index.kinds) > 1 else text)


def check_records(options: RecordedModelOptions, asked: Sequence[tuple[Record, Prompt]], *, is_whole: bool) -> Finding:
    """Check which join finds answers for records, and for how many.

    Args:
        options: Of the file.
        asked: The records with their prompts.
        is_whole: Whether they are all test records, or the first record of a dataset, which may be a training record.

    Raises:
        DataError: The file cannot be used.
    """
    path = data_file(options.path)
    if _is_large(path):
        return Finding("ok", f"{path.name!r} is matched when the run asks, because it is large")
    with _indexed(path, options) as index:
        join = choose_join(index, options, asked)
        rows = [join.find(index, record, prompt) for record, prompt in asked]
        by = f"joined by {index.columns.field_of_join(join.kind)!r}; answers in {index.columns.answer!r}"
    matched = len(rows) - rows.count(None)
    hint = "name what joins them: id, record_id, input or input_hash"
    if not is_whole:
        if rows[0] is None:
            return Finding(
                "warning", f"{path.name!r} has no answer for it, {by}", f"if it is no training record, {hint}"
            )
        return Finding("ok", f"{rows[0].place} answers it, {by}")
    text = f"{matched} of {len(rows)} have an answer, {by}"
    if not matched:
        return Finding("error", text, hint)
    if matched < len(rows):
        return Finding("warning", f"{text}; the first without one is record {rows.index(None)}")
    return Finding("ok", text)


def _is_large(path: Path) -> bool:
    return path.stat().st_size > _LARGE


@contextmanager
def _indexed(path: Path, options: RecordedModelOptions) -> Iterator[AnswerIndex]:
    """Yield the index of a file, in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        index = AnswerIndex(Path(folder) / "answers.sqlite")
        try:
            index.add_file(path, options)
            yield index
        finally:
            index.close()
