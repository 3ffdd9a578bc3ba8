"""The checks of a file before a run: it can be read, which fields were chosen, rows that contradict, and what joins them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from llmops_plugins.recorded.columns import choose_columns
from llmops_plugins.recorded.file_options import RecordedModelOptions
from llmops_plugins.recorded.files import data_file, read_rows
from llmops_plugins.recorded.index import AnswerIndex
from llmops_plugins.recorded.transport import choose_join, clash_message
from llmops_sdk.plugin import Finding, Record, TextPrompt

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


def check_record(options: RecordedModelOptions, record: Record) -> Finding:
    """Check which join finds an answer for a record.

    Raises:
        DataError: The file cannot be used.
    """
    path = data_file(options.path)
    if _is_large(path):
        return Finding("ok", f"{path.name!r} is matched when the run asks, because it is large")
    prompt = TextPrompt("")
    with _indexed(path, options) as index:
        join = choose_join(index, options, [(record, prompt)])
        row = join.find(index, record, prompt)
        field = index.columns.field_of_join(join.kind)
        if row is None:
            text = f"{path.name!r} has no answer for it, joined by {field!r}"
            return Finding("warning", text, "if it is no training record, name what joins them: id, record_id or input")
        rows = f"{row.place} of {index.rows} rows answers it" if index.rows > 1 else "its one row answers it"
        return Finding("ok", f"{rows}, joined by {field!r}; answers in {index.columns.answer!r}")


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
