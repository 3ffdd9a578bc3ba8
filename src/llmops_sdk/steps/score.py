"""The `score` step: score one cell with every evaluator, and join the records, outputs and scores into its samples."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from llmops_sdk.data.rendering import prompt_only
from llmops_sdk.errors import PluginError
from llmops_sdk.plugin.interfaces import Evaluator
from llmops_sdk.record.layout import ArtifactLayout
from llmops_sdk.steps.job import Job, Made
from llmops_sdk.steps.probes import Prober, find_probes, probers, text_of
from llmops_sdk.values.data import Record, Split
from llmops_sdk.values.generations import Generation, Probe, ProbeReply
from llmops_sdk.values.plan import Component, ScoreStep
from llmops_sdk.values.prompts import Prompt, PromptTemplate
from llmops_sdk.values.scores import RecordScore, Scored, Unscored
from llmops_sdk.values.serial import canonical, digest, to_json

SCORES = "scores."
"""What the names of an evaluator's artifacts begin with, in the record of a `score` step."""


@attrs.frozen
class _Cell:
    """The files of a cell that are read side by side, line by line."""

    name: str
    test: Split
    generations: Path
    template: PromptTemplate

    def rows(self) -> Iterator[_Row]:
        """Yield the test records with what was answered, in the split's order."""
        with self.generations.open("rb") as lines:
            for record, line in zip(self.test, lines, strict=True):
                outcome = json.loads(line)
                yield _Row(record, prompt_only(self.template, record), outcome)


@attrs.frozen
class _Row:
    record: Record
    prompt: Prompt
    outcome: Mapping[str, Any]


@attrs.frozen
class _Scorer:
    """An evaluator with what it reads.

    Attributes:
        component: The evaluator in the plan.
        evaluator: The evaluator.
        prober: Its probes, or None where it has none.
        answers: What the probes got, a line each; None where it has none.
        answers_sha256: Of that file.
    """

    component: Component
    evaluator: Evaluator
    prober: Prober | None = None
    answers: Path | None = None
    answers_sha256: str = ""

    def replies(self, cell: _Cell) -> Iterator[list[tuple[Probe, ProbeReply]]]:
        """Yield the probes of each test record with what they got."""
        if self.prober is None or self.answers is None:
            return iter([[]] * cell.test.records)
        return self.prober.replies(self.answers)

    def generations(self, cell: _Cell) -> Iterator[Generation]:
        """Yield what the evaluator scores."""
        for row, replies in zip(cell.rows(), self.replies(cell), strict=True):
            if "output" in row.outcome:
                probes = {probe.name: reply for probe, reply in replies}
                yield Generation(record=row.record, prompt=row.prompt, **row.outcome, probes=probes)


def score(job: Job, step: ScoreStep) -> Made:
    """Make the scores of each evaluator unless they are there, and write the cell's samples."""
    plan = job.run.plan
    cell = plan.cell_by_name[step.cell]
    prompt = plan.prompt_by_name[cell.prompt]
    generations = job.made_by(step.needs[0], cell.name)
    scores: dict[str, str] = {}
    cached = True
    with ExitStack() as stack:
        splits = stack.enter_context(job.splits(cell.dataset))
        folder = stack.enter_context(job.run.store.folder(ArtifactLayout(generations.address).final))
        files = _Cell(cell.name, splits.test, folder / "generations.jsonl", prompt.template)
        scorers = list(_scorers(job, files, generations.address, stack))
        for scorer in scorers:
            component = scorer.component
            fingerprint = scorer.evaluator.fingerprint(job.context(job.runtime.home))
            inputs = (generations.value["sha256"], splits.test.sha256, prompt.key, scorer.answers_sha256)
            key = digest(component.key, fingerprint, *inputs)
            once = job.make_once(f"scores/{key}", partial(_evaluate, job, scorer, files))
            scores[component.name] = once.artifact.address
            cached = cached and once.cached
        joined = f"samples/{digest(generations.address, generations.value['sha256'], splits.test.sha256, scores)}"
        job.make_once(joined, partial(_join, job, files, scorers, scores))
    job.run.put_samples(cell.name, joined)
    return Made({**{f"{SCORES}{name}": address for name, address in scores.items()}, "samples": joined}, cached)


def _scorers(job: Job, files: _Cell, generations: str, stack: ExitStack) -> Iterator[_Scorer]:
    having_probes = probers(job, files.test, files.template)
    for component in job.run.plan.evaluators:
        evaluator: Evaluator = job.runtime.registry.make("evaluator", component.use, component.options)
        prober = having_probes.get(component.name)
        probes = prober.probe_set() if prober else None
        if prober is None or probes is None or not probes.total:
            yield _Scorer(component, evaluator)
            continue
        artifact = find_probes(job.run, prober, probes, generations, files.name)
        folder = stack.enter_context(job.run.store.folder(ArtifactLayout(artifact.address).final))
        yield _Scorer(component, evaluator, prober, folder / "generations.jsonl", artifact.value["sha256"])


def _evaluate(job: Job, scorer: _Scorer, files: _Cell, folder: Path) -> Any:
    evaluator, name = scorer.evaluator, scorer.component.name
    names = {metric.name for metric in evaluator.metrics}
    context = job.context(folder)
    counts = {"scored": 0, "unscored": 0}
    draft = folder / "scores.tmp"
    answered = (generation.index for generation in scorer.generations(files))
    total = files.test.records
    with (
        draft.open("wb") as out,
        job.runtime.progress.task(f"scoring {files.name}: {name}", total, "records") as task,
    ):
        found_scores = evaluator.evaluate(context, scorer.generations(files))
        for index, found in itertools.zip_longest(answered, found_scores):
            checked = _checked(found, index, names, name)
            counts["scored" if isinstance(checked, Scored) else "unscored"] += 1
            out.write(canonical(_line(checked)) + b"\n")
            task.advance()
    draft.replace(folder / "scores.jsonl")
    return {
        **counts,
        "metrics": [to_json(metric) for metric in evaluator.metrics],
        "provenance": dict(evaluator.provenance(context)),
    }


def _line(score: RecordScore) -> dict[str, Any]:
    data: dict[str, Any] = to_json(score)
    return data if score.notes else {name: value for name, value in data.items() if name != "notes"}


def _checked(found: RecordScore | None, index: int | None, names: set[str], evaluator: str) -> RecordScore:
    """Hold an evaluator to its contract: one score for each generation, in order, finite, of its own metrics."""
    if found is None or index is None or found.index != index:
        message = f"evaluator {evaluator!r} must yield one score for every generation, in their order; it gave {found!r} for record {index}"
        raise PluginError(message)
    if isinstance(found, Unscored):
        return found
    unknown = set(found.scores) - names
    if unknown:
        message = f"evaluator {evaluator!r} gave a metric it does not declare: {min(unknown)!r}"
        raise PluginError(message)
    bad = [name for name, value in found.scores.items() if not math.isfinite(value)]
    if bad:
        return Unscored(index, f"{bad[0]} is {found.scores[bad[0]]}")
    return found


def _join(job: Job, files: _Cell, scorers: Sequence[_Scorer], addresses: Mapping[str, str], place: Path) -> Any:
    """Write one line a record: what was asked, what was answered, and all scores."""
    draft = place / "samples.tmp"
    with ExitStack() as stack:
        scores = {}
        for evaluator, address in addresses.items():
            folder = stack.enter_context(job.run.artifact_folder(address))
            scores[evaluator] = stack.enter_context((folder / "scores.jsonl").open("rb"))
        out = stack.enter_context(draft.open("wb"))
        probing = [scorer for scorer in scorers if scorer.prober]
        asked = zip(*(scorer.replies(files) for scorer in probing), strict=True) if probing else itertools.repeat(())
        for row, replies in zip(files.rows(), asked, strict=bool(probing)):
            sample = _sample(row, scores)
            probes = {
                scorer.component.name: scorer.prober.sample(found)
                for scorer, found in zip(probing, replies, strict=True)
                if scorer.prober and found
            }
            out.write(canonical({**sample, "probes": probes} if probes else sample) + b"\n")
    draft.replace(place / "samples.jsonl")
    return {"records": files.test.records}


def _sample(row: _Row, scores: Mapping[str, Any]) -> dict[str, Any]:
    outcome = dict(row.outcome)
    sample: dict[str, Any] = {
        "record": row.record,
        "prompt": to_json(text_of(row.prompt)),
        "output": None,
        "error": None,
        **outcome,
        "scores": {},
        "score_errors": {},
    }
    if "output" in outcome:
        for evaluator, lines in scores.items():
            found = json.loads(next(lines))
            if "scores" in found:
                sample["scores"].update(found["scores"])
            else:
                sample["score_errors"][evaluator] = found["error"]
            if "notes" in found:
                sample.setdefault("notes", {})[evaluator] = found["notes"]
    return sample
