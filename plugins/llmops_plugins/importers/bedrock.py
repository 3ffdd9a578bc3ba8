"""Output of Amazon Bedrock's evaluation jobs of models: automatic ones, and those with a model as judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_plugins.importers.json_files import first_object, plain, score, short_hash
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

_RESULT = "automatedEvaluationResult"
_UNIT = (0.0, 1.0)
# Built-in metrics of jobs with a judge: from 0 to 1.
_HIGHER = frozenset(
    {
        "Builtin.Coherence", "Builtin.Completeness", "Builtin.Correctness", "Builtin.Faithfulness",
        "Builtin.FollowingInstructions", "Builtin.Helpfulness", "Builtin.ProfessionalStyleAndTone",
        "Builtin.Readability", "Builtin.Relevance",
    }
)  # fmt: skip
_LOWER = frozenset({"Builtin.Harmfulness", "Builtin.Refusal", "Builtin.Stereotyping"})
# Metrics of automatic jobs. Robustness is how much the answers suffer from small changes of the input.
_AUTOMATIC = {
    "Accuracy": Metric("Accuracy", bounds=_UNIT),
    "Robustness": Metric("Robustness", higher_is_better=False),
    "Toxicity": Metric("Toxicity", higher_is_better=False, bounds=_UNIT),
}
_OTHER_JOBS = {
    "humanEvaluationResult": "is of a job with human workers: only automatic jobs and those with a judge are read",
    "conversationTurns": "is of a job that evaluates retrieval: only evaluations of models are read",
}


class Bedrock(Importer):
    """Reads an output file, or a folder copied from the job's place in S3."""

    options: ToolImportOptions

    def recognizes(self, path: Path) -> bool:
        if path.is_dir():
            return any(self.recognizes(file) for file in _files(path)[:1])
        row = first_object(path)
        return "inputRecord" in row and bool({_RESULT, *_OTHER_JOBS} & set(row))

    def read(self, context: Context, path: Path) -> Iterator[ImportedResults]:
        for file in _files(path) if path.is_dir() else [path]:
            model, metrics, judges = _survey(file)
            yield ImportedResults(
                candidate=model,
                dataset=_dataset(file),
                metrics=metrics,
                rows=_rows(file, self.options),
                must_agree={"judge": judges} if judges else {},
                details={"tool": "Amazon Bedrock evaluation", "file": file.name, "sha256": file_sha256(file)},
            )


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.jsonl"))


def _dataset(file: Path) -> str:
    """Return the dataset: the folder below `datasets`, where the job's folders were kept, else the file's name."""
    parts = file.resolve().parts
    if "datasets" in parts[:-2]:
        return parts[parts.index("datasets") + 1]
    return name_of_file(file)


def _survey(file: Path) -> tuple[str, tuple[Metric, ...], str]:
    """Return the model, the metrics and the judges of a file.

    Raises:
        DataError: It is of another job, or has several models or no scores.
    """
    models: dict[str, None] = {}
    names: dict[str, None] = {}
    judges: dict[str, None] = {}
    for place, row in enumerate(read_jsonl(file, strict=False), start=1):
        where = f"record {place} of {file.name!r}"
        for field, problem in _OTHER_JOBS.items():
            if field in row:
                message = f"{str(file)!r} {problem}"
                raise DataError(message)
        models[text_of(_response(row, where).get("modelIdentifier"))] = None
        for entry in _scores_of(row, where):
            names[text_of(entry.get("metricName"))] = None
            for judge in entry.get("evaluatorDetails") or ():
                judges[text_of(judge.get("modelIdentifier"))] = None
    if len(models) != 1:
        message = (
            f"{str(file)!r} has the answers of {len(models)} models ({', '.join(models)}): write one file for each"
        )
        raise DataError(message)
    if not names:
        message = f"{str(file)!r} has no scores"
        raise DataError(message)
    model = next(iter(models)).rpartition("/")[2] or name_of_file(file)
    return model, tuple(map(_metric, names)), ", ".join(sorted(judges))


def _metric(name: str) -> Metric:
    label = name.removeprefix("Builtin.")
    if name in _HIGHER or name in _LOWER:
        return Metric(name, label, higher_is_better=name in _HIGHER, bounds=_UNIT)
    automatic = _AUTOMATIC.get(label)
    return attrs.evolve(automatic, name=name) if automatic else known_metric(name)


def _response(row: Record, where: str) -> Mapping[str, Any]:
    responses = row.get("modelResponses")
    if not isinstance(responses, list) or len(responses) != 1 or not isinstance(responses[0], dict):
        message = f"{where} has no single answer in 'modelResponses': it is {shown(responses)}"
        raise DataError(message)
    return responses[0]


def _scores_of(row: Record, where: str) -> list[Record]:
    result = row.get(_RESULT)
    scores = result.get("scores") if isinstance(result, dict) else None
    if not isinstance(scores, list):
        message = f"{where} has no scores in {_RESULT!r}: it is {shown(dict(row))}"
        raise DataError(message)
    return [entry for entry in scores if isinstance(entry, dict)]


def _rows(file: Path, options: ToolImportOptions) -> Iterator[ImportedRow]:
    pairing = Pairing(options)
    for place, row in enumerate(read_jsonl(file, strict=False), start=1):
        where = f"record {place} of {file.name!r}"
        inputs = row.get("inputRecord") or {}
        response = _response(row, where)
        scores: dict[str, float] = {}
        for entry in _scores_of(row, where):
            name = text_of(entry.get("metricName"))
            value = score(entry.get("result"), name, where)
            if value is not None:
                scores[name] = value
        record = {"instruction": text_of(inputs.get("prompt"))}
        if inputs.get("referenceResponse") is not None:
            record["response"] = text_of(inputs["referenceResponse"])
        if inputs.get("category") is not None:
            record["category"] = plain(inputs["category"])
        has_answer = response.get("response") is not None
        yield ImportedRow(
            key=pairing.key(short_hash(inputs.get("prompt")), record, where),
            record=record,
            answer=Answer(output=text_of(response.get("response")), scores=scores) if has_answer else None,
            error="" if scores else "the job gave it no score" if has_answer else "the job has no answer to it",
            is_missing=not scores,
            must_agree=pairing.must_agree(Texts(target=text_of(inputs.get("referenceResponse")))),
            group=pairing.group(record),
        )
