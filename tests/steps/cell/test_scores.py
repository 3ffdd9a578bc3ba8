"""The scores of one evaluator: streamed, held to the contract, and only pending ones made again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar

import pytest

from llmops_sdk import Pipeline, Result
from llmops_sdk.cli.output.run import show_run
from llmops_sdk.plugin import (
    Context,
    Evaluator,
    EvaluatorCard,
    Failed,
    Generation,
    Metric,
    Pending,
    RecordScore,
    Scored,
    Succeeded,
    Unscored,
    hookimpl,
)
from llmops_sdk.plugin.registry import Registry

from ...report.page_text import page_records
from .. import conftest


def scored(generation: Generation) -> RecordScore:
    """The length of the output."""
    return Scored(generation.index, {"length": float(len(generation.output))})


def busy(generation: Generation) -> RecordScore:
    """Two records fail for now."""
    return Pending(generation.index, "the judge is busy") if generation.index in (2, 7) else scored(generation)


class Fickle(Evaluator):
    """Yields what the function of its class makes of each generation."""

    score: ClassVar[Callable[[Generation], RecordScore]] = scored
    seen: ClassVar[list[int]] = []

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Return one number."""
        return (Metric("length"),)

    def evaluate(self, context: Context, generations: Iterable[Generation]) -> Iterator[RecordScore]:
        """Score each generation."""
        for generation in generations:
            self.seen.append(generation.index)
            yield type(self).score(generation)


class FicklePlugin:
    """Offers the evaluator."""

    @hookimpl
    def llmops_cards(self) -> tuple[EvaluatorCard, ...]:
        """Return its card."""
        return (EvaluatorCard(name="fickle", summary="changes its mind", load=f"{__name__}:Fickle"),)


@pytest.fixture(name="fickle")
def _fickle(pipeline: Pipeline, registry: Registry) -> Pipeline:
    registry.add("fickle", FicklePlugin())
    Fickle.seen.clear()
    return pipeline.with_evaluator("fickle")


@pytest.mark.parametrize("way", ["next run", "resume"])
def test_pending_scores_are_made_again(
    way: str,
    fickle: Pipeline,
    run: conftest.Run,
    resumed: conftest.Resume,
    monkeypatch: pytest.MonkeyPatch,
    asked: list[str],
) -> None:
    """By the next run and by a resumed one: these scores only, and no model is asked."""
    monkeypatch.setattr(Fickle, "score", busy)
    first = run(fickle)
    assert list(range(10)) == Fickle.seen
    (cell,) = first.leaderboards[0].cells
    assert (8, {"echo-score": 0, "fickle": 0}, {"fickle": 2}) == (
        cell.estimates["length"].records,
        cell.unscored,
        cell.pending_scores,
    )
    record = first.run.record("score.echo.bare.lines")
    assert isinstance(record, Succeeded)
    assert 2 == record.pending
    Fickle.seen.clear()
    asked.clear()
    monkeypatch.setattr(Fickle, "score", scored)

    second = run(fickle) if way == "next run" else resumed(first)

    assert [2, 7] == Fickle.seen
    assert [] == asked
    (cell,) = second.leaderboards[0].cells
    assert (10, {}) == (cell.estimates["length"].records, cell.pending_scores)
    samples = list(second.run.samples(cell.cell))
    assert [float(len(sample.output or "")) for sample in samples] == [sample.scores["length"] for sample in samples]
    assert (second.run.id == first.run.id) == (way == "resume")


def test_scores_that_stay_pending_are_made_again_each_time(
    fickle: Pipeline, run: conftest.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of two succeeds: the other stays pending, and complete scores are reused."""
    monkeypatch.setattr(Fickle, "score", busy)
    run(fickle)
    monkeypatch.setattr(Fickle, "score", lambda one: Pending(7, "busy") if one.index == 7 else scored(one))
    Fickle.seen.clear()

    second = run(fickle)
    third = run(fickle)

    assert [2, 7, 7] == Fickle.seen
    for result in (second, third):
        assert {"fickle": 1} == result.leaderboards[0].cells[0].pending_scores


def test_pending_scores_are_shown_apart(
    fickle: Pipeline, run: conftest.Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the samples, in the report and under the terminal's table; they are not called unscored."""
    monkeypatch.setattr(Fickle, "score", busy)

    result = run(fickle)

    samples = {sample.index: sample for sample in result.run.samples("echo.bare.lines")}
    assert ({"fickle": "the judge is busy"}, {}) == (samples[2].pending_scores, samples[2].score_errors)
    assert "length" not in samples[2].scores
    page = (result.run.read("report.html") or b"").decode()
    assert "2 scores of <bdi>fickle</bdi> pending" in page
    assert "unscored by <bdi>fickle</bdi>" not in page
    assert "pending: the judge is busy" in str(page_records(page)[2])
    show_run(result.run)
    lines = capsys.readouterr().out.splitlines()
    assert ["echo: 2 scores of fickle pending"] == [line for line in lines if "of fickle" in line]


def test_a_number_that_is_not_finite_is_no_score(
    fickle: Pipeline, run: conftest.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is unscored, with the number as the reason."""
    monkeypatch.setattr(Fickle, "score", lambda one: Scored(one.index, {"length": math.nan}))

    result = run(fickle)

    assert 10 == result.leaderboards[0].cells[0].unscored["fickle"]
    assert {"fickle": "length is nan"} == next(result.run.samples("echo.bare.lines")).score_errors


@pytest.mark.parametrize(
    ("score", "error"),
    [
        (lambda one: Scored(one.index + 1, {"length": 1.0}), "yielded Scored(index=1"),
        (lambda one: Scored(one.index, {"width": 1.0}), "yielded a metric it does not declare: 'width'"),
        (lambda _one: Unscored(3, "no"), "yielded Unscored(index=3"),
        (lambda _one: 1.0, "must yield a Scored, an Unscored or a Pending for every generation, such as Scored("),
        (lambda one: (one.index, 1.0), "it yielded (0, 1.0)"),
    ],
)
def test_an_evaluator_is_held_to_its_contract(
    score: Callable[[Generation], RecordScore],
    error: str,
    fickle: Pipeline,
    run: conftest.Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One score for each generation, in their order, of its own metrics; the error names the evaluator."""
    monkeypatch.setattr(Fickle, "score", score)

    assert error in _error(run(fickle))


@pytest.mark.parametrize(
    ("evaluate", "error"),
    [
        (lambda _self, _context, generations: (scored(one) for one in list(generations)[:4]), "None for record 4"),
        (lambda _self, _context, _generations: iter(()), "yielded None for record 0"),
        (lambda _self, _context, generations: (scored(one) for one in list(generations) * 2), "for record None"),
    ],
    ids=["too few", "none", "too many"],
)
def test_an_evaluator_yields_neither_fewer_nor_more_scores(
    evaluate: Callable[..., Iterator[RecordScore]],
    error: str,
    fickle: Pipeline,
    run: conftest.Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether it reads all generations first or none."""
    monkeypatch.setattr(Fickle, "evaluate", evaluate)

    message = _error(run(fickle))

    assert error in message
    assert "evaluator 'fickle' must yield one score for every generation, in their order" in message


def test_generations_are_rendered_once_for_each_evaluator(
    fickle: Pipeline, run: conftest.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten records: ten renderings for each evaluator, and ten for the samples."""
    from llmops_sdk.data.rendering import prompt_only
    from llmops_sdk.steps.cell import files, samples

    rendered: list[str] = []

    def counted(template: object, record: object) -> object:
        rendered.append("record")
        return prompt_only(template, record)  # type: ignore[arg-type]

    monkeypatch.setattr(Fickle, "score", scored)
    monkeypatch.setattr(files, "prompt_only", counted)
    monkeypatch.setattr(samples, "prompt_only", counted)

    run(fickle)

    assert 3 * 10 == len(rendered)


def _error(result: Result) -> str:
    record = result.run.record("score.echo.bare.lines")
    assert isinstance(record, Failed)
    return record.error
