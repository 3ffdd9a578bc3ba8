"""What a cell is asked, and the addresses of its answers."""

from __future__ import annotations

from llmops_sdk import Pipeline, Result
from llmops_sdk.plugin import Succeeded

from .. import conftest


def address(result: Result, step: str = "generate.echo", cell: str = "echo.bare.lines") -> str:
    """Return the address of a cell's generations."""
    record = result.run.record(step)
    assert isinstance(record, Succeeded)
    return record.artifacts[cell]


def test_answers_are_shared_by_what_does_not_change_them(
    pipeline: Pipeline, run: conftest.Run, asked: list[str]
) -> None:
    """Another evaluator, metric or concurrency; the model is not asked again."""
    first = address(run(pipeline))
    asked.clear()

    for same in (
        pipeline.with_decision("noise"),
        pipeline.with_evaluator("text-metrics", metrics=["token_f1"]),
        pipeline.with_deployer("echo-endpoint", concurrency=1),
    ):
        assert first == address(run(same))
    assert [] == asked


def test_answers_are_not_shared_by_what_changes_them(pipeline: Pipeline, run: conftest.Run) -> None:
    """Other generation options, another model, and other records."""
    first = address(run(pipeline))

    others = [
        address(run(pipeline.with_generation(max_new_tokens=7))),
        address(run(pipeline.with_model("echo", name="quiet", voice="quiet", fine_tune=False)), "generate.quiet", "quiet.bare.lines"),
    ]  # fmt: skip

    assert 3 == len({first, *others})


def test_a_pending_probe_makes_its_questions_incomplete(pipeline: Pipeline, run: conftest.Run) -> None:
    """An endpoint that does not answer probes leaves its records answered."""
    direct = pipeline.with_model("echo", name="direct", voice="direct-loud", fine_tune=False)

    result = run(direct.with_evaluator("echo-probes", likelihood=True))

    record = result.run.record("generate.direct")
    assert isinstance(record, Succeeded)
    assert {"direct.bare.lines"} == set(record.artifacts)
    assert 0 == record.pending  # probes that failed for good are not asked again
