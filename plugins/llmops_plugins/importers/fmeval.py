"""Results of FMEval: the JSONL file that `evaluate(save=True)` writes, or a folder of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from llmops_plugins.importers.json_files import first_object, plain, reason, score, short_hash
from llmops_plugins.importers.known_metrics import known_metric
from llmops_plugins.importers.options import ToolImportOptions
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
    Record,
    file_sha256,
    name_of_file,
    read_jsonl,
)

_ALGORITHMS = (
    "classification_accuracy_semantic_robustness",
    "classification_accuracy",
    "factual_knowledge",
    "general_semantic_robustness",
    "prompt_stereotyping",
    "qa_accuracy_semantic_robustness",
    "qa_accuracy",
    "qa_toxicity",
    "summarization_accuracy_semantic_robustness",
    "summarization_accuracy",
    "summarization_toxicity",
    "toxicity",
)
"""The longer names first: a file's name starts with one of them."""
_INPUTS = ("model_input", "sent_more_input", "sent_less_input", "context")
_SHARED_FOLDER = "eval_results"
"""Where FMEval writes by default, whatever the model."""


class FMEval(Importer):
    """Reads the output of an evaluation algorithm. It does not name the model: the folder does, or the file."""

    options: ToolImportOptions

    def recognizes(self, path: Path) -> bool:
        if path.is_dir():
            return any(self.recognizes(file) for file in sorted(path.glob("*.jsonl"))[:1])
        row = first_object(path)
        scores = row.get("scores")
        return (
            isinstance(scores, list)
            and all(isinstance(entry, dict) and "name" in entry for entry in scores)
            and bool(set(_INPUTS) & set(row) or "model_output" in row)
        )

    def read(self, context: Context, path: Path) -> Iterator[ImportedResults]:
        for file in sorted(path.glob("*.jsonl")) if path.is_dir() else [path]:
            algorithm, dataset = _parts(file)
            parent = file.resolve().parent.name
            yield ImportedResults(
                candidate=parent if algorithm and parent != _SHARED_FOLDER else name_of_file(file),
                dataset=dataset,
                metrics=_metrics(file),
                rows=_rows(file, self.options),
                must_agree={"algorithm": algorithm} if algorithm else {},
                details={"tool": "FMEval", "file": file.name, "sha256": file_sha256(file)},
            )


def _parts(file: Path) -> tuple[str, str]:
    """Return the algorithm and the dataset that a file's name has; without an algorithm, the name is the dataset."""
    name = name_of_file(file)
    algorithm = next((known for known in _ALGORITHMS if name.startswith(f"{known}_")), "")
    return algorithm, name.removeprefix(f"{algorithm}_")


def _metrics(file: Path) -> tuple[Metric, ...]:
    names: dict[str, None] = {}
    for row in read_jsonl(file, strict=False):
        names.update(dict.fromkeys(text_of(entry.get("name")) for entry in _scores_of(row)))
    if not names:
        message = f"{str(file)!r} has no scores"
        raise DataError(message)
    return tuple(known_metric(name, overlap_scale=1) for name in names)


def _scores_of(row: Record) -> list[Record]:
    scores = row.get("scores")
    return [entry for entry in scores if isinstance(entry, dict)] if isinstance(scores, list) else []


def _rows(file: Path, options: ToolImportOptions) -> Iterator[ImportedRow]:
    pairing = Pairing(options)
    for place, row in enumerate(read_jsonl(file, strict=False), start=1):
        where = f"record {place} of {file.name!r}"
        inputs = {name: row[name] for name in _INPUTS if name in row}
        if not inputs:
            message = (
                f"{where} has none of the fields {', '.join(_INPUTS)}, which pair records: it is {shown(dict(row))}"
            )
            raise DataError(message)
        values: dict[str, float] = {}
        problems: list[str] = []
        for entry in _scores_of(row):
            name = text_of(entry.get("name"))
            value = score(entry.get("value"), name, where)
            if value is not None:
                values[name] = value
            elif entry.get("error"):
                problems.append(reason(entry["error"]))
        record = {
            "instruction": text_of(inputs.get("model_input", inputs.get("sent_more_input"))),
            "inputs": plain(inputs),
        }
        if "target_output" in row:
            record["response"] = text_of(row["target_output"])
        if "category" in row:
            record["category"] = plain(row["category"])
        yield ImportedRow(
            key=pairing.key(short_hash(inputs), record, where),
            record=record,
            answer=Answer(output=text_of(row.get("model_output")), scores=values)
            if "model_output" in row or values
            else None,
            error="" if values else (problems or ["FMEval gave it no score"])[0],
            is_missing=not values,
            must_agree=pairing.must_agree(
                Texts(prompt=text_of(row.get("prompt")), target=text_of(row.get("target_output")))
            ),
            group=pairing.group(record),
        )
