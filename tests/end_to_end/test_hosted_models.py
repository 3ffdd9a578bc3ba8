"""Whole runs of models behind a server with OpenAI's API: what is compared, recorded, refused and pointed out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Result, StepFailedError, UserError, resume
from llmops_sdk.cli.main import main
from llmops_sdk.plugin import Pending, Registry

from ..plugins.openai.openai_server import OpenAIServer, capital, openai_server

COUNTRIES = {"France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Peru": "Lima"}
TEMPERATURE = {
    "error": {
        "message": "Unsupported value: 'temperature' does not support 0.0 with this model. Only the default (1) value is supported.",
        "type": "invalid_request_error", "param": "temperature", "code": "unsupported_value",
    }
}  # fmt: skip
MAX_TOKENS = {
    "error": {
        "message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "type": "invalid_request_error", "param": "max_tokens", "code": "unsupported_parameter",
    }
}  # fmt: skip


class Logged(Progress):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(name="server")
def _server() -> Iterator[OpenAIServer]:
    with openai_server() as server:
        yield server


@pytest.fixture(name="store")
def _store(home: Path, tmp_path: Path) -> LocalStore:  # noqa: ARG001 - its cache
    return LocalStore(tmp_path / "runs")


@pytest.fixture(name="capitals")
def _capitals(tmp_path: Path) -> Pipeline:
    """Four questions, all of them test records."""
    for name, countries in (("train", {"Chile": "Santiago"}), ("test", COUNTRIES)):
        rows = [
            {"instruction": f"Capital of {country}?", "context": "", "response": city}
            for country, city in countries.items()
        ]
        (tmp_path / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    paths = {"path": str(tmp_path / "train.jsonl"), "test_path": str(tmp_path / "test.jsonl")}
    return (
        Pipeline.builder("capitals").with_dataset("jsonl", **paths).with_prompt("plain").with_evaluator("qa-accuracy")
    )


def run(pipeline: Pipeline, store: LocalStore, registry: Registry, progress: Progress | None = None) -> Result:
    return pipeline.run(store=store, registry=registry, progress=progress or Progress())


def test_two_candidates_behind_servers_are_compared(
    server: OpenAIServer, capitals: Pipeline, store: LocalStore, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a short form and by the card, with a key that no file of the run holds; a second run asks nothing."""
    server.key = "sk-a-very-secret-key"
    monkeypatch.setenv("TEAM_KEY", server.key)

    def answer(body: Mapping[str, Any]) -> str:
        return "Paris" if body["model"] == "small" else str(capital(body))

    server.answer, server.models = answer, ["small", "large"]
    pipeline = capitals.with_model("vllm/small", base_url=server.url, key_env="TEAM_KEY")
    pipeline = pipeline.with_model(
        "openai-compatible", name="big", model="large", base_url=server.url, key_env="TEAM_KEY"
    )

    result = run(pipeline, store, registry)

    (board,) = result.leaderboards
    assert ["big", "small"] == [cell.candidate for cell in board.cells]
    assert [1.0, 0.25] == [cell.estimates["exact_match"].mean for cell in board.cells]
    assert {"large": 4} == board.cells[0].models
    assert ("large", server.url) == (board.cells[0].endpoint["served model"], board.cells[0].endpoint["url"])
    asked = len(server.bodies)
    assert 8 == asked
    run(pipeline, store, registry)
    assert asked == len(server.bodies)
    for path in Path(store.root).rglob("*"):
        assert path.is_dir() or server.key.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("refusal", "field", "hint", "varies"),
    [
        (TEMPERATURE, "temperature", "write `varies: {temperature: null}` for model 'stub-1'", {"temperature": None}),
        (
            MAX_TOKENS, "max_tokens", "write `varies: {max_tokens_field: max_completion_tokens}` for model 'stub-1'",
            {"max_tokens_field": "max_completion_tokens"},
        ),
    ],
)  # fmt: skip
def test_a_parameter_that_a_model_lacks_is_one_line(  # noqa: PLR0913, PLR0917 - a table
    refusal: Any,
    field: str,
    hint: str,
    varies: dict[str, Any],
    server: OpenAIServer,
    capitals: Pipeline,
    store: LocalStore,
    registry: Registry,
) -> None:
    """It names what to write, and with that the run succeeds; the plan and the result show it."""
    server.answer = lambda body: (400, refusal) if field in body else capital(body)

    with pytest.raises(StepFailedError) as failure:
        run(capitals.with_model("vllm/stub-1", base_url=server.url), store, registry)

    assert hint in str(failure.value)
    result = run(capitals.with_model("vllm/stub-1", base_url=server.url, varies=varies), store, registry)
    (cell,) = result.leaderboards[0].cells
    assert (4, varies) == (cell.answered, result.run.plan.models[0].varies)
    assert next(iter(varies)) in cell.endpoint["varies"]


def test_a_server_that_ignores_the_form_of_answers_is_pointed_out(
    server: OpenAIServer, capitals: Pipeline, store: LocalStore, registry: Registry
) -> None:
    """Counted, logged, and said beside the verdict; the form is sent, and part of the key."""
    progress = Logged()
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    model = capitals.with_model("vllm/stub-1", base_url=server.url)

    result = run(model.with_generation(response_format=schema), store, registry, progress)

    assert schema == server.bodies[0]["response_format"]["json_schema"]["schema"]
    (board,) = result.leaderboards
    assert 4 == board.cells[0].malformed
    assert "4 of 4 answers of stub-1 are not JSON of the form that response_format asks for." in board.verdict.text
    assert any("4 of 4 answers are not JSON" in line for line in progress.lines)
    run(model, store, registry)
    assert 8 == len(server.bodies)


def test_a_model_that_changes_meanwhile_is_pointed_out(
    server: OpenAIServer, capitals: Pipeline, store: LocalStore, registry: Registry
) -> None:
    """The names that the server reports, with the number of answers."""

    def answer(body: Mapping[str, Any]) -> Any:
        server.served = "stub-1-mini" if "Peru" in str(body) else "stub-1"
        return capital(body)

    server.answer = answer
    result = run(capitals.with_model("vllm/stub-1", base_url=server.url, max_concurrency=1), store, registry)

    (board,) = result.leaderboards
    assert {"stub-1": 3, "stub-1-mini": 1} == board.cells[0].models
    assert "The endpoint of stub-1 reported 2 models: stub-1 (3), stub-1-mini (1)." in board.verdict.text


def reasoned(text: str | None, reason: str, **message: Any) -> tuple[int, Any]:
    usage = {
        "prompt_tokens": 9, "completion_tokens": 30, "completion_tokens_details": {"reasoning_tokens": 25}
    }  # fmt: skip
    choice = {"message": {"role": "assistant", "content": text, **message}, "finish_reason": reason}
    return 200, {"model": "thinker", "choices": [choice], "usage": usage}


def test_reasoning_is_counted_and_not_scored(
    server: OpenAIServer, capitals: Pipeline, store: LocalStore, registry: Registry
) -> None:
    """In a field of its own, in the text, opened by the chat template, and cut off: four records of one model."""
    replies = {
        "France": reasoned("Paris", "stop", reasoning_content="The user wants a capital."),
        "Italy": reasoned("<think>\nItaly, so\n</think>\n\nRome", "stop"),
        "Spain": reasoned("Spain, so\n</think>\n\nMadrid", "stop"),
        "Peru": reasoned("<think>\nPeru, so let me think about", "length"),
    }
    server.answer = lambda body: next(reply for name, reply in replies.items() if name in str(body))

    result = run(capitals.with_model("vllm/stub-1", base_url=server.url), store, registry)

    (board,) = result.leaderboards
    (cell,) = board.cells
    # an answer that is cut off is the candidate's own failure
    assert (3, 1, 0.75, 4) == (
        cell.answered, cell.cut_reasoning, cell.estimates["exact_match"].mean, cell.estimates["exact_match"].records
    )  # fmt: skip
    assert "75 in 3 answers" == cell.endpoint["reasoning tokens"]
    assert "1 of 4 records of stub-1 were cut off while the model was reasoning." in board.verdict.text
    samples = list(result.run.samples(cell.cell))
    assert ["The user wants a capital.", "Italy, so", "Spain, so"] == [s.answer.reasoning for s in samples if s.answer]


def test_mistakes_are_found_before_anything_is_asked(
    server: OpenAIServer, capitals: Pipeline, store: LocalStore, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No key, and a model that the server does not have: both in one line."""
    monkeypatch.delenv("TEAM_KEY", raising=False)
    pipeline = capitals.with_model("vllm/stub-2", base_url=server.url)
    pipeline = pipeline.with_model("vllm/stub-1", base_url=server.url, key_env="TEAM_KEY")

    with pytest.raises(UserError) as failure:
        run(pipeline, store, registry)

    assert "it has no model 'stub-2'; did you mean 'stub-1'?; it has: stub-1" in str(failure.value)
    assert "set the environment variable 'TEAM_KEY'" in str(failure.value)
    assert ([], []) == (server.bodies, list(Path(store.root).rglob("*.jsonl")))


def test_hostile_answers_decide_their_own_records_only(
    server: OpenAIServer, capitals: Pipeline, store: LocalStore, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No choices, a filter, a failing engine and an endless text beside a good answer; the failure for now is asked again."""
    monkeypatch.setattr("llmops_sdk.steps.client.client.ATTEMPTS", 1)
    endless = {"choices": [{"message": {"content": "a" * 5_000_000}, "finish_reason": "stop"}]}
    replies: dict[str, Any] = {
        "Italy": (200, {"choices": []}),
        "Spain": (503, {"error": "busy"}),
        "Peru": (200, endless),
    }
    server.answer = lambda body: next((reply for name, reply in replies.items() if name in str(body)), "Paris")

    result = run(capitals.with_model("vllm/stub-1", base_url=server.url, max_concurrency=1), store, registry)

    (cell,) = result.leaderboards[0].cells
    errors = {sample.record["response"]: sample.error for sample in result.run.samples(cell.cell)}
    assert "" == errors["Paris"]
    assert "has no text" in errors["Rome"]
    assert "though max_new_tokens=128 was asked for" in errors["Lima"]
    pending = [s.record["response"] for s in result.run.samples(cell.cell) if isinstance(s.outcome, Pending)]
    assert ["Madrid"] == pending
    replies.clear()
    server.bodies.clear()
    resumed = resume(result.run.id, store=store, registry=registry, progress=Progress())
    assert ["Capital of Spain?"] == [body["messages"][-1]["content"].strip() for body in server.bodies]
    assert 0 == resumed.leaderboards[0].cells[0].pending


def test_a_model_behind_a_url_is_a_candidate(
    server: OpenAIServer,
    real_data: Callable[[str], Path],
    tmp_path: Path,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The case openai-candidate: its command lists such a card, and a file that names one runs."""
    case = (real_data("cases/openai-candidate") / "case.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"`llmops (plugins model)`", case)
    monkeypatch.setattr(Registry, "load", classmethod(lambda _cls: registry))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEAM_KEY", "sk-team")
    server.key = "sk-team"
    candidate = {"use": "openai-compatible", "base_url": server.url, "model": "stub-1", "key_env": "TEAM_KEY"}
    data = {"use": "jsonl", "path": str(real_data("cases/capitals.jsonl")), "test_fraction": 0.5}
    specification = {"datasets": [data], "models": [candidate], "evaluators": ["qa-accuracy"]}
    Path("pipeline.yaml").write_text(json.dumps(specification), encoding="utf-8")

    assert 0 == main(command.split())
    assert "openai-compatible" in capsys.readouterr().out
    assert 0 == main(["run", "pipeline.yaml"])
    assert "2/2" in capsys.readouterr().out
