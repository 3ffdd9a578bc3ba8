"""What a cell is asked, and the addresses of its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmops_sdk import Pipeline, Result
from llmops_sdk.plugin import Answer, GenerationOptions, Prompt, Succeeded

from .. import conftest

if TYPE_CHECKING:
    import pytest


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


def test_repeats_ask_only_what_is_new(pipeline: Pipeline, run: conftest.Run, asked: list[str]) -> None:
    """One repeat has the answers of a run without them; more or fewer of them, and the noise floor, share what there is."""
    first = address(run(pipeline))
    asked.clear()

    def newly_asked(pipeline: Pipeline) -> int:
        before = len(asked)
        assert first == address(run(pipeline))
        return len(asked) - before

    assert 20 == newly_asked(pipeline.with_generation(repeats=3))
    assert 10 == newly_asked(pipeline.with_generation(repeats=2).with_noise_floor())
    assert 0 == newly_asked(pipeline.with_generation(repeats=2))
    assert 0 == newly_asked(pipeline.with_noise_floor())
    assert 0 == newly_asked(pipeline)


def test_every_repeat_has_a_seed_of_its_own(
    pipeline: Pipeline, run: conftest.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same seed, a server that samples would give the same answer again."""
    seeds: list[int] = []

    def send(_transport: object, _prompt: Prompt, generation: GenerationOptions) -> Answer:
        seeds.append(generation.seed)
        return Answer(f"answer {generation.seed}")

    monkeypatch.setattr("llmops_sdk.testing.deployer._Direct.send", send)
    pipeline = pipeline.with_model("echo", name="direct", voice="direct-a", fine_tune=False)

    result = run(pipeline.with_generation(temperature=0.7, seed=5, repeats=3))

    assert [*[5] * 10, *[6] * 10, *[7] * 10] == seeds
    outputs = [sample.output for sample in result.records("direct")]
    assert ["answer 5", "answer 6", "answer 7"] * 10 == outputs
