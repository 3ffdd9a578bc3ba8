"""A run as an Arrow table or a data frame: a row for each record and candidate, a column for each metric."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from itertools import islice
from typing import Any

from llmops_sdk.errors import MissingExtraError
from llmops_sdk.plugin.installed import install_hint
from llmops_sdk.record.run import Run
from llmops_sdk.report.tables.rows import AnswerScore, Row, ScoredAnswer, answer_columns, read_answers, row_columns
from llmops_sdk.values.prompts import Prompt, TextPrompt

EXTRA = "tables"
"""The extra that installs pyarrow and pandas."""

_OF_ONE_METRIC = frozenset({"metric", "score", "state", "counted", "error"})
_BATCH = 1000


def to_arrow(run: Run) -> Any:
    """Return a `pyarrow.Table` with every answer of a run as a row: the record, the candidate, the answer, and a column for each metric.

    The columns are the attributes of `Row` but those of one metric; `question`, what was asked; `reference`, the record's
    response; each metric by its name, null where there is no score; and `error`, why there is no answer or score. A metric
    that has the name of another column is called `NAME_score`.

    Raises:
        RunNotFoundError: The run has no results yet.
        RecordError: Its samples are damaged.
        MissingExtraError: pyarrow is not installed.
    """
    metrics = [metric.name for evaluator in run.results().evaluators for metric in evaluator.metrics]
    columns = {name: cls for name, cls in row_columns(Row).items() if name not in _OF_ONE_METRIC}
    columns |= {"question": str, "reference": str}
    names = {name: f"{name}_score" if name in {*columns, "error"} else name for name in metrics}
    schema = arrow_schema({**columns, **dict.fromkeys(names.values(), float), "error": str})
    arrow = _load("pyarrow")
    rows = (_wide_row(run, scored, names) for scored in read_answers(run))
    batches = []
    while batch := list(islice(rows, _BATCH)):
        batches.append(arrow.RecordBatch.from_pylist(batch, schema=schema))
    return arrow.Table.from_batches(batches, schema=schema)


def to_pandas(run: Run) -> Any:
    """Return the same as a `pandas.DataFrame`.

    Raises:
        RunNotFoundError: The run has no results yet.
        RecordError: Its samples are damaged.
        MissingExtraError: pyarrow or pandas is not installed.
    """
    _load("pandas")
    return to_arrow(run).to_pandas()


def arrow_schema(columns: Mapping[str, type]) -> Any:
    """Return the `pyarrow.Schema` of columns, by the type of their values: text, int, float or bool.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    arrow = _load("pyarrow")
    types = {str: arrow.string(), int: arrow.int64(), float: arrow.float64(), bool: arrow.bool_()}
    return arrow.schema([(name, types[cls]) for name, cls in columns.items()])


def _load(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as exc:
        message = f"tables of this kind need {module}: {install_hint(EXTRA)}"
        raise MissingExtraError(message) from exc


def _wide_row(run: Run, scored: ScoredAnswer, names: Mapping[str, str]) -> dict[str, Any]:
    sample = scored.sample
    reference = sample.record.get("response")
    return {
        **answer_columns(run, scored),
        "question": _text(sample.prompt),
        "reference": reference if isinstance(reference, str) else None,
        **{names[score.metric.name]: score.value for score in scored.scores},
        "error": sample.error or "; ".join(dict.fromkeys(_errors(scored.scores))),
    }


def _errors(scores: tuple[AnswerScore, ...]) -> Iterator[str]:
    return (f"{score.evaluator}: {score.error}" for score in scores if score.error)


def _text(prompt: Prompt) -> str:
    if isinstance(prompt, TextPrompt):
        return prompt.text
    return json.dumps([dict(message) for message in prompt.messages], ensure_ascii=False)
