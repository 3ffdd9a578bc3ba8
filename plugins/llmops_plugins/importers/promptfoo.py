"""Results of promptfoo: `results.json` (versions 2 and 3 of its form), or one result a line, as `-o results.jsonl` writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from llmops_plugins.importers.json_files import amount, count, first_object, head, plain, reason, score, short_hash
from llmops_plugins.importers.known_metrics import known_metric, pass_or_fail
from llmops_plugins.importers.options import ToolImportOptions
from llmops_plugins.importers.pairing import Pairing, Texts, generation_options
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
    open_json,
    read_jsonl,
)

_ERROR = 2
"""The reason of a failure that is no assertion's: the provider or a grader failed."""
_HEAD = re.compile(r'\s*\{\s*("evalId"\s*:[^,]*,\s*)?"results"\s*:\s*\{\s*"version"\s*:\s*\d')
_SCORE, _PASS = "score", "pass"
_COMPARED = ("equals", "similar", "factuality", "rouge-n", "bleu", "levenshtein", "meteor")
"""Assertions whose value is a reference."""


class Promptfoo(Importer):
    """Reads a results file; each provider with each prompt is a candidate."""

    options: ToolImportOptions

    def recognizes(self, path: Path) -> bool:
        if not path.is_file():
            return False
        if path.suffix == ".jsonl":
            return {"promptIdx", "testCase", "namedScores"} <= set(first_object(path))
        return bool(_HEAD.match(head(path)))

    def read(self, context: Context, path: Path) -> Iterator[ImportedResults]:
        outline = _Outline({}, {}) if path.suffix == ".jsonl" else _read_outline(path)
        layouts: dict[_Candidate, _Layout] = {}
        for _, result in _stream(path):
            candidate = _Candidate.of(result)
            layouts.setdefault(candidate, _Layout()).add(result)
        if not layouts:
            message = f"{str(path)!r} has no results"
            raise DataError(message)
        names = _names(layouts)
        for candidate, layout in layouts.items():
            yield ImportedResults(
                candidate=names[candidate],
                dataset=text_of(outline.top.get("config", {}).get("description")) or "promptfoo",
                metrics=layout.metrics(),
                rows=_rows(path, candidate, self.options),
                must_agree=generation_options(outline.config_of(candidate.provider)),
                details={"tool": "promptfoo", **outline.details(), "file": path.name, "sha256": file_sha256(path)},
            )


@attrs.frozen
class _Candidate:
    """A provider with a prompt.

    Attributes:
        provider: The label that the user gave it, or its ID.
        prompt: The prompt's place among the prompts of the provider's file.
        label: The prompt's label, or its text.
    """

    provider: str
    prompt: str
    label: str

    @classmethod
    def of(cls, result: Record) -> _Candidate:
        provider = result.get("provider")
        fields = provider if isinstance(provider, dict) else {"id": provider}
        prompt = result.get("prompt")
        label = prompt if isinstance(prompt, dict) else {}
        return cls(
            text_of(fields.get("label") or fields.get("id")),
            text_of(result.get("promptId", result.get("promptIdx"))),
            text_of(label.get("label")),
        )


@attrs.define
class _Layout:
    """What the results of a candidate have.

    Attributes:
        scores: The named scores.
    """

    scores: dict[str, None] = attrs.field(factory=dict)

    def add(self, result: Record) -> None:
        """Look at a result."""
        self.scores.update(dict.fromkeys(result.get("namedScores") or ()))

    def metrics(self) -> tuple[Metric, ...]:
        """Return the named scores, then the test's own score and whether it passed."""
        named = [name for name in self.scores if name not in (_SCORE, _PASS)]
        return (*map(_named_metric, named), _named_metric(_SCORE), pass_or_fail(_PASS))


def _named_metric(name: str) -> Metric:
    """Return a metric; all scores of assertions are made such that more is better."""
    known = known_metric(name, overlap_scale=1)
    return known if known.higher_is_better else Metric(name)


@attrs.frozen
class _Outline:
    """A results file without its results.

    Attributes:
        top: The members of the document.
        results: The members of its `results`, without the list.
    """

    top: Mapping[str, Any]
    results: Mapping[str, Any]

    def config_of(self, provider: str) -> Mapping[str, Any]:
        """Return the options of a provider; empty where the file does not have them."""
        providers = (self.top.get("config") or {}).get("providers")
        for each in providers if isinstance(providers, list) else ():
            if isinstance(each, dict) and provider in (each.get("label"), each.get("id")):
                config = each.get("config")
                return config if isinstance(config, dict) else {}
        return {}

    def details(self) -> dict[str, str]:
        """Return what else to record."""
        metadata = self.top.get("metadata") or {}
        parts = {
            "version": metadata.get("promptfooVersion"),
            "date": self.results.get("timestamp"),
            "evaluation": self.top.get("evalId"),
        }
        return {name: text_of(value) for name, value in parts.items() if value is not None}


def _read_outline(path: Path) -> _Outline:
    top: dict[str, Any] = {}
    results: dict[str, Any] = {}
    with open_json(path) as document:
        for name in document.members():
            if name != "results" or document.next_character() != "{":
                top[name] = document.value()
                continue
            for inner in document.members():
                if inner in ("results", "table"):
                    document.value() if inner == "table" else [None for _ in document.elements()]
                else:
                    results[inner] = document.value()
    return _Outline(top, results)


def _stream(path: Path) -> Iterator[tuple[str, Record]]:
    """Yield the results, each with its name in messages."""
    for place, result in enumerate(_results_of(path), start=1):
        where = f"result {place} of {path.name!r}"
        if not isinstance(result, dict) or not isinstance(result.get("score"), (int, float)):
            message = f"{where} has no score: it is {shown(result)}; write the file again with 'promptfoo eval -o results.json'"
            raise DataError(message)
        yield where, result


def _results_of(path: Path) -> Iterator[Any]:
    if path.suffix == ".jsonl":
        yield from read_jsonl(path, strict=False)
        return
    with open_json(path) as document:
        for name in document.members():
            if name != "results" or document.next_character() != "{":
                document.value()
                continue
            for inner in document.members():
                if inner == "results":
                    yield from document.elements()
                else:
                    document.value()


def _names(candidates: Mapping[_Candidate, Any]) -> dict[_Candidate, str]:
    """Return what the candidates are called: the provider, with the prompt where a provider has several."""
    providers = [candidate.provider for candidate in candidates]
    labels: dict[_Candidate, str] = {}
    for candidate in candidates:
        same = [other for other in candidates if other.provider == candidate.provider]
        place = same.index(candidate) + 1
        short = candidate.label if len(candidate.label) <= 40 and "\n" not in candidate.label else ""  # noqa: PLR2004 - a name
        others = [other.label for other in same if other != candidate]
        suffix = short if short and short not in others else f"prompt {place}"
        labels[candidate] = (
            candidate.provider if providers.count(candidate.provider) == 1 else f"{candidate.provider} {suffix}"
        )
    return labels


def _rows(path: Path, candidate: _Candidate, options: ToolImportOptions) -> Iterator[ImportedRow]:
    pairing = Pairing(options)
    for where, result in _stream(path):
        if _Candidate.of(result) == candidate:
            yield _row(result, where, pairing)


def _row(result: Record, where: str, pairing: Pairing) -> ImportedRow:
    case = result.get("testCase") or {}
    prompt = result.get("prompt")
    prompt = prompt.get("raw") if isinstance(prompt, dict) else prompt
    record = {"instruction": text_of(prompt), "vars": plain(_vars(result))}
    reference = _reference(result)
    if reference:
        record["response"] = reference
    failure, is_missing = _failure(result)
    return ImportedRow(
        key=pairing.key(_key(result), record, where),
        record=record,
        answer=None if failure and not _has_output(result) else _answer(result, where, with_scores=not failure),
        error=failure,
        is_missing=is_missing,
        must_agree={
            **pairing.must_agree(Texts(prompt=text_of(prompt))),
            "assertions in promptfoo": short_hash([_assertion(check) for check in case.get("assert") or ()]),
        },
        group=pairing.group(record),
    )


def _reference(result: Record) -> str:
    """Return what the answer was compared with: the value of the first such assertion, with its variables filled in."""
    parts = (result.get("gradingResult") or {}).get("componentResults") or ()
    for part in parts:
        check = part.get("assertion") if isinstance(part, dict) else None
        if isinstance(check, dict) and check.get("type") in _COMPARED:
            value = (part.get("metadata") or {}).get("renderedAssertionValue", check.get("value"))
            if isinstance(value, str) and "{{" not in value:
                return value
    return ""


def _vars(result: Record) -> Any:
    return result.get("vars") or (result.get("testCase") or {}).get("vars") or {}


def _key(result: Record) -> str:
    """Return what pairs a test: its variables, or its place where it has none."""
    variables = _vars(result)
    return short_hash(variables) if variables else f"test {text_of(result.get('testIdx'))}"


def _assertion(check: Any) -> Any:
    """Return what decides an assertion's score: all but the grader's own settings for requests."""
    return {name: value for name, value in check.items() if name != "provider"} if isinstance(check, dict) else check


def _has_output(result: Record) -> bool:
    return (result.get("response") or {}).get("output") is not None


def _failure(result: Record) -> tuple[str, bool]:
    """Return why a result has no score, and whether that is not the candidate's doing."""
    grading = result.get("gradingResult") or {}
    for part in (grading, *(grading.get("componentResults") or ())):
        if isinstance(part, dict) and (part.get("metadata") or {}).get("graderError"):
            return f"the grader failed: {reason(part.get('reason'))}", True
    if result.get("failureReason") == _ERROR:
        return reason(result.get("error") or grading.get("reason") or "the provider failed"), True
    return "", False


def _answer(result: Record, where: str, *, with_scores: bool) -> Answer:
    response = result.get("response") or {}
    usage = response.get("tokenUsage") or result.get("tokenUsage") or {}
    details = usage.get("completionDetails") or {}
    return Answer(
        output=text_of(response.get("output")),
        prompt_tokens=count(usage.get("prompt")),
        output_tokens=count(usage.get("completion")),
        reasoning_tokens=count(details.get("reasoning")),
        finish_reason=text_of(response.get("finishReason")),
        latency=None if response.get("cached") else amount(result.get("latencyMs"), unit=1000),
        cost=amount(result.get("cost")) or None,  # it writes 0 where it knows no price
        scores=_scores(result, where) if with_scores else {},
    )


def _scores(result: Record, where: str) -> dict[str, float]:
    named = {name: score(value, name, where) for name, value in (result.get("namedScores") or {}).items()}
    own = {_SCORE: score(result["score"], _SCORE, where), _PASS: float(bool(result.get("success")))}
    return {name: value for name, value in {**named, **own}.items() if value is not None}
