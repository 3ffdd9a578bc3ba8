"""Logs of Inspect (`.eval` and `.json`), read through `inspect_ai.log`, which knows every version of them."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

from llmops_plugins.importers.json_files import head, plain, reason, score
from llmops_plugins.importers.known_metrics import known_metric, pass_or_fail
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
    MissingExtraError,
    file_sha256,
    install_hint,
)

_EXTRA = "inspect"
_SUFFIXES = (".eval", ".json")
_LOG = re.compile(r'\s*\{\s*"version"\s*:\s*\d+\s*,\s*"status"\s*:\s*"')
_LETTERS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
"""Correct, incorrect, partially correct, no answer: the numbers that Inspect itself gives them."""
_WORDS = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}


class Inspect(Importer):
    """Reads a log, or a folder of logs."""

    options: ToolImportOptions

    def recognizes(self, path: Path) -> bool:
        if path.is_dir():
            return any(self.recognizes(file) for file in _logs_below(path)[:1])
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return bool({"header.json", "_journal/start.json"} & set(archive.namelist()))
        if path.suffix == ".eval":  # the end of the archive, with its table of contents, is cut off
            return head(path).startswith("PK")
        return bool(_LOG.match(head(path))) and '"eval"' in head(path)

    def read(self, context: Context, path: Path) -> Iterator[ImportedResults]:
        library = _library()
        for file in _logs_below(path) if path.is_dir() else [path]:
            yield _results(library, file, self.options)


def _library() -> ModuleType:
    try:
        return import_module("inspect_ai.log")
    except ImportError as exc:
        message = f"reading Inspect's logs needs inspect-ai: {install_hint(_EXTRA)}"
        raise MissingExtraError(message) from exc


def _logs_below(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix in _SUFFIXES and file.is_file() and not file.name.startswith(".")
    )


def _results(library: ModuleType, file: Path, options: ToolImportOptions) -> ImportedResults:
    header = _called(file, library.read_eval_log, str(file), header_only=True)
    layout = _survey(library, file)
    if not layout.kinds:
        message = f"{str(file)!r} has no scores{f': {layout.problem}' if layout.problem else ''}; its status is {header.status!r}"
        raise DataError(message)
    info = header.eval
    return ImportedResults(
        candidate=str(info.model),
        dataset=str(info.task),
        metrics=tuple(layout.metric(name) for name in layout.kinds),
        rows=_rows(library, file, layout, options),
        must_agree=_must_agree(header),
        details={
            "tool": "Inspect",
            "version": text_of((info.packages or {}).get("inspect_ai")),
            "date": text_of(info.created),
            "status": text_of(header.status),
            "dataset": text_of(getattr(info.dataset, "name", None)),
            "file": file.name,
            "sha256": file_sha256(file),
            **({"scores left out": ", ".join(layout.left_out)} if layout.left_out else {}),
        },
    )


def _must_agree(header: Any) -> dict[str, str]:
    info = header.eval
    config = _fields(getattr(header.plan, "config", None))
    generation = {**_fields(getattr(info, "model_generate_config", None)), **config}
    scorers = [
        {"name": getattr(scorer, "name", ""), "options": plain(getattr(scorer, "options", None))}
        for scorer in getattr(info, "scorers", None) or ()
    ]
    values = {
        "task version in Inspect": text_of(info.task_version),
        "scorers in Inspect": text_of(scorers) if scorers else "",
    }
    return {**{name: value for name, value in values.items() if value}, **generation_options(generation)}


def _fields(value: Any) -> dict[str, Any]:
    """Return the fields of one of the library's objects as JSON values."""
    return value.model_dump(mode="json", exclude_none=True) if hasattr(value, "model_dump") else {}


def _called(file: Path, function: Any, *arguments: Any, **options: Any) -> Any:
    """Call the library; whatever it raises for a damaged log is one line.

    Raises:
        DataError: The log cannot be read.
    """
    try:
        return function(*arguments, **options)
    except Exception as exc:  # the library raises errors of zip files, JSON, pydantic and its own
        message = f"{str(file)!r} is not a complete log of Inspect: {reason(exc) or type(exc).__name__}"
        raise DataError(message) from exc


@attrs.define
class _Layout:
    """What the scores of a log are.

    Attributes:
        kinds: Score to the kinds of its values: `mark` and `number`.
        left_out: Scores with other values.
        problem: The first error of a sample.
    """

    kinds: dict[str, set[str]] = attrs.field(factory=dict)
    left_out: dict[str, None] = attrs.field(factory=dict)
    problem: str = ""

    def metric(self, name: str) -> Metric:
        """Return a metric: of marks, or with what its name shows."""
        known = known_metric(name, overlap_scale=1)
        return pass_or_fail(name) if self.kinds[name] == {"mark"} and known.higher_is_better is None else known


def _survey(library: ModuleType, file: Path) -> _Layout:
    layout = _Layout()
    for sample in _called(file, library.read_eval_log_sample_summaries, str(file)):
        layout.problem = layout.problem or reason(_message(sample.error))
        for name, value in _values(sample.scores):
            kind = _kind(value)
            if kind == "other":
                layout.left_out[name] = None
            elif kind:
                layout.kinds.setdefault(name, set()).add(kind)
    for name in layout.left_out:
        layout.kinds.pop(name, None)
    return layout


def _values(scores: Any) -> Iterator[tuple[str, Any]]:
    """Yield the values of a sample's scores; a score with several values has a metric for each."""
    for name, entry in (scores or {}).items():
        value = entry.value
        if isinstance(value, Mapping):
            yield from ((f"{name}/{inner}", part) for inner, part in value.items())
        else:
            yield str(name), value


def _number(value: Any) -> Any:
    """Return the number that a value stands for; what is no letter and no word, as it is."""
    if isinstance(value, str):
        return _LETTERS.get(value, _WORDS.get(value.strip().lower(), value))
    return value


def _kind(value: Any) -> str:
    """Return what a value is: `mark`, `number`, `other`; empty for none."""
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 - NaN is what was not scored
        return ""
    if isinstance(value, bool) or (isinstance(value, str) and isinstance(_number(value), float)):
        return "mark"
    try:
        float(value)
    except (TypeError, ValueError):
        return "other"
    return "number"


def _rows(library: ModuleType, file: Path, layout: _Layout, options: ToolImportOptions) -> Iterator[ImportedRow]:
    pairing = Pairing(options)
    samples = iter(
        _called(file, library.read_eval_log_samples, str(file), all_samples_required=False, resolve_attachments=True)
    )
    end = object()
    while (sample := _called(file, next, samples, end)) is not end:
        yield _row(sample, f"sample {sample.id!r} of {file.name!r}", layout, pairing)


def _row(sample: Any, where: str, layout: _Layout, pairing: Pairing) -> ImportedRow:
    scores = {
        name: number
        for name, value in _values(sample.scores)
        if name in layout.kinds and (number := score(_number(value), name, where)) is not None
    }
    target = sample.target if isinstance(sample.target, str) else "\n".join(map(str, sample.target or ()))
    record: dict[str, Any] = {
        "instruction": _input(sample.input),
        "response": target,
        "id": text_of(sample.id),
        "metadata": plain(sample.metadata or {}),
    }
    if sample.choices:
        record["choices"] = [str(choice) for choice in sample.choices]
    failure = reason(_message(sample.error))
    return ImportedRow(
        key=pairing.key(text_of(sample.id), record, where),
        record=record,
        answer=None if failure else _answer(sample, scores),
        error=failure or ("" if scores else "Inspect gave it no score"),
        is_missing=bool(failure) or not scores,
        must_agree=pairing.must_agree(Texts(prompt=record["instruction"], target=target)),
        group=pairing.group(record),
    )


def _message(error: Any) -> str:
    return error if isinstance(error, str) else str(getattr(error, "message", "") or "")


def _input(value: Any) -> str:
    """Return what a sample asks: a text, or the messages of a chat."""
    if isinstance(value, str):
        return value
    messages = [(str(message.role), str(message.text)) for message in value]
    if len(messages) == 1:
        return messages[0][1]
    return "\n\n".join(f"{role}: {content}" for role, content in messages)


def _answer(sample: Any, scores: Mapping[str, float]) -> Answer:
    output = sample.output
    usage = getattr(output, "usage", None)
    choices = getattr(output, "choices", None) or ()
    return Answer(
        output=str(getattr(output, "completion", "") or ""),
        prompt_tokens=getattr(usage, "input_tokens", None),
        output_tokens=getattr(usage, "output_tokens", None),
        reasoning_tokens=getattr(usage, "reasoning_tokens", None),
        finish_reason=str(choices[0].stop_reason or "") if choices else "",
        model=str(getattr(output, "model", "") or ""),
        latency=getattr(output, "time", None),
        scores=scores,
    )
