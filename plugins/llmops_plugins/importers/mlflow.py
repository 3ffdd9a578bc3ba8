"""Evaluation tables of MLflow.

`mlflow.models.evaluate` leaves `eval_results_table.json` among the run's artifacts. `mlflow.genai.evaluate` returns
`result_df`, which the user saves as JSON, Parquet or CSV.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_plugins.importers.json_files import amount, head, mark, plain, reason, score, short_hash
from llmops_plugins.importers.known_metrics import known_metric, pass_or_fail
from llmops_plugins.importers.options import MlflowImportOptions
from llmops_plugins.importers.pairing import Pairing, Texts
from llmops_plugins.importers.values import shown, text_of
from llmops_sdk.plugin import (
    Answer,
    Context,
    DataError,
    ImportedResults,
    ImportedRow,
    Importer,
    Metric,
    MissingExtraError,
    Record,
    file_sha256,
    name_of_file,
    number_of,
    open_json,
    open_table,
)

_SPLIT = re.compile(r'\s*\{\s*"columns"\s*:\s*\[')
_METRIC = re.compile(r"(?P<name>.+?)(/v\d+)?/(score|value)")
_TABLE = "eval_results_table"
_INPUTS = ("inputs", "input", "question", "request", "query")
_ANSWERS = ("outputs", "output", "predictions", "prediction", "response")
_REFERENCES = ("targets", "target", "ground_truth", "label", "labels", "expected_response/value", "expectations")
_FIVE = (1.0, 5.0)
# What MLflow's own judges of answers give.
_JUDGED = frozenset({"answer_correctness", "answer_relevance", "answer_similarity", "faithfulness", "relevance"})


class Mlflow(Importer):
    """Reads a table, or the folder of a run with one among its artifacts."""

    options: MlflowImportOptions

    def recognizes(self, path: Path) -> bool:
        if path.is_dir():
            return bool(_tables_below(path))
        try:
            _, first = next(_rows_of(path), ("", {}))
        except MissingExtraError:
            return False
        except DataError:
            return bool(_SPLIT.match(head(path))) and _TABLE in path.name
        return any(map(_METRIC.fullmatch, first)) and (
            "trace_id" in first or bool(_SPLIT.match(head(path))) or _TABLE in path.name
        )

    def read(self, context: Context, path: Path) -> Iterator[ImportedResults]:
        files = _tables_below(path) if path.is_dir() else [path]
        for file in files:
            columns = _survey(file, self.options)
            yield ImportedResults(
                candidate=_run_name(file),
                dataset="mlflow",
                metrics=tuple(columns.metrics.values()),
                rows=_rows(file, columns, self.options),
                details={"tool": "MLflow", "file": file.name, "sha256": file_sha256(file), **columns.details()},
                has_outputs=bool(columns.answer),
            )


def _tables_below(folder: Path) -> list[Path]:
    """Return the tables in a folder of artifacts, or of a run."""
    places = (folder, folder / "artifacts")
    return sorted(
        file for place in places for file in place.glob(f"*{_TABLE}.*") if file.suffix in (".json", ".parquet")
    )


def _run_name(file: Path) -> str:
    """Return the name of the run that a table is of: that which MLflow keeps beside it, the folder's, or the file's."""
    if _TABLE not in file.name:
        return name_of_file(file)
    folder = file.resolve().parent
    run = folder.parent if folder.name == "artifacts" else folder
    return head(run / "tags" / "mlflow.runName").strip() or run.name


def _rows_of(file: Path) -> Iterator[tuple[str, Record]]:
    """Yield the rows of a table, each with its name in messages."""
    if not _SPLIT.match(head(file)):
        for row in open_table(file).rows():
            yield row.name, row.values
        return
    columns: list[str] = []
    with open_json(file) as document:
        for name in document.members():
            if name == "columns":
                columns = [text_of(column) for column in document.value()]
            elif name != "data":
                document.value()
            else:
                for place, values in enumerate(document.elements(), start=1):
                    where = f"row {place} of {file.name!r}"
                    if not isinstance(values, list) or len(values) != len(columns):
                        message = f"{where} does not have the {len(columns)} values of the columns: {shown(values)}"
                        raise DataError(message)
                    yield where, dict(zip(columns, values, strict=True))


@attrs.frozen
class _Columns:
    """What the columns of a table hold.

    Attributes:
        metrics: Column to the metric of its scores.
        left_out: Columns of judgements that are texts.
        answer: The answer's column; empty if there is none.
        input: The input's column; empty if the input is several columns.
        inputs: All columns of the input.
        reference: The reference's column; empty if there is none.
    """

    metrics: Mapping[str, Metric]
    left_out: tuple[str, ...]
    answer: str
    input: str
    inputs: tuple[str, ...]
    reference: str

    def details(self) -> dict[str, str]:
        """Return what was left out."""
        return {"columns left out": ", ".join(self.left_out)} if self.left_out else {}


def _survey(file: Path, options: MlflowImportOptions) -> _Columns:
    """Return what a table's columns hold.

    Raises:
        DataError: There are no scores, or a column that the user names is missing.
    """
    names: dict[str, None] = {}
    kinds: dict[str, set[str]] = {}
    expectations: set[str] = set()
    for _, row in _rows_of(file):
        names.update(dict.fromkeys(row))
        expectations |= _expectations(row)
        for column in filter(_METRIC.fullmatch, row):
            kinds.setdefault(column, set()).add(_kind(row[column]))
    scored = {
        column: kind - {""} for column, kind in kinds.items() if column.removesuffix("/value") not in expectations
    }
    metrics = {column: _metric(column, kind) for column, kind in scored.items() if kind and "text" not in kind}
    if not metrics:
        texts = [column for column, kind in scored.items() if "text" in kind]
        problem = f"; {', '.join(texts)} are texts" if texts else f"; it has: {', '.join(names)}"
        message = f"{str(file)!r} has no column with numbers whose name ends with /score or /value{problem}"
        raise DataError(message)
    answer = _choose(options.answer, _ANSWERS, names, file, "answer")
    reference = _choose(options.reference, _REFERENCES, names, file, "reference")
    own_input = _choose(options.input, _INPUTS, names, file, "input")
    is_result = "trace_id" in names
    others = [] if is_result else [name for name in names if _is_input(name, answer, reference)]
    inputs = [own_input] if own_input else others
    if not inputs:
        message = (
            f"{str(file)!r} has no column with the input: name it with the option 'input'; it has: {', '.join(names)}"
        )
        raise DataError(message)
    left_out = tuple(column for column in kinds if column not in metrics and column != reference)
    return _Columns(metrics, left_out, answer, own_input, tuple(inputs), reference)


def _is_input(name: str, answer: str, reference: str) -> bool:
    known = name in (answer, reference, "latency", "token_count")
    return not known and not name.endswith(("/score", "/justification", "/value", "/rationale"))


def _choose(named: str, usual: tuple[str, ...], names: Mapping[str, None], file: Path, role: str) -> str:
    if named and named not in names:
        message = f"{str(file)!r} has no column {named!r}, which {role!r} names; it has: {', '.join(names)}"
        raise DataError(message)
    return named or next((name for name in usual if name in names), "")


def _kind(value: Any) -> str:
    """Return what a judgement is: a `mark`, a `number` or a `text`; empty for none."""
    if mark(value) is not None:
        return "mark"
    try:
        return "" if number_of(value) is None else "number"
    except ValueError:
        return "text"


def _metric(column: str, kinds: set[str]) -> Metric:
    named = _METRIC.fullmatch(column)
    name = named["name"] if named else column
    if kinds == {"mark"}:
        return pass_or_fail(name)
    if column.endswith("/score") and name in _JUDGED:
        return Metric(name, bounds=_FIVE)
    return known_metric(name, overlap_scale=1)


def _expectations(row: Record) -> set[str]:
    """Return the names of the assessments of a row that are expectations, not judgements."""
    assessments = _decoded(row.get("assessments"))
    if not isinstance(assessments, (list, tuple)):
        return set()
    return {
        text_of(assessment.get("assessment_name", assessment.get("name")))
        for assessment in assessments
        if isinstance(assessment, dict) and assessment.get("expectation")
    }


def _rows(file: Path, columns: _Columns, options: MlflowImportOptions) -> Iterator[ImportedRow]:
    pairing = Pairing(options)
    for where, row in _rows_of(file):
        scores: dict[str, float] = {}
        for column, metric in columns.metrics.items():
            value = row.get(column)
            own = mark(value)
            number = score(value, metric.name, where) if own is None else own
            if number is not None:
                scores[metric.name] = number
        inputs = {name: _decoded(row.get(name)) for name in columns.inputs}
        only = inputs[columns.input] if columns.input else inputs
        record = {"instruction": _question(only), "inputs": plain(only)}
        if columns.reference and row.get(columns.reference) is not None:
            record["response"] = text_of(row[columns.reference])
        error = _error(row, scores)
        output = row.get(columns.answer) if columns.answer else None
        yield ImportedRow(
            key=pairing.key(short_hash(only), record, where),
            record=record,
            answer=None if error and output is None else _answer(row, _decoded(output), scores),
            error=error,
            is_missing=bool(error),
            must_agree=pairing.must_agree(Texts(target=text_of(record.get("response")))),
            group=pairing.group(record),
        )


def _answer(row: Record, output: Any, scores: Mapping[str, float]) -> Answer:
    return Answer(
        output=text_of(output),
        latency=amount(row.get("latency")) if "latency" in row else amount(row.get("execution_duration"), unit=1000),
        scores=scores,
    )


def _error(row: Record, scores: Mapping[str, float]) -> str:
    """Return why a row has no scores; empty if it has some."""
    if scores:
        return ""
    errors = [reason(value) for name, value in row.items() if name.endswith("/error_message") and value]
    if text_of(row.get("state")).upper().endswith("ERROR"):
        return "the model's call failed"
    return errors[0] if errors else "the table has no score for it"


def _decoded(value: Any) -> Any:
    """Return the value of a cell; lists and objects may be texts: JSON, or as pandas writes them to CSV."""
    if not isinstance(value, str) or value[:1] not in ("{", "[", '"'):
        return value
    for decode in (json.loads, ast.literal_eval):
        try:
            return decode(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return value


def _question(inputs: Any) -> str:
    """Return the input as text: of an object with one field, that field."""
    if isinstance(inputs, Mapping) and len(inputs) == 1:
        return text_of(next(iter(inputs.values())))
    return text_of(inputs)
