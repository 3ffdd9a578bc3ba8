"""A judge's requests: what is sent, what is asked once only, and what fails."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmops_plugins.metrics.judge.evaluator import LlmJudge
from llmops_plugins.metrics.judge.options import JudgeOptions
from llmops_sdk import EndpointError, Secret, SpecError
from llmops_sdk.plugin import Context, Pending, Scored, Unscored
from llmops_sdk.testing import Refusal

from .conftest import KEY, URL, Recorder, Serve, generation, graded, judge


def test_a_server_in_openais_form_is_asked_with_its_model_and_key(
    step: Context, openai: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fields are added and removed as the options say; the server's own name of its model is recorded."""
    monkeypatch.setenv("JUDGE_KEY", f"{KEY}\n")
    options = JudgeOptions(
        url=openai.url, model="judge-7b", api_key=Secret("env:JUDGE_KEY"),
        extra_body={"max_tokens": None, "max_completion_tokens": 900, "temperature": None},
    )  # fmt: skip
    evaluator = LlmJudge(options)
    (score,) = evaluator.evaluate(step, [generation(2)])

    assert isinstance(score, Scored)
    assert {"judge": 3} == score.scores
    (body,) = openai.bodies
    assert {"messages", "max_completion_tokens", "model"} == set(body)
    assert ("judge-7b", 900) == (body["model"], body["max_completion_tokens"])
    assert {
        "judge_url": openai.url,
        "judge_model": "judge-7b",
        "judge_model_reported": "judge-7b-0613",
        "judge_weights": "not pinned",
    } == evaluator.provenance(step)
    assert evaluator.provenance(step) == LlmJudge(options).provenance(step)


def test_a_judge_may_be_an_endpoint_for_text(step: Context, serve: Serve) -> None:
    """In the form of SageMaker's text generation, with greedy decoding."""
    bodies: list[dict[str, Any]] = []
    endpoint = serve()
    loads = json.loads

    def record(text: Any, **options: Any) -> Any:
        bodies.append(loads(text, **options))
        return bodies[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("llmops_sdk.testing.endpoint.json.loads", record)
        judge(step, [generation(0)], url=endpoint.url, form="text", max_new_tokens=77)

    requests = [body for body in bodies if "inputs" in body]
    assert [(77, False)] == [
        (body["parameters"]["max_new_tokens"], body["parameters"]["do_sample"]) for body in requests
    ]


def test_a_single_refusal_leaves_one_record_unscored(step: Context, serve: Serve) -> None:
    """With the server's reason; a repeated scoring asks again."""
    refusing = [True]

    def answer(prompt: str) -> str:
        if "output 1" in prompt and refusing:
            raise Refusal(400, "the prompt is too long")
        return graded(prompt)

    endpoint = serve(answer)
    scores = judge(step, [generation(index) for index in range(3)], url=endpoint.url)

    reason = "the judge did not answer: the endpoint answered 400: the prompt is too long"
    assert Unscored(1, reason) == scores[1]
    assert [True, False, True] == [isinstance(score, Scored) for score in scores]
    refusing.clear()
    assert all(isinstance(score, Scored) for score in judge(step, [generation(i) for i in range(3)], url=endpoint.url))
    assert 4 == len(endpoint.prompts)


def test_a_question_that_fails_for_now_is_pending(step: Context, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the server may pass: the record is not unscored for good, and a later attempt asks again."""
    monkeypatch.setattr("llmops_sdk.steps.client.client.ATTEMPTS", 1)
    failing = [True]

    def answer(prompt: str) -> str:
        if "output 1" in prompt and failing:
            raise Refusal(503, "overloaded")
        return graded(prompt)

    endpoint = serve(answer)
    scores = judge(step, [generation(index) for index in range(3)], url=endpoint.url)

    assert Pending(1, "the judge did not answer: the endpoint answered 503: overloaded") == scores[1]
    assert scores[1:2] == judge(step, [generation(1)], url=endpoint.url)  # it has answered others before
    failing.clear()
    (score,) = judge(step, [generation(1)], url=endpoint.url)
    assert isinstance(score, Scored)


def test_a_judge_that_refuses_all_fails_the_evaluator(step: Context, openai: Recorder, monkeypatch: Any) -> None:
    """With the reason but without the key, and long before every record is tried."""
    monkeypatch.setenv("JUDGE_KEY", "sk-wrong")
    options = {"url": openai.url, "model": "m", "api_key": Secret("env:JUDGE_KEY")}
    with pytest.raises(EndpointError, match=r"401: Incorrect API key: Bearer \*\*\*$") as error:
        judge(step, [generation(index) for index in range(200)], **options)

    assert "\n" not in str(error.value)
    assert len(openai.bodies) < 60
    with pytest.raises(EndpointError, match=r"the judge does not answer: .* 401"):
        judge(step, [generation(0)], **options)


def test_a_server_that_is_no_judge_fails_the_evaluator(step: Context, openai: Recorder, monkeypatch: Any) -> None:
    """A path that does not exist, an answer of another form, and no server: one clear line each."""
    monkeypatch.setenv("JUDGE_KEY", KEY)
    monkeypatch.setattr("llmops_sdk.steps.client.client.ATTEMPTS", 1)
    options = {"model": "m", "api_key": Secret("env:JUDGE_KEY")}
    with pytest.raises(EndpointError, match="the endpoint answered 404: you must provide"):
        judge(step, [generation(0)], url=openai.url.replace("completions", "x"), **options)
    openai.answer = lambda _: 5  # type: ignore[assignment, return-value]
    with pytest.raises(EndpointError, match="the endpoint's answer has no text"):
        judge(step, [generation(0)], url=openai.url, **options)
    with pytest.raises(EndpointError, match=r"the judge does not answer: .* cannot be reached"):
        judge(step, [generation(index) for index in range(40)], url=URL, concurrency=2)


def test_an_offline_run_asks_only_this_machine(step: Context) -> None:
    """It stops before anything is sent, and before the key is read."""
    with pytest.raises(SpecError, match=r"https://judge\.example/v1 is not on this machine, and this run is offline"):
        judge(step, [generation(0)], url="https://judge.example/v1", api_key=Secret("env:NO_SUCH_KEY"))


@pytest.mark.parametrize(
    ("key", "message"), [(None, "set the environment variable 'JUDGE_KEY'"), ("sk-a\nb", "is not a key")]
)
def test_an_unusable_key_is_an_error_without_its_text(
    step: Context, monkeypatch: pytest.MonkeyPatch, key: str | None, message: str
) -> None:
    """A variable that is not set, and one whose text cannot be sent."""
    if key:
        monkeypatch.setenv("JUDGE_KEY", key)
    with pytest.raises(SpecError, match=message) as error:
        judge(step, [generation(0)], url=URL, api_key=Secret("env:JUDGE_KEY"))

    assert "sk-a" not in str(error.value)


def test_an_echoed_key_reaches_no_record(step: Context, openai: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge that repeats its headers in a judgment, or in its model's name."""
    monkeypatch.setenv("JUDGE_KEY", KEY)
    openai.answer = lambda _: f"You sent Bearer {KEY}.\nScore: 2"
    openai.model = f"model-of-{KEY}"
    (score,) = judge(step, [generation(0)], url=openai.url, model="m", api_key=Secret("env:JUDGE_KEY"))

    assert Scored(0, {"judge": 2}, notes={"judgment": "You sent Bearer ***.\nScore: 2"}) == score
    assert all(KEY.encode() not in path.read_bytes() for path in step.folder.rglob("*") if path.is_file())
