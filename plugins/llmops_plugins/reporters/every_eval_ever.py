"""The reporter `every-eval-ever`: a run in the form of the Every Eval Ever datastore, schema 0.3.0.

One JSON file for each candidate has its means with their intervals; a JSONL file beside it has a line for each answer and
metric. Sources: `eval.schema.json` and `instance_level_eval.schema.json` of the package every-eval-ever.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from llmops_plugins.reporters.destination import new_files
from llmops_plugins.reporters.options import EveryEvalEverOptions
from llmops_plugins.reporters.texts import checkpoint_name, file_name, json_text, prompt_text, reference_text
from llmops_sdk.plugin import (
    Answer,
    AnswerScore,
    BaseModel,
    CellResult,
    ChatPrompt,
    Context,
    Leaderboard,
    Metric,
    Prompt,
    Reporter,
    Run,
    ScoredAnswer,
    digest,
    read_answers,
)

SCHEMA = "0.3.0"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


class EveryEvalEverReporter(Reporter):
    """Writes the aggregate of each candidate, and its answers beside it."""

    options: EveryEvalEverOptions

    def report(self, context: Context, run: Run) -> None:
        logs = {log.name: log for log in _logs(run, self.options)}
        with new_files(context, run, self.options.path, "every-eval-ever") as folder:
            if self.options.samples:
                for scored in read_answers(run):
                    logs[checkpoint_name(scored.cell)].samples(folder).add(scored)
            for log in logs.values():
                log.write(folder)


@attrs.define
class _Samples:
    """The file with the answers of one candidate, written a line at a time.

    Attributes:
        log: The candidate's log.
        path: The file.
        hash: Of what is written.
        rows: The number of lines.
    """

    log: _Log
    path: Path
    hash: Any = attrs.field(factory=hashlib.sha256)
    rows: int = 0

    def add(self, scored: ScoredAnswer) -> None:
        """Add a line for each metric that has a number for the answer."""
        # In ASCII: the package's validator takes other line separators inside a text for ends of lines.
        lines = [json.dumps(row, allow_nan=False).encode() + b"\n" for row in _rows(self.log, scored)]
        if lines:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.writelines(lines)
            self.hash.update(b"".join(lines))
            self.rows += len(lines)


@attrs.define
class _Log:
    """One candidate: of a recipe, one checkpoint.

    Attributes:
        name: Its name.
        run: The run.
        options: Of the reporter.
        cells: Its result on each dataset.
        written: The file with its answers, once there is one.
    """

    name: str
    run: Run
    options: EveryEvalEverOptions
    cells: list[tuple[Leaderboard, CellResult]] = attrs.field(factory=list)
    written: _Samples | None = None

    @property
    def evaluation_id(self) -> str:
        """What identifies the evaluation: the same each time that the run is reported."""
        return f"{self.run.plan.name}/{self.name}/{self.run.id}"

    @property
    def model_id(self) -> str:
        """The model as `developer/model`: that of the hub where it is one as it is, else one of the organization's."""
        cell = self.cells[0][1]
        own = f"{file_name(self.options.organization)}/{file_name(self.name)}"
        return own if cell.fine_tuned else _hub_id(self.run.plan.model_by_name[cell.model].base) or own

    @property
    def file(self) -> str:
        """The path of the aggregate without its ending, as in the datastore."""
        identity = uuid.UUID(bytes=bytes.fromhex(digest(self.evaluation_id))[:16], version=4)
        developer, _, model = self.model_id.partition("/")
        return f"data/{file_name(self.run.plan.name)}/{developer}/{model}/{identity}"

    def result_id(self, dataset: str, metric: str) -> str:
        """Return what identifies the mean of a metric on a dataset."""
        return f"{self.evaluation_id}/{dataset}/{metric}"

    def samples(self, folder: Path) -> _Samples:
        """Return the file with its answers."""
        if self.written is None:
            self.written = _Samples(self, folder / f"{self.file}_samples.jsonl")
        return self.written

    def write(self, folder: Path) -> None:
        """Write the aggregate."""
        path = folder / f"{self.file}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self._aggregate(), indent=2, allow_nan=False) + "\n", encoding="utf-8")

    def _aggregate(self) -> dict[str, Any]:
        run, samples = self.run, self.written
        metrics = [metric for evaluator in run.results().evaluators for metric in evaluator.metrics]
        details = {
            "format": "jsonl",
            "file_path": f"{self.file}_samples.jsonl",
            "hash_algorithm": "sha256",
            "checksum": samples.hash.hexdigest() if samples else "",
            "total_rows": samples.rows if samples else 0,
        }
        return {
            "schema_version": SCHEMA,
            "evaluation_id": self.evaluation_id,
            "evaluation_timestamp": f"{run.metadata.created_at.timestamp():.0f}",
            "retrieved_timestamp": f"{time.time():.0f}",
            "source_metadata": {
                "source_name": "llmops-sdk",
                "source_type": "evaluation_run",
                "source_organization_name": self.options.organization,
                "evaluator_relationship": self.options.relationship,
                "additional_details": {"run": run.id, "plan": run.plan.hash},
            },
            "eval_library": {"name": "llmops-sdk", "version": run.metadata.version},
            "model_info": self._model(),
            "evaluation_results": [
                self._result(board, cell, metric)
                for board, cell in self.cells
                for metric in metrics
                if metric.name in cell.estimates
            ],
            **({"detailed_evaluation_results": details} if samples and samples.rows else {}),
        }

    def _model(self) -> dict[str, Any]:
        cell = self.cells[0][1]
        model = self.run.plan.model_by_name[cell.model]
        base = _hub_id(model.base)
        served = {"served_model": ", ".join(cell.models)} if cell.models else {}
        return {
            "name": self.name,
            "id": self.model_id,
            "developer": self.model_id.partition("/")[0],
            "additional_details": {
                "deployment_type": "unknown",
                "model_availability": "open_weights" if base and not cell.fine_tuned else "unknown",
                "candidate": cell.candidate,
                "model": cell.model,
                "prompt": cell.prompt,
                "fine_tuned": str(cell.fine_tuned).lower(),
                **({"base_model": base} if base else {}),
                **({} if cell.seed is None else {"training_seed": str(cell.seed)}),
                **served,
            },
        }

    def _result(self, board: Leaderboard, cell: CellResult, metric: Metric) -> dict[str, Any]:
        estimate, options = cell.estimates[metric.name], self.run.plan.generation
        dataset = self.run.plan.dataset_by_name[board.dataset]
        is_bounded = estimate.low is not None and estimate.high is not None
        interval = {"lower": estimate.low, "upper": estimate.high, "confidence_level": 0.95, "method": "llmops-sdk"}
        return {
            "evaluation_result_id": self.result_id(board.dataset, metric.name),
            "evaluation_name": f"{self.run.plan.name}.{board.dataset}",
            "source_data": {
                "dataset_name": board.dataset,
                **_source(dataset.use, dataset.options),
                "additional_details": {"test_records": str(cell.records)},
            },
            "metric_config": {
                "metric_id": f"llmops.{metric.name}",
                "metric_name": metric.label or metric.name,
                "lower_is_better": metric.higher_is_better is False,
                "score_type": "continuous",
                "min_score": metric.bounds[0] if metric.bounds else "-Infinity",
                "max_score": metric.bounds[1] if metric.bounds else "Infinity",
                "additional_details": {"decides": str(metric.name == board.metric).lower()},
            },
            "score_details": {
                "score": estimate.mean,
                "uncertainty": {
                    **({"confidence_interval": interval} if is_bounded else {}),
                    "num_samples": estimate.records,
                },
                "details": {"failures_counted_as_worst": str(cell.failures.get(metric.name, 0))},
            },
            "generation_config": {
                "generation_args": {
                    "temperature": options.temperature,
                    "top_p": options.top_p,
                    "max_tokens": options.max_new_tokens,
                },
                "additional_details": {
                    "stop": json_text(list(options.stop)),
                    "seed": str(options.seed),
                    "repeats": str(cell.repeats),
                },
            },
        }


def _logs(run: Run, options: EveryEvalEverOptions) -> Iterator[_Log]:
    """Yield the candidates that have a result, with their results on all datasets."""
    logs: dict[str, _Log] = {}
    for board in run.results().leaderboards:
        for cell in (part for candidate in board.cells for part in candidate.parts):
            name = checkpoint_name(cell)
            logs.setdefault(name, _Log(name, run, options)).cells.append((board, cell))
    yield from logs.values()


def _hub_id(base: BaseModel) -> str:
    """Return the ID that weights have on the Hugging Face hub; empty for others."""
    is_id = base.format == "huggingface" and _HUB_ID.fullmatch(base.source) and not Path(base.source).exists()
    return base.source if is_id else ""


def _source(use: str, options: Any) -> dict[str, str]:
    if use == "huggingface":
        return {"source_type": "hf_dataset", "hf_repo": str(options["id"])}
    return {"source_type": "other"}


def _rows(log: _Log, scored: ScoredAnswer) -> Iterator[dict[str, Any]]:
    """Yield a line for each metric that has a number for an answer."""
    sample, reference = scored.sample, reference_text(scored.sample.record)
    answer = sample.answer or Answer()
    asked = {"raw": _input(sample.prompt), "reference": [reference] if reference else []}
    tokens = _tokens(answer)
    for score in scored.scores:
        if score.counted is None:
            continue
        yield {
            "schema_version": SCHEMA,
            "evaluation_id": log.evaluation_id,
            "model_id": log.model_id,
            "evaluation_name": f"{log.run.plan.name}.{scored.dataset}",
            "evaluation_result_id": log.result_id(scored.dataset, score.metric.name),
            "sample_id": f"{scored.dataset}-{sample.index}",
            "sample_hash": _hash(asked),
            "interaction_type": "single_turn",
            "input": asked,
            "output": {
                "raw": [answer.output],
                **({"reasoning_trace": [answer.reasoning]} if answer.reasoning else {}),
            },
            "answer_attribution": [
                {
                    "turn_idx": 0,
                    "source": "output.raw",
                    "extracted_value": answer.output,
                    "extraction_method": score.evaluator,
                    "is_terminal": True,
                }
            ],
            "evaluation": {"score": score.counted, "is_correct": _is_best(score)},
            **({"token_usage": tokens} if tokens else {}),
            **({} if answer.latency is None else {"performance": {"latency_ms": 1000 * answer.latency}}),
            **({"error": score.error} if score.error else {}),
            "metadata": {"record_sha256": scored.record_hash, "repeat": str(sample.repeat), "group": scored.group},
        }


def _input(prompt: Prompt) -> str:
    """Return what was asked; of a chat with one message, its text."""
    if isinstance(prompt, ChatPrompt) and len(prompt.messages) == 1:
        return prompt.messages[0]["content"]
    return prompt_text(prompt)


def _hash(asked: dict[str, Any]) -> str:
    """Return the hash by which the same sample is found in others' files, made as the datastore's own converters do."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _tokens(answer: Answer) -> dict[str, int]:
    """Return the tokens of an answer; nothing where one of the numbers is not known, as the schema asks."""
    if answer.prompt_tokens is None or answer.output_tokens is None:
        return {}
    return {
        "input_tokens": answer.prompt_tokens,
        "output_tokens": answer.output_tokens,
        "total_tokens": answer.prompt_tokens + answer.output_tokens,
    }


def _is_best(score: AnswerScore) -> bool:
    """Return whether an answer has the best score that there is; never of a metric without bounds."""
    bounds = score.metric.bounds
    best = bounds and (bounds[0] if score.metric.higher_is_better is False else bounds[1])
    return bounds is not None and score.counted == best
