"""Results of lm-evaluation-harness: `samples_TASK_DATE.jsonl`, with `results_DATE.json` beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import attrs

from llmops_plugins.importers.json_files import first_object, head, json_object, plain, score, short_hash
from llmops_plugins.importers.known_metrics import known_metric
from llmops_plugins.importers.options import ToolImportOptions
from llmops_plugins.importers.pairing import Pairing, Texts, generation_options
from llmops_plugins.importers.values import text_of
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

_DATE = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?"
_SAMPLES = re.compile(rf"samples_(?P<task>.+)_(?P<date>{_DATE})\.jsonl")
_RESULTS = re.compile(rf"(?:.*_)?(?P<date>{_DATE})\.json")
_SAMPLE_FIELDS = frozenset(
    {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"}
    | {"doc_hash", "prompt_hash", "target_hash"}
)  # fmt: skip
_WEIGHTS = ("pretrained", "model", "peft", "delta", "revision", "dtype")
_NO_FILTER = "none"
_NO_METRIC = "bypass"
"""The metric of a run with `--predict_only`: it has no scores."""


class LmEval(Importer):
    """Reads a samples file, a results file with the samples beside it, or a folder of them."""

    options: ToolImportOptions

    def recognizes(self, path: Path) -> bool:
        if path.is_dir():
            return any(self.recognizes(file) for file in _samples_below(path)[:1])
        if path.suffix == ".json":
            return _is_results(path)
        return {"doc_id", "arguments", "filtered_resps"} <= set(first_object(path))

    def read(self, context: Context, path: Path) -> Iterator[ImportedResults]:
        for file in _samples(path):
            yield _results(file, self.options)


@attrs.frozen
class _Run:
    """What a results file records of a run; empty where there is no such file.

    Attributes:
        values: Its content.
        task: The task of the samples.
    """

    values: Mapping[str, Any]
    task: str

    def of_task(self, name: str) -> Any:
        """Return what a part of the file holds for the task; None if it has nothing."""
        part = self.values.get(name)
        return part.get(self.task) if isinstance(part, dict) else None

    @property
    def config(self) -> Mapping[str, Any]:
        """The task's configuration."""
        return self.of_task("configs") or {}

    def must_agree(self) -> dict[str, str]:
        """Return what decides the scores, apart from prompts and targets, which have hashes of their own."""
        parts = {
            "task version in lm-eval": self.of_task("versions"),
            "examples in the prompt of lm-eval": self.of_task("n-shot"),
            "metrics in lm-eval": self.config.get("metric_list"),
            "filters in lm-eval": self.config.get("filter_list"),
        }
        known = {name: text_of(value) for name, value in parts.items() if value is not None}
        return {**known, **generation_options(self.config.get("generation_kwargs") or {})}

    def details(self) -> dict[str, str]:
        """Return what else to record."""
        config = self.values.get("config") or {}
        parts = {
            "version": self.values.get("lm_eval_version"),
            "model source": self.values.get("model_source"),
            **_weights(config.get("model_args")),
            "date": self.values.get("date"),
            "task hash": self.of_task("task_hashes"),
            "chat template": self.values.get("chat_template_sha"),
            "limit": config.get("limit"),
        }
        return {name: text_of(value) for name, value in parts.items() if value is not None}


def _results(file: Path, options: ToolImportOptions) -> ImportedResults:
    named = _SAMPLES.fullmatch(file.name)
    task = named["task"] if named else name_of_file(file)
    beside = file.with_name(f"results_{named['date']}.json") if named else file
    run = _Run(json_object(beside) if named and beside.is_file() else {}, task)
    layout = _Layout.of(file)
    higher = run.of_task("higher_is_better") or {}
    metrics = tuple(layout.metric(name, higher.get(name[0])) for name in layout.names)
    if not metrics:
        left_out = f": {', '.join(layout.left_out)} have no number for each record" if layout.left_out else ""
        message = f"{str(file)!r} has no scores of single records{left_out}"
        raise DataError(message)
    details = {"tool": "lm-evaluation-harness", **run.details(), "file": file.name, "sha256": file_sha256(file)}
    if layout.left_out:
        details["metrics left out"] = f"{', '.join(layout.left_out)}: no number for each record"
    return ImportedResults(
        candidate=str(run.values.get("model_name") or (file.resolve().parent.name if named else task)),
        dataset=task,
        metrics=metrics,
        rows=_rows(file, layout, options),
        must_agree=run.must_agree(),
        details=details,
        has_outputs=layout.has_outputs,
    )


@attrs.frozen
class _Layout:
    """What the lines of a samples file have.

    Attributes:
        filters: In their order. Each document stands in the file once for each of them.
        names: Of the metrics with a number for each record: metric and filter.
        left_out: The metrics without.
        has_outputs: Whether there are texts.
    """

    filters: tuple[str, ...]
    names: tuple[tuple[str, str], ...]
    left_out: tuple[str, ...]
    has_outputs: bool

    @classmethod
    def of(cls, file: Path) -> _Layout:
        filters: dict[str, None] = {}
        names: dict[tuple[str, str], None] = {}
        left_out: dict[str, None] = {}
        has_outputs = False
        for sample in read_jsonl(file, strict=False):
            own_filter = text_of(sample.get("filter", _NO_FILTER))
            filters[own_filter] = None
            has_outputs = has_outputs or bool(_output(sample))
            for metric in _metrics_of(sample):
                if isinstance(sample[metric], (list, dict)):
                    left_out[metric] = None
                else:
                    names[metric, own_filter] = None
        return cls(
            tuple(filters),
            tuple(name for name in names if name[0] not in left_out),
            tuple(left_out),
            has_outputs,
        )

    def name(self, metric: str, own_filter: str) -> str:
        """Return a metric's name: with the filter where there are several, as the tool prints it."""
        return metric if len(self.filters) == 1 else f"{metric},{own_filter}"

    def metric(self, name: tuple[str, str], higher_is_better: object) -> Metric:
        """Return a metric, with the direction that the tool has recorded."""
        known = known_metric(self.name(*name), overlap_scale=100)
        if not isinstance(higher_is_better, bool) or higher_is_better == known.higher_is_better:
            return known
        return Metric(known.name, higher_is_better=higher_is_better)


def _rows(file: Path, layout: _Layout, options: ToolImportOptions) -> Iterator[ImportedRow]:
    pairing = Pairing(options)
    streams = [_of_filter(file, own_filter) for own_filter in layout.filters]
    for place, samples in enumerate(zip_longest(*streams), start=1):
        where = f"document {place} of {file.name!r}"
        if len({text_of((sample or {}).get("doc_id")) for sample in samples}) > 1:
            message = f"{where} is not there for each of the filters {', '.join(layout.filters)}: is the file cut off?"
            raise DataError(message)
        yield _row(samples, layout, pairing, where)


def _row(samples: tuple[Record, ...], layout: _Layout, pairing: Pairing, where: str) -> ImportedRow:
    scores: dict[str, float] = {}
    for own_filter, sample in zip(layout.filters, samples, strict=True):
        for metric in _metrics_of(sample):
            if (metric, own_filter) in layout.names:
                value = score(sample[metric], metric, where)
                if value is not None:
                    scores[layout.name(metric, own_filter)] = value
    sample = samples[0]
    prompt = _argument(sample, 0, "arg_0")
    record = {"instruction": _question(prompt), "response": _target(sample), "doc": plain(sample.get("doc"))}
    return ImportedRow(
        key=pairing.key(text_of(sample.get("doc_hash")) or short_hash(sample.get("doc")), record, where),
        record=record,
        answer=Answer(output=_output(sample), scores=scores),
        must_agree=pairing.must_agree(
            Texts(
                prompt=record["instruction"],
                target=record["response"],
                prompt_hash=text_of(sample.get("prompt_hash")),
                target_hash=text_of(sample.get("target_hash")),
            )
        ),
        group=pairing.group(record),
    )


def _of_filter(file: Path, own_filter: str) -> Iterator[Record]:
    return (
        sample for sample in read_jsonl(file, strict=False) if text_of(sample.get("filter", _NO_FILTER)) == own_filter
    )


def _metrics_of(sample: Record) -> list[str]:
    """Return the metrics of a sample; versions before 0.4.3 do not list them."""
    listed = sample.get("metrics")
    names = listed if isinstance(listed, list) else [name for name in sample if name not in _SAMPLE_FIELDS]
    return [name for name in names if name in sample and name != _NO_METRIC]


def _argument(sample: Record, request: int, name: str) -> Any:
    """Return an argument of a request; lists in older versions, objects since 0.4.4."""
    arguments = sample.get("arguments")
    if isinstance(arguments, dict):
        return (arguments.get(f"gen_args_{request}") or {}).get(name)
    place = int(name.removeprefix("arg_"))
    if isinstance(arguments, list) and request < len(arguments) and place < len(arguments[request]):
        return arguments[request][place]
    return None


def _is_generated(sample: Record) -> bool:
    """Return whether the model wrote a text: its second argument then is the options of the generation."""
    return isinstance(_argument(sample, 0, "arg_1"), dict)


def _output(sample: Record) -> str:
    """Return the text that the model wrote, or the choice that it finds the most likely; empty if there is neither."""
    answers = sample.get("resps")
    if _is_generated(sample):
        answer: Any = answers
        while isinstance(answer, list):
            answer = answer[0] if answer else None
        return text_of(answer)
    prompt = _argument(sample, 0, "arg_0")  # acc_mutual_info also asks for each choice without the prompt
    likelihoods = [
        pair
        for request, pair in enumerate(sample.get("filtered_resps") or ())
        if _argument(sample, request, "arg_0") == prompt
    ]
    choices = [_argument(sample, request, "arg_1") for request in range(len(likelihoods))]
    if len(choices) < 2 or not all(isinstance(choice, str) for choice in choices):  # noqa: PLR2004 - a choice is among two
        return ""
    try:
        values = [float(pair[0]) for pair in likelihoods]
    except (TypeError, ValueError, IndexError):
        return ""
    return text_of(choices[max(range(len(values)), key=values.__getitem__)]).strip()


def _target(sample: Record) -> str:
    """Return the reference; of a multiple choice, the text of the right one and not its place."""
    target = text_of(sample.get("target"))
    if not _is_generated(sample) and target.isdigit():
        choice = _argument(sample, int(target), "arg_1")
        if isinstance(choice, str):
            return choice.strip()
    return target


def _question(prompt: Any) -> str:
    """Return the prompt as text; of a chat, which the tool keeps as JSON, its one message or its turns."""
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if isinstance(prompt, str) and prompt.startswith("[{"):
        try:
            prompt = json.loads(prompt)
        except ValueError:
            return text_of(prompt)
    if isinstance(prompt, list) and len(prompt) == 1 and isinstance(prompt[0], dict):
        return _content(prompt[0].get("content"))
    return text_of(prompt)


def _content(content: Any) -> str:
    """Return the text of a message, which may be in parts."""
    if isinstance(content, list) and all(isinstance(part, dict) and "text" in part for part in content):
        return "".join(text_of(part["text"]) for part in content)
    return text_of(content)


def _weights(arguments: Any) -> dict[str, Any]:
    """Return which weights the model's arguments name; the others may have secrets."""
    if isinstance(arguments, str):
        arguments = dict(part.split("=", 1) for part in arguments.split(",") if "=" in part)
    values = arguments if isinstance(arguments, dict) else {}
    return {name: values[name] for name in _WEIGHTS if name in values}


def _is_results(path: Path) -> bool:
    if not _RESULTS.fullmatch(path.name) and '"results"' not in head(path):
        return False
    try:
        values = json_object(path)
    except DataError:
        return False
    return {"results", "configs", "n-shot"} <= set(values)


def _samples_below(folder: Path) -> list[Path]:
    """Return the samples files in a folder, and in its subfolders, which have a model each."""
    return sorted(
        file for pattern in ("*", "*/*") for file in folder.glob(f"{pattern}.jsonl") if _SAMPLES.fullmatch(file.name)
    )


def _samples(path: Path) -> list[Path]:
    """Return the samples files of a path.

    Raises:
        DataError: There is none, or a folder has several runs of a task.
    """
    if path.is_dir():
        files = _samples_below(path)
        _refuse_repeated(path, files)
        return files
    if path.suffix != ".json":
        return [path]
    named = _RESULTS.fullmatch(path.name)
    files = sorted(path.parent.glob(f"samples_*_{named['date']}.jsonl")) if named else []
    if not files:
        message = (
            f"there are no samples beside {str(path)!r}: run lm_eval with --log_samples, and keep both files together"
        )
        raise DataError(message)
    return files


def _refuse_repeated(folder: Path, files: list[Path]) -> None:
    seen: set[tuple[Path, str]] = set()
    for file in files:
        task = _SAMPLES.sub(r"\g<task>", file.name)
        if (file.parent, task) in seen:
            results = file.with_name(_SAMPLES.sub(r"results_\g<date>.json", file.name))
            message = f"the folder {str(folder)!r} has several runs of the task {task!r}: name one results file, such as {str(results)!r}"
            raise DataError(message)
        seen.add((file.parent, task))
