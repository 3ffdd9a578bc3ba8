"""The check of a file before a run: can it be read, which fields were chosen, and do two rows answer the same record?"""

from __future__ import annotations

import tempfile
from itertools import islice
from pathlib import Path

from llmops_plugins.recorded.columns import choose_columns
from llmops_plugins.recorded.files import data_file, read_rows
from llmops_plugins.recorded.index import AnswerIndex
from llmops_plugins.recorded.options import RecordedModelOptions
from llmops_plugins.recorded.transport import clash_message
from llmops_sdk.plugin import Finding

_LARGE = 32 * 2**20
_PEEKED = 100


def check_file(options: RecordedModelOptions) -> Finding:
    """Check the whole file; of one of more than 32 MB, its first rows.

    Raises:
        DataError: It cannot be used; the message has the reason and the fix.
    """
    path = data_file(options.path)
    if path.stat().st_size > _LARGE:
        first = islice(read_rows(path, options), _PEEKED)
        columns = choose_columns(first, options, path.name)
        return Finding(
            "ok", f"answers in {columns.answer!r}; joined by {columns.joins}; large: only its first rows were read"
        )
    with tempfile.TemporaryDirectory() as folder:
        index = AnswerIndex(Path(folder) / "answers.sqlite")
        try:
            index.add_file(path, options)
            clashing = [kind for kind in index.kinds if kind in index.clashes]
            if clashing == list(index.kinds):
                return Finding("error", clash_message(index, clashing[0], path.name))
        finally:
            index.close()
    columns = index.columns
    text = f"{index.rows} rows with answers in {columns.answer!r}; joined by {columns.joins}"
    return Finding("ok", f"{text}, whichever finds more" if len(index.kinds) > 1 else text)
