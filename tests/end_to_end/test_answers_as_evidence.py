"""Whole runs against servers that answer as people reported them: what is an answer, what is asked again, what is no 0."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Result, resume
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.answers import Pending

RealData = Callable[[str], Path]
Serve = Callable[[Path], str]


@pytest.fixture(name="serve")
def _serve() -> Iterator[Serve]:
    """Serve the function `answer(body, number)` of a file; a text is an answer in the form of text generation."""
    servers: list[ThreadingHTTPServer] = []

    def serve(script: Path) -> str:
        found = importlib.util.spec_from_file_location("server_of_a_case", script)
        assert found is not None
        assert found.loader is not None
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                reply: Any = module.answer(body, 0)
                if isinstance(reply, str):
                    reply = (200, {"generated_text": reply, "details": {"finish_reason": "stop"}}, {})
                status, content, headers = reply
                data = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Keep requests out of the test's output."""

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/v1/chat/completions"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@attrs.frozen
class Runs:
    """Runs pipelines in one store, without output."""

    store: LocalStore
    registry: Registry

    def run(self, pipeline: Pipeline) -> Result:
        return pipeline.run(store=self.store, registry=self.registry, progress=Progress())

    def resume(self, result: Result) -> Result:
        return resume(result.run.id, store=self.store, registry=self.registry, progress=Progress())


@pytest.fixture(name="runs")
def _runs(home: Path, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Runs:  # noqa: ARG001 - its cache
    monkeypatch.setattr("llmops_sdk.steps.client.client.LONGEST_WAIT", 0.01)
    return Runs(LocalStore(tmp_path / "runs"), registry)


def pipeline_on(data: Path, folder: Path, url: str = "", **model: Any) -> Pipeline:
    """All rows of a file are test records; the base model is not trained."""
    train = folder / "train.jsonl"
    train.write_text(json.dumps({"instruction": "Not asked.", "context": "", "response": "Nothing."}) + "\n")
    pipeline = (
        Pipeline.builder("case").with_dataset("jsonl", path=str(train), test_path=str(data)).with_prompt("alpaca")
    )
    deployer: dict[str, Any] = {"deployer": {"url": url}} if url else {}
    return pipeline.with_model("echo", fine_tune=False, **deployer, **model)


def board_text(result: Result) -> str:
    return result.leaderboards[0].verdict.text


def test_a_failure_of_the_server_is_no_answer(real_data: RealData, serve: Serve, runs: Runs, tmp_path: Path) -> None:
    """A status of 200 with an engine's or a gateway's error: pending, and not scored."""
    case = real_data("cases/engine-error-scored")
    url = serve(case / "server.py")

    result = runs.run(pipeline_on(case.parent / "capitals.jsonl", tmp_path, url).with_evaluator("qa-accuracy"))

    (cell,) = result.leaderboards[0].cells
    failed = [sample for sample in result.run.samples(cell.cell) if isinstance(sample.outcome, Pending)]
    assert {"Italy", "Peru"} == {sample.record["context"] for sample in failed}
    assert (2, 2, 4) == (cell.pending, cell.answered, cell.records)
    assert (2, 1.0) == (cell.estimates["f1"].records, cell.estimates["f1"].mean)
    assert "2 of 4 records of echo have no F1 over words." in board_text(result)


def test_a_judges_failure_is_asked_again(
    real_data: RealData, serve: Serve, runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six times 503 for one record, then well: resume asks about that record only, and the next run about none."""
    monkeypatch.setenv("LLMOPS_STORE", str(tmp_path))
    case = real_data("cases/judge-failure-frozen")
    url = serve(case / "judge.py")
    log = tmp_path / "asked"
    pipeline = pipeline_on(case.parent / "capitals.jsonl", tmp_path)
    pipeline = pipeline.with_evaluator("llm-judge", url=url, model="m", concurrency=1)

    def pending(result: Result) -> int:
        return sum(sum(cell.pending_scores.values()) for board in result.leaderboards for cell in board.cells)

    first = runs.run(pipeline)
    assert 6 == log.read_text().split().count("Italy")
    assert 1 == pending(first)
    log.write_text("")
    again = runs.run(pipeline)
    assert ["Italy"] * 6 == log.read_text().split()
    assert 1 == pending(again)
    log.write_text("")
    (tmp_path / "mended").touch()
    assert 0 == pending(runs.resume(first))
    assert 0 == pending(runs.run(pipeline))
    assert ["Italy"] == log.read_text().split()


def test_the_forms_of_reasoning_models_are_judgments(
    real_data: RealData, serve: Serve, runs: Runs, tmp_path: Path
) -> None:
    """Content as parts is read; content that is null was cut off while the model reasoned, and the reason is given."""
    case = real_data("cases/content-parts-null")
    url = serve(case / "judge.py")

    result = runs.run(pipeline_on(case / "three.jsonl", tmp_path).with_evaluator("llm-judge", url=url, model="m"))

    (cell,) = result.leaderboards[0].cells
    judged = {
        sample.record["context"]: sample.scores.get("judge", sample.score_errors.get("llm-judge"))
        for sample in result.run.samples(cell.cell)
    }
    reason = "the answer was cut off at max_new_tokens while the model was reasoning: raise max_new_tokens"
    assert {"France": 3, "Italy": f"the judge did not answer: {reason}", "Spain": 5} == judged


def test_reasoning_in_an_answer_is_not_scored(real_data: RealData, serve: Serve, runs: Runs, tmp_path: Path) -> None:
    """The case think-tags: what comes after the reasoning is scored, and the sample has both."""
    case = real_data("cases/think-tags")
    url = serve(case / "server.py")

    result = runs.run(pipeline_on(case.parent / "capitals.jsonl", tmp_path, url).with_evaluator("qa-accuracy"))

    (cell,) = result.leaderboards[0].cells
    assert (1.0, 1.0) == (cell.estimates["exact_match"].mean, cell.estimates["f1"].mean)
    answers = [sample.answer for sample in result.run.samples(cell.cell)]
    assert ["Paris", "Rome", "Madrid", "Lima"] == [answer.output for answer in answers if answer]
    assert all(answer and answer.reasoning.startswith("The user wants the capital of ") for answer in answers)


def test_rouge_of_other_scripts_decides_nothing(real_data: RealData, serve: Serve, runs: Runs, tmp_path: Path) -> None:
    """Perfect copies and nonsense alike: no number, no best candidate, and the reason."""
    case = real_data("cases/rouge-non-latin")
    nonsense, perfect = serve(case.parent / "fixed.py"), serve(case / "copies.py")
    pipeline = pipeline_on(case / "copy.jsonl", tmp_path, perfect, name="perfect")
    pipeline = pipeline.with_model("echo", fine_tune=False, name="nonsense", voice="quiet", deployer={"url": nonsense})

    result = runs.run(pipeline.with_evaluator("summarization-accuracy", metrics=("rougeL",)))

    (board,) = result.leaderboards
    assert "" == board.verdict.best
    assert "No candidate has a ROUGE-L on" in board_text(result)
    for cell in board.cells:
        assert {} == cell.estimates
        assert {"summarization-accuracy": 4} == cell.unscored
        assert "ROUGE reads the letters a-z and digits only" in cell.reasons["summarization-accuracy"]
