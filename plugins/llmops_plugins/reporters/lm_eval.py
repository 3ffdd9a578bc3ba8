"""The reporter `lm-eval`: a run in the files of lm-evaluation-harness, `results_DATE.json` and `samples_TASK_DATE.jsonl`.

The form is that of version 0.4.13: `lm_eval/result_schema.py` and `lm_eval/loggers/evaluation_tracker.py`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import attrs

from llmops_plugins.reporters.destination import new_files
from llmops_plugins.reporters.options import LmEvalOptions
from llmops_plugins.reporters.texts import checkpoint_name, file_name, json_text, prompt_text, reference_text
from llmops_sdk.plugin import Context, Metric, Reporter, Run, ScoredAnswer, read_answers

_FILTER = "none"
"""The name of the filter that changes nothing."""

_FIELDS = frozenset(
    {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"}
    | {"doc_hash", "prompt_hash", "target_hash"}
)
"""The fields of a sample beside its metrics."""


class LmEvalReporter(Reporter):
    """Writes a folder for each candidate: the results of all datasets, and the samples of each.

    A dataset is a task. Where a record was asked several times, its sample has all answers, and the mean of the scores.
    """

    options: LmEvalOptions

    def report(self, context: Context, run: Run) -> None:
        date = run.metadata.created_at.strftime("%Y-%m-%dT%H-%M-%S.%f")
        results: dict[str, dict[str, Any]] = {}
        with new_files(context, run, self.options.path, "lm-eval") as folder:
            for (dataset, name), answers in groupby(
                read_answers(run), lambda each: (each.dataset, checkpoint_name(each.cell))
            ):
                file = folder / file_name(name) / f"samples_{file_name(dataset)}_{date}.jsonl"
                task = _write_task(file, run, answers)
                result = results.setdefault(name, _new_result(run, name))
                for part, value in task.parts(dataset, run).items():
                    result[part][file_name(dataset)] = value
            for name, result in results.items():
                file = folder / file_name(name) / f"results_{date}.json"
                file.write_text(json.dumps(result, indent=2, ensure_ascii=False), encoding="utf-8")


@attrs.define
class _Mean:
    """The mean of a metric and its standard error, by Welford's method."""

    metric: Metric
    records: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        self.records += 1
        change = value - self.mean
        self.mean += change / self.records
        self.squares += change * (value - self.mean)

    @property
    def error(self) -> float | str:
        """The standard error, or N/A as the tool writes it."""
        return math.sqrt(self.squares / (self.records - 1) / self.records) if self.records > 1 else "N/A"


@attrs.define
class _Task:
    """What is known of one candidate on one dataset once its samples are written.

    Attributes:
        means: Metric name to its mean.
        hashes: Of the documents, prompts and targets.
        samples: The number of samples.
        records: The number of records, also those without an answer.
        has_groups: Whether records depend on each other: the standard error, which takes them one by one, is left out.
    """

    means: dict[str, _Mean] = attrs.field(factory=dict)
    hashes: Any = attrs.field(factory=hashlib.sha256)
    samples: int = 0
    records: int = 0
    has_groups: bool = False

    def parts(self, dataset: str, run: Run) -> dict[str, Any]:
        """Return its value in each part of the results that has one value for each task."""
        results: dict[str, Any] = {"name": dataset, "alias": dataset, "sample_len": self.samples}
        for name, mean in self.means.items():
            results[f"{name},{_FILTER}"] = mean.mean
            results[f"{name}_stderr,{_FILTER}"] = "N/A" if self.has_groups else mean.error
        return {
            "results": results,
            "configs": {
                "task": dataset,
                "output_type": "generate_until",
                "generation_kwargs": _generation(run),
                "metric_list": [
                    {"metric": name, "aggregation": "mean", "higher_is_better": mean.metric.higher_is_better}
                    for name, mean in self.means.items()
                ],
                "repeats": run.plan.generation.repeats,
                "num_fewshot": 0,
                "metadata": {"run": run.id, "plan": run.plan.hash},
            },
            "versions": "llmops",
            "n-shot": 0,
            "higher_is_better": {name: mean.metric.higher_is_better for name, mean in self.means.items()},
            "n-samples": {"original": self.records, "effective": self.samples},
            "task_hashes": self.hashes.hexdigest(),
        }


def _new_result(run: Run, name: str) -> dict[str, Any]:
    started = run.metadata.created_at.timestamp()
    per_task = ("results", "configs", "versions", "n-shot", "higher_is_better", "n-samples", "task_hashes")
    return {
        **{part: {} for part in per_task},
        "config": {
            "model": "llmops",
            "model_args": {"run": run.id, "candidate": name},
            "gen_kwargs": _generation(run),
            "random_seed": run.plan.generation.seed,
        },
        "group_subtasks": {},
        "git_hash": None,
        "date": started,
        "llmops_sdk_version": run.metadata.version,
        "model_source": "llmops",
        "model_name": name,
        "model_name_sanitized": file_name(name),
        "system_instruction": None,
        "chat_template": None,
        "fewshot_as_multiturn": False,
    }


def _generation(run: Run) -> dict[str, Any]:
    options = run.plan.generation
    return {
        "until": list(options.stop),
        "max_gen_toks": options.max_new_tokens,
        "temperature": options.temperature,
        "do_sample": options.temperature > 0,
    }


def _write_task(file: Path, run: Run, answers: Iterable[ScoredAnswer]) -> _Task:
    """Write the samples of one candidate on one dataset, a line at a time."""
    file.parent.mkdir(parents=True, exist_ok=True)
    task = _Task()
    generation = _generation(run)
    with file.open("w", encoding="utf-8", newline="\n") as lines:
        for _, repeats in groupby(answers, lambda each: each.sample.index):
            answers_of_record = list(repeats)
            task.records += 1
            task.has_groups = task.has_groups or bool(answers_of_record[0].group)
            if all(map(_is_answer, answers_of_record)):
                lines.write(json_text(_sample(answers_of_record, generation, task)) + "\n")
                task.samples += 1
    return task


def _sample(answers: list[ScoredAnswer], generation: dict[str, Any], task: _Task) -> dict[str, Any]:
    """Return the sample of a record, and count it."""
    sample = answers[0].sample
    document = dict(sample.record)
    prompt, target = prompt_text(sample.prompt), reference_text(document)
    outputs = [each.sample.output or "" for each in answers]
    numbers = dict(_numbers(answers, task))
    hashes = [_hash(json.dumps(document, indent=2, ensure_ascii=False)), _hash(prompt), _hash(target)]
    task.hashes.update("".join(hashes).encode())
    return {
        "doc_id": sample.index,
        "doc": document,
        "target": target,
        "arguments": {"gen_args_0": {"arg_0": prompt, "arg_1": generation}},
        "resps": [outputs],
        "filtered_resps": [outputs[0]],
        "filter": _FILTER,
        "metrics": list(numbers),
        "doc_hash": hashes[0],
        "prompt_hash": hashes[1],
        "target_hash": hashes[2],
        **numbers,
    }


def _is_answer(scored: ScoredAnswer) -> bool:
    """Return whether a record was answered, or the candidate failed to; otherwise the tool's files have no place for it."""
    return scored.sample.answer is not None or any(score.state == "failed" for score in scored.scores)


def _numbers(answers: list[ScoredAnswer], task: _Task) -> Iterator[tuple[str, float]]:
    """Yield each metric of a record with the mean over its answers; one that an answer has no number of is left out."""
    for scores in zip(*(each.scores for each in answers), strict=True):
        name = scores[0].metric.name
        name = f"{name}_score" if name in _FIELDS else name
        mean = task.means.setdefault(name, _Mean(scores[0].metric))
        counted = [score.counted for score in scores if score.counted is not None]
        if len(counted) == len(scores):
            number = sum(counted) / len(counted)
            mean.add(number)
            yield name, number


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
