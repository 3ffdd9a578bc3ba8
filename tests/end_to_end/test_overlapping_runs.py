"""Two runs at once, in processes of their own, whose candidates or evaluators are the same in part."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from llmops_sdk.testing import InstantEndpoint

_PROGRAM = """
    import sys
    import llmops_sdk.testing
    from llmops_sdk import Pipeline
    from llmops_sdk.progress import Progress
    from llmops_sdk.plugin.registry import Registry

    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    store, url, prompts, words = sys.argv[1:]
    pipeline = Pipeline.builder("overlapping").with_dataset("lines", records=24, test_fraction=0.5)
    for prompt in prompts.split(","):
        pipeline = pipeline.with_prompt("bare", name=prompt) if prompt == "bare" else pipeline.with_prompt(
            "template", name=prompt, prompt=prompt + ": {context}")
    pipeline = pipeline.with_model("echo", fine_tune=False, deployer={"url": url}).with_evaluator("echo-score")
    if words:
        pipeline = pipeline.with_evaluator("echo-probes", words=words.split(","))
    result = pipeline.run(store=store, registry=registry, progress=Progress())
    sys.exit(len(result.failures))
"""

# Of each run: its prompts, and the words of its probes.
_PAIRS = [
    (("bare", ""), ("bare", "again")),
    (("bare,one", ""), ("bare,two", "")),
    (("one,bare", "again"), ("bare,one", "once")),
    (("two", "again,once"), ("one,two", "again,once")),
    (("bare", ""), ("bare", "")),
    (("bare,one,two", ""), ("two,one,bare", "")),
    (("bare", "again,once"), ("bare,one", "again,once")),
    (("one", "again"), ("bare,one,two", "")),
    (("bare,two", "twice"), ("two,bare", "twice")),
    (("one,two", "once"), ("two", "again")),
]


@pytest.mark.parametrize(
    ("first", "second"),
    [_PAIRS[2], *(pytest.param(*pair, marks=pytest.mark.slow) for pair in _PAIRS if pair is not _PAIRS[2])],
)
def test_no_question_is_asked_twice(first: tuple[str, str], second: tuple[str, str], tmp_path: Path) -> None:
    """Prompts and probes that both runs have are asked by one of them, the others by their run; neither run fails."""
    have_met = threading.Event()

    def answer(prompt: str) -> str:
        assert have_met.wait(60)
        return prompt.upper()

    endpoint = InstantEndpoint(answer)
    try:
        runs = [_start(tmp_path, endpoint.url, *specification) for specification in (first, second)]
        _wait_for_both(tmp_path)  # no question is answered before
        have_met.set()
        assert [0, 0] == [run.wait(120) for run in runs]
    finally:
        have_met.set()
        endpoint.close()

    twice = {prompt: count for prompt, count in Counter(endpoint.prompts).items() if count > 1}
    assert {} == twice
    prompts = {prompt for names, _ in (first, second) for prompt in names.split(",")}
    assert len(endpoint.prompts) >= 12 * len(prompts)


def test_probes_in_another_order_are_a_set_of_their_own(tmp_path: Path) -> None:
    """Neither run fails; both ask their probes, and one of them the records."""
    endpoint = InstantEndpoint()
    try:
        runs = [_start(tmp_path, endpoint.url, "bare", words) for words in ("again,once", "once,again")]
        assert [0, 0] == [run.wait(120) for run in runs]
    finally:
        endpoint.close()

    counts = Counter(endpoint.prompts)
    assert {1: 12, 2: 24} == Counter(counts.values())


def _wait_for_both(folder: Path) -> None:
    """Wait until both runs have a record in the store."""
    until = time.monotonic() + 50
    while len(list(folder.glob("runs/runs/*/run.json"))) < 2:
        assert time.monotonic() < until, "the runs did not start"
        time.sleep(0.01)


def _start(folder: Path, url: str, prompts: str, words: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "LLMOPS_HOME": str(folder / "home")}
    program = textwrap.dedent(_PROGRAM)
    arguments = [str(folder / "runs"), url, prompts, words]
    return subprocess.Popen([sys.executable, "-c", program, *arguments], env=environment)
