"""The GitHub action: its steps run as a runner runs them, on the example in `examples/ci-gate`, with the comments' API on loopback."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml

from llmops_sdk.cli.main import main

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
WORKFLOW = yaml.safe_load((ROOT / "examples" / "ci-gate" / "workflow.yaml").read_text(encoding="utf-8"))
PLACEHOLDER = re.compile(r"\$\{\{ *([\w.-]+) *\}\}")


@attrs.define
class Comments:
    """The comments of a pull request, behind GitHub's API.

    Attributes:
        url: Of the API.
        bodies: Comment ID to its text.
        refusal: The status that every request is refused with; 0 for none.
        requests: Method and path of each request.
    """

    url: str = ""
    bodies: dict[int, str] = attrs.field(factory=dict)
    refusal: int = 0
    requests: list[str] = attrs.field(factory=list)


@pytest.fixture(name="comments")
def _comments() -> Iterator[Comments]:
    """A pull request with 100 other comments."""
    comments = Comments(bodies=dict.fromkeys(range(100), "another comment"))

    class Handler(BaseHTTPRequestHandler):
        def answer(self, status: int, data: Any) -> None:
            body = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def handle_any(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
            comments.requests.append(f"{self.command} {self.path}")
            if comments.refusal or self.headers["Authorization"] != "Bearer secret":
                self.answer(comments.refusal or 401, {"message": "Resource not accessible by integration"})
            elif self.command == "GET":
                page = int(re.findall(r"page=(\d+)$", self.path)[0])
                listed = [{"id": number, "body": text} for number, text in comments.bodies.items()]
                self.answer(200, listed[100 * (page - 1) : 100 * page])
            elif self.command == "POST":
                comments.bodies[1000 + len(comments.bodies)] = body["body"]
                self.answer(201, {})
            else:
                comments.bodies[int(self.path.rpartition("/")[2])] = body["body"]
                self.answer(200, {})

        def do_GET(self) -> None:
            self.handle_any()

        def do_POST(self) -> None:
            self.handle_any()

        def do_PATCH(self) -> None:
            self.handle_any()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    comments.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield comments
    server.shutdown()
    server.server_close()


@attrs.define
class Runner:
    """Runs the steps of a composite action as GitHub's runner does.

    Attributes:
        folder: Where the steps run.
        temp: The runner's own folder.
        api: The URL of GitHub's API.
        outputs: What the steps wrote, by `steps.ID.outputs.NAME`.
        codes: The exit code of each step that ran, by its name.
        log: What they printed.
    """

    folder: Path
    temp: Path
    api: str
    outputs: dict[str, str] = attrs.field(factory=dict)
    codes: dict[str, int] = attrs.field(factory=dict)
    log: str = ""

    def run(self, inputs: Mapping[str, str], pull_request: str = "7") -> int:
        """Run every step up to the first that fails, and return its exit code."""
        self.outputs, self.codes, self.log = {}, {}, ""
        values = {f"inputs.{name}": spec.get("default", "") for name, spec in ACTION["inputs"].items()}
        values |= {f"inputs.{name}": value for name, value in inputs.items()}
        values |= {"github.token": "secret", "github.event.pull_request.number": pull_request}
        for step in ACTION["runs"]["steps"]:
            if "if" in step:
                comment, number = step["if"].split(" && ")
                assert "inputs.comment == 'true'" == comment
                if values["inputs.comment"] != "true" or not values[number]:
                    continue
            code = self._step(step, values)
            self.codes[step["name"]] = code
            if code:
                return code
        return 0

    @property
    def summary(self) -> str:
        """The summary of the job."""
        return (self.temp / "summary.md").read_text(encoding="utf-8")

    def _step(self, step: Mapping[str, Any], values: Mapping[str, str]) -> int:
        def resolve(text: str) -> str:
            known = {**values, **self.outputs}
            return PLACEHOLDER.sub(lambda match: resolve(known[match[1]]), text)

        (self.temp / "output").write_text("", encoding="utf-8")
        variables = {
            "PATH": f"{self.temp / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.temp),
            "LLMOPS_HOME": str(self.temp / "home"),
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_API_URL": self.api,
            "GITHUB_OUTPUT": str(self.temp / "output"),
            "GITHUB_REPOSITORY": "org/project",
            "GITHUB_STEP_SUMMARY": str(self.temp / "summary.md"),
            "RUNNER_TEMP": str(self.temp),
            **{name: resolve(text) for name, text in step.get("env", {}).items()},
        }
        script = self.temp / "step.sh"
        script.write_text(step["run"], encoding="utf-8")
        assert not PLACEHOLDER.search(step["run"]), (
            "an expression in a script is a way to run a title or a branch's name"
        )
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.folder,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        self.log += done.stdout + done.stderr
        for line in (self.temp / "output").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            self.outputs[f"steps.{step.get('id', '')}.outputs.{name}"] = value
        return done.returncode


@pytest.fixture(name="runner")
def _runner(tmp_path: Path, comments: Comments, home: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:  # noqa: ARG001
    """A clean folder with the example, of which the pipeline ran."""
    folder, temp = tmp_path / "repository", tmp_path / "temp"
    shutil.copytree(ROOT / "examples" / "ci-gate", folder / "examples" / "ci-gate")
    (temp / "bin").mkdir(parents=True)
    llmops = temp / "bin" / "llmops"
    llmops.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m llmops_sdk.cli.main "$@"\n', encoding="utf-8")
    llmops.chmod(0o755)
    monkeypatch.chdir(folder)
    assert 0 == main(["run", "examples/ci-gate/pipeline.yaml", "--quiet"])
    return Runner(folder, temp, comments.url)


def _strict(folder: Path, text: str) -> str:
    (folder / "gate.yaml").write_text(text, encoding="utf-8")
    return "gate.yaml"


def test_the_example_passes_and_one_comment_is_replaced(runner: Runner, comments: Comments) -> None:
    """GO as in the workflow; then NO-GO: the job fails, and the same comment has the new answer."""
    (used,) = [step for step in WORKFLOW["jobs"]["gate"]["steps"] if step.get("uses") == "./"]

    assert 0 == runner.run(used["with"]), runner.log
    assert ["Gate", "Comment on the pull request", "Answer"] == list(runner.codes)
    (number,) = [
        number for number, text in comments.bodies.items() if text.startswith("<!-- llmops-gate: ticket-router -->")
    ]
    assert "GO: `router` of `ticket-router`" in comments.bodies[number]
    assert comments.bodies[number] == runner.summary
    assert "POST /repos/org/project/issues/7/comments" == comments.requests[-1]

    file = _strict(runner.folder, "exact: {at_least: 0.97}")
    assert 4 == runner.run({"file": file, "candidate": "router", "run": "ticket-router"}), runner.log
    assert {"Gate": 0, "Comment on the pull request": 0, "Answer": 4} == runner.codes
    assert "NO-GO" == runner.outputs["steps.gate.outputs.outcome"]
    assert f"PATCH /repos/org/project/issues/comments/{number}" == comments.requests[-1]
    assert "NO-GO: `router`" in comments.bodies[number]
    assert 101 == len(comments.bodies)
    assert Path(runner.outputs["steps.gate.outputs.junit"]).exists()


@pytest.mark.slow
def test_inconclusive_refused_and_without_a_comment(runner: Runner, comments: Comments) -> None:
    """Each ends with its exit code; what is refused writes no comment, nor does a push without a pull request."""
    file = _strict(runner.folder, "exact: {at_least: 0.89}")
    assert 5 == runner.run({"file": file, "comment": "false"}), runner.log
    assert ("INCONCLUSIVE", ["Gate", "Answer"]) == (runner.outputs["steps.gate.outputs.outcome"], list(runner.codes))
    assert 5 == runner.run({"file": file}, pull_request="")
    assert [] == comments.requests

    file = _strict(runner.folder, "exact: {not_worse_than: gone.json, margin: 0.1}")
    assert 2 == runner.run({"file": file})
    assert ["Gate"] == list(runner.codes)
    assert "there is no file 'gone.json' for the baseline" in runner.log


@pytest.mark.slow
def test_a_comment_that_is_refused_is_a_warning(runner: Runner, comments: Comments) -> None:
    """A pull request from a fork has no token that may write; the answer is that of the gate all the same."""
    comments.refusal = 403

    assert 0 == runner.run({"file": "examples/ci-gate/pipeline.yaml"}), runner.log
    assert "::warning::the comment on the pull request was refused: 403 Forbidden" in runner.log
    runner.api = "http://127.0.0.1:9"
    assert 0 == runner.run({"file": "examples/ci-gate/pipeline.yaml"}), runner.log
    assert "::warning::the comment on the pull request could not be written: " in runner.log


@pytest.mark.slow
def test_inputs_are_no_commands(runner: Runner) -> None:
    """What a pull request may contain reaches the shell as text."""
    assert 2 == runner.run({"file": "$(touch gone); `touch gone`", "candidate": '"; touch gone; "'})

    assert not (runner.folder / "gone").exists()


def test_the_workflow_and_the_action_fit_together() -> None:
    """The workflow may write comments, and gives the action inputs that it has; every output is written by a step."""
    steps = WORKFLOW["jobs"]["gate"]["steps"]

    assert {"contents": "read", "pull-requests": "write"} == WORKFLOW["permissions"]
    (used,) = [step for step in steps if step.get("uses") == "./"]
    assert set(used["with"]) <= set(ACTION["inputs"])
    scripts = "".join(step["run"] for step in ACTION["runs"]["steps"])
    for output in ACTION["outputs"].values():
        name = re.findall(r"steps\.gate\.outputs\.(\w+)", output["value"])[0]
        assert f'echo "{name}=' in scripts
