"""The journal of a judge: what is stored is not asked again, after a kill too."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from llmops_plugins.metrics.judge.journal import FILE, Journal, Judgment, reported_models
from llmops_sdk import Secret
from llmops_sdk.plugin import Context

from .conftest import Serve, generation, graded, judge

_PROGRAM = """
    import sys
    from pathlib import Path
    from llmops_plugins.metrics.judge.evaluator import LlmJudge
    from llmops_plugins.metrics.judge.options import JudgeOptions
    from llmops_sdk.plugin import Answer, Generation, TextPrompt
    from llmops_sdk.testing import make_context

    fields = {"instruction": "x", "context": "x", "response": "x"}
    generations = [Generation(index, fields, TextPrompt("?", ""), Answer(f"output {index:02}")) for index in range(30)]
    scores = LlmJudge(JudgeOptions(url=sys.argv[2])).evaluate(make_context(Path(sys.argv[1])), generations)
    print([(score.index, score.scores["judge"]) for score in scores])
"""


@pytest.mark.parametrize("kill_at", [1, 14, 30])
def test_a_killed_scoring_continues_where_it_was(kill_at: int, tmp_path: Path, serve: Serve) -> None:
    """Killed with -9 at some request, it has stored all answers except those in flight; a second run asks only the others."""
    folder = tmp_path / "step"
    client: list[subprocess.Popen[str]] = []
    numbers = itertools.count(1)
    started, tick = threading.Event(), threading.Event()

    def stored() -> int:
        journal = folder / FILE
        return journal.read_bytes().count(b"\n") if journal.exists() else 0

    def answer(prompt: str) -> str:
        number = next(numbers)
        started.wait(20)
        until = time.monotonic() + 20
        while stored() < number - 4 and time.monotonic() < until:  # four requests are in flight at a time
            tick.wait(0.005)
        if number == kill_at:
            os.kill(client[0].pid, signal.SIGKILL)
            client[0].wait()
        return graded(prompt)

    def run(url: str) -> subprocess.Popen[str]:
        program = [sys.executable, "-c", textwrap.dedent(_PROGRAM), str(folder), url]
        return subprocess.Popen(program, stdout=subprocess.PIPE, text=True)

    with run(serve(answer).url) as killed:
        client.append(killed)
        started.set()
        assert -signal.SIGKILL == killed.wait(60)
    answers = stored()
    assert kill_at - 4 <= answers < 30

    second = serve()
    with run(second.url) as again:
        out, _ = again.communicate(timeout=60)

    assert f"{[(index, float(index % 5 + 1)) for index in range(30)]}" == out.strip()
    assert 30 - answers == len(second.prompts) == len(set(second.prompts))


def test_a_truncated_line_is_dropped_and_asked_again(step: Context, serve: Serve) -> None:
    """The lines before it are not asked again, and those written after it can be read."""
    endpoint = serve()
    records = [generation(index) for index in range(3)]
    first = judge(step, records, url=endpoint.url, concurrency=1)
    journal = step.folder / FILE
    journal.write_bytes(journal.read_bytes()[:-9])

    assert first == judge(step, records, url=endpoint.url) == judge(step, records, url=endpoint.url)
    assert 4 == len(endpoint.prompts)


def test_a_complete_journal_needs_no_judge(step: Context, serve: Serve) -> None:
    """No server and no key; another prompt is asked."""
    endpoint = serve()
    first = judge(step, [generation(0)], url=endpoint.url)

    assert first == judge(step, [generation(0)], url="https://judge.example/v1", api_key=Secret("env:NO_SUCH_KEY"))
    judge(step, [generation(0, "another output")], url=endpoint.url)
    assert 2 == len(endpoint.prompts)


def test_answers_are_found_by_their_keys_in_a_reopened_journal(tmp_path: Path) -> None:
    """The names of the models are kept beside them, each once."""
    journal = Journal(tmp_path)
    assert journal.is_empty
    journal.add("a", Judgment("Score: 1", "stop"))
    journal.add_model("judge-1")
    journal.add("b", Judgment("half \n of a line"))
    journal.close()
    journal = Journal(tmp_path)

    assert Judgment("Score: 1", "stop") == journal.find("a")
    assert Judgment("half \n of a line") == journal.find("b")
    assert None is journal.find("c")
    assert {"judge-1"} == journal.models
    assert not journal.is_empty
    journal.close()
    assert ("judge-1",) == reported_models(tmp_path)
    assert () == reported_models(tmp_path / "empty")
