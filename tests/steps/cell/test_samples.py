"""The samples of a cell: every record with its prompt, answer, scores, notes and probes."""

from __future__ import annotations

from llmops_sdk import Pipeline
from llmops_sdk.plugin import Answered, Succeeded, TextPrompt

from .. import conftest


def test_every_record_has_a_sample(pipeline: Pipeline, run: conftest.Run) -> None:
    """In the split's order, with the scores of all evaluators."""
    result = run(pipeline.with_evaluator("text-metrics", metrics=["token_f1"]))

    samples = list(result.run.samples("echo.bare.lines"))

    assert list(range(10)) == [sample.index for sample in samples]
    assert all(sample.output == sample.record["response"] for sample in samples)
    assert all(TextPrompt(sample.record["context"]) == sample.prompt for sample in samples)
    assert [{"exact", "noise", "token_f1"}] * 10 == [set(sample.scores) for sample in samples]
    assert all(isinstance(sample.outcome, Answered) and (sample.outcome.answer.latency or 0) > 0 for sample in samples)


def test_samples_follow_their_scores(pipeline: Pipeline, run: conftest.Run) -> None:
    """The same scores share the samples of an earlier run; another evaluator has its own."""

    def address(pipeline: Pipeline) -> str:
        record = run(pipeline).run.record("score.echo.bare.lines")
        assert isinstance(record, Succeeded)
        return record.artifacts["samples"]

    first = address(pipeline)

    assert first == address(pipeline.with_decision("noise"))
    assert first != address(pipeline.with_evaluator("text-metrics", metrics=["token_f1"]))


def test_every_answer_to_a_record_has_a_sample(two_models: Pipeline, run: conftest.Run) -> None:
    """Beside each other, without those of the noise floor."""
    result = run(two_models.with_evaluator("echo-probes").with_generation(repeats=2).with_noise_floor())

    samples = list(result.records("quiet"))

    assert [(index, repeat) for index in range(10) for repeat in (0, 1)] == [
        (sample.index, sample.repeat) for sample in samples
    ]
    assert all(first.record == second.record for first, second in zip(samples[::2], samples[1::2], strict=True))
    assert all({"exact", "noise", "steady"} == set(sample.scores) for sample in samples)
    assert all(sample.probes["echo-probes"] for sample in samples)
