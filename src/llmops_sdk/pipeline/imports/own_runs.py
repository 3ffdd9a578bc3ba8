"""A finished run as results to compare: its answers and scores, with what pairs its records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

import attrs

from llmops_sdk.data.columns import value_at
from llmops_sdk.errors import DataError, SpecError
from llmops_sdk.pipeline.imports.entries import KEY
from llmops_sdk.pipeline.imports.sources import RunSource
from llmops_sdk.record.run import Run
from llmops_sdk.report.tables.rows import ScoredAnswer, read_answers
from llmops_sdk.values.data import Record, record_label
from llmops_sdk.values.generation_options import vary
from llmops_sdk.values.imports import ImportedResults, ImportedRow, text_fingerprint
from llmops_sdk.values.names import with_seed
from llmops_sdk.values.results import CellResult, EvaluatorInfo
from llmops_sdk.values.serial import canonical, digest, to_json

_ASKED = ("instruction", "context", "messages")


def read_run(source: RunSource, id_field: str = "", group_field: str = "") -> Iterator[ImportedResults]:
    """Yield the results of each candidate of a run on each of its datasets.

    Records are paired by what is asked, or by a field that the user names. Each checkpoint of a candidate that was
    trained with several seeds is a candidate of its own.

    Args:
        source: The run.
        id_field: The field that pairs the records; empty for what is asked.
        group_field: The field whose value records of one group share; empty for that of the run.

    Raises:
        RunNotFoundError: The run is not finished.
        SpecError: A candidate has no result, or answers or scores are pending.
    """
    run = source.run
    _check_complete(source)
    metrics = {metric.name: metric for info in run.results().evaluators for metric in info.metrics}
    for _, answers in groupby(read_answers(run), key=lambda answer: answer.cell.cell):
        first = next(answers)
        if source.candidate in ("", first.cell.candidate):
            yield ImportedResults(
                candidate=with_seed(first.cell.candidate, first.cell.seed),
                dataset=first.dataset,
                metrics=tuple(metrics.values()),
                rows=_rows(first, answers, id_field, group_field),  # noqa: B031 - read before the next group is asked for
                must_agree=_must_agree(run, first.cell),
                details={
                    "run": run.id,
                    "llmops-sdk": run.metadata.version,
                    "created": run.metadata.created,
                    "model": first.cell.model,
                    "prompt": first.cell.prompt,
                },
            )


def _check_complete(source: RunSource) -> None:
    run = source.run
    boards = run.results().leaderboards
    failed = next((cell for board in boards for cell in board.failed if source.candidate in ("", cell.candidate)), None)
    if failed is not None:
        others = [cell.candidate for board in boards for cell in board.cells]
        hint = f"; compare the others: {run.id}:{others[0]}" if others else ""
        message = f"{failed.label} of run {run.id!r} has no result: step {failed.step!r} failed{hint}"
        raise SpecError(message)
    for cell in (cell for board in boards for cell in board.cells if source.candidate in ("", cell.candidate)):
        pending = cell.pending + sum(cell.pending_scores.values())
        if pending:
            message = (
                f"candidate {cell.candidate!r} of run {run.id!r} has {pending} answers or scores pending; finish it with: "
                f"llmops run --resume {run.id}"
            )
            raise SpecError(message)


def _must_agree(run: Run, cell: CellResult) -> dict[str, str]:
    """Return what decides the answers and scores: the prompts of the run, the generation options, and each metric's evaluator.

    A candidate is not held to its own prompt: a run may compare several. A comparison has what its sources had.
    """
    plan = run.plan
    if plan.is_imported:
        return {name: text for info in run.results().evaluators for name, text in info.provenance.items()}
    varies = plan.model_by_name[cell.model].varies
    graders = {
        f"grader of {metric.name}": _grader(run, info) for info in run.results().evaluators for metric in info.metrics
    }
    prompts = sorted(f"{prompt.name} ({prompt.key[:12]})" for prompt in plan.prompts)
    return {
        "prompt template": ", ".join(prompts),
        "generation": _options_text(vary(plan.generation, varies)),
        **graders,
    }


def _grader(run: Run, info: EvaluatorInfo) -> str:
    """Return what a metric's evaluator is: its card, the key of its options, and what its scores rest on."""
    component = next(each for each in run.plan.evaluators if each.name == info.name)
    rests_on = [f"{name} {text}" for name, text in sorted(info.provenance.items())]
    return ", ".join([f"{component.use} ({component.key[:12]})", *rests_on])


def _options_text(generation: object) -> str:
    values = {name: value for name, value in to_json(generation).items() if value not in (None, [], {}, "")}
    return ", ".join(f"{name} {canonical(value).decode()}" for name, value in sorted(values.items()))


def _rows(
    first: ScoredAnswer, others: Iterable[ScoredAnswer], id_field: str, group_field: str
) -> Iterator[ImportedRow]:
    """Yield the rows of one candidate on one dataset; those of the noise floor are not its own."""
    seen: Counter[bytes] = Counter()
    key, place = "", -1
    for scored in _chained(first, others):
        sample = scored.sample
        if sample.repeat >= scored.cell.repeats:
            continue
        if sample.index != place:
            key, place = _key(sample.record, sample.index, id_field, seen), sample.index
        yield attrs.evolve(_row(scored), key=key, group=_group(scored, group_field))


def _chained(first: ScoredAnswer, others: Iterable[ScoredAnswer]) -> Iterator[ScoredAnswer]:
    yield first
    yield from others


def _row(scored: ScoredAnswer) -> ImportedRow:
    sample, record = scored.sample, scored.sample.record
    scores = {score.metric.name: score.value for score in scored.scores if score.value is not None}
    failed = [score for score in scored.scores if score.state == "failed"]
    answer, error = sample.answer, sample.error
    if answer is not None:
        if failed and not scores:
            answer, error = None, failed[0].error
        else:  # another metric has a number, so the answer counts; where this one cannot use it, it has the worst
            worst = {score.metric.name: score.counted for score in failed if score.counted is not None}
            answer = attrs.evolve(answer, scores={**scores, **worst}, log_probability=None)
    return ImportedRow(
        key="",
        record={name: value for name, value in record.items() if name != KEY},
        answer=answer,
        error=error if answer is None else "",
        is_missing=answer is None and not failed,
        must_agree={
            "prompt": text_fingerprint(_asked_text(record)),
            **({"target": text_fingerprint(target)} if (target := _target_text(record)) else {}),
        },
    )


def _key(record: Record, index: int, id_field: str, seen: Counter[bytes]) -> str:
    if id_field:
        value = value_at(record, id_field, None)
        if value is None:
            message = (
                f"{record_label(record, index)} has no field {id_field!r} to pair it by; it has: {', '.join(record)}"
            )
            raise DataError(message)
        return str(value).strip() if isinstance(value, (str, int)) else canonical(value).decode()
    if isinstance(record.get(KEY), str):  # of a comparison: it keeps its key
        return str(record[KEY])
    asked = digest({name: record[name] for name in _ASKED if name in record})
    short = bytes.fromhex(asked[:32])
    seen[short] += 1
    return asked[:16] if seen[short] == 1 else f"{asked[:16]} ({seen[short]})"


def _asked_text(record: Record) -> str:
    texts = [record.get("instruction"), record.get("context")]
    return "\n".join(text for text in texts if isinstance(text, str) and text)


def _target_text(record: Record) -> str:
    response = record.get("response")
    return response if isinstance(response, str) else "" if response is None else canonical(response).decode()


def _group(scored: ScoredAnswer, field: str) -> str:
    if not field:
        return scored.group
    value = value_at(scored.sample.record, field, None)
    return "" if value is None else value if isinstance(value, str) else canonical(value).decode()
