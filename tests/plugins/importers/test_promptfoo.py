from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.importers.options import ToolImportOptions
from llmops_plugins.importers.promptfoo import Promptfoo
from llmops_sdk.errors import DataError

from .reading import Read, read, write_lines

CHECKS = [{"type": "equals", "value": "{{answer}}", "metric": "exact_match"}]


def result(number: int, score: float, provider: str = "strong", **changes: Any) -> dict[str, Any]:
    """A result in version 3 of the form."""
    question = f"What is {number}?"
    return {
        "cost": 0.002,
        "gradingResult": {"pass": score == 1, "score": score, "reason": "-", "componentResults": [
            {"pass": score == 1, "score": score, "assertion": CHECKS[0], "metadata": {"renderedAssertionValue": "7"}}
        ]},
        "id": f"{provider}-{number}",
        "latencyMs": 250,
        "namedScores": {"exact_match": score},
        "prompt": {"raw": question, "label": "{{question}}"},
        "promptId": "7ed7f",
        "promptIdx": 0,
        "provider": {"id": "openai:chat:x", "label": provider},
        "response": {"output": f"It is {number}.", "tokenUsage": {"total": 9, "prompt": 6, "completion": 3}, "finishReason": "stop"},
        "score": score,
        "success": score == 1,
        "testCase": {"vars": {"question": question, "id": number}, "assert": CHECKS},
        "testIdx": number,
        "vars": {"question": question, "id": number},
        "failureReason": 0 if score == 1 else 1,
        **changes,
    }  # fmt: skip


def write(path: Path, results: list[dict[str, Any]], **config: Any) -> Path:
    """Write a results file in version 3 of the form."""
    value = {
        "evalId": "eval-abc",
        "results": {
            "version": 3, "timestamp": "2026-11-29T12:00:00.000Z", "prompts": [], "results": results, "stats": {"successes": 1}
        },
        "config": {"description": "numbers", **config},
        "shareableUrl": None,
        "metadata": {"promptfooVersion": "0.121.3"},
    }  # fmt: skip
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")
    return path


def read_all(path: Path, **options: str) -> list[Read]:
    return read(Promptfoo(ToolImportOptions(**options)), path)


def test_each_provider_is_a_candidate(tmp_path: Path) -> None:
    """Its results are paired by the variables of the test; tokens, latency and cost stay with the answer."""
    results = [result(number, float(number % 2), provider) for number in (1, 2) for provider in ("strong", "weak")]

    strong, weak = read_all(write(tmp_path / "results.json", results))

    assert [("strong", "numbers"), ("weak", "numbers")] == [
        (one.results.candidate, one.results.dataset) for one in (strong, weak)
    ]
    assert [row.key for row in strong.rows] == [row.key for row in weak.rows]
    assert [1.0, 0.0] == strong.scores("exact_match") == strong.scores("score") == strong.scores("pass")
    assert {
        "exact_match": (True, (0.0, 1.0)), "score": (True, None), "pass": (True, (0.0, 1.0))
    } == strong.metrics  # fmt: skip
    answer = strong.rows[0].answer
    assert answer
    assert ("It is 1.", 6, 3, "stop", 0.25, 0.002) == (
        answer.output, answer.prompt_tokens, answer.output_tokens, answer.finish_reason, answer.latency, answer.cost
    )  # fmt: skip
    assert {"instruction": "What is 1?", "vars": {"question": "What is 1?", "id": 1}, "response": "7"} == strong.rows[
        0
    ].record
    assert ("promptfoo", "0.121.3") == (strong.results.details["tool"], strong.results.details["version"])


def test_each_prompt_of_a_provider_is_a_candidate(tmp_path: Path) -> None:
    """They are called by the prompt's label if it is short, else by its number."""
    long = "You are a helpful assistant.\n{{question}}"
    results = [
        result(1, 1.0, promptId="a", prompt={"raw": "Hi", "label": "short"}),
        result(1, 1.0, promptId="b", prompt={"raw": "Hello", "label": long}),
    ]

    assert ["strong short", "strong prompt 2"] == [
        one.results.candidate for one in read_all(write(tmp_path / "results.json", results))
    ]


def test_prompt_assertions_and_generation_must_agree(tmp_path: Path) -> None:
    """The prompt as it was sent, what was asserted, and the provider's options of the generation."""
    providers = [
        {"id": "openai:chat:x", "label": "strong", "config": {"temperature": 0, "max_tokens": 12, "apiKey": "sk-1"}}
    ]

    (one,) = read_all(write(tmp_path / "results.json", [result(1, 1.0)], providers=providers))

    assert {"generation temperature": "0", "generation max_tokens": "12"} == one.results.must_agree
    assert ["assertions in promptfoo", "prompt"] == sorted(one.rows[0].must_agree)
    assert "What is 1?" == one.rows[0].must_agree["prompt"]


def test_a_provider_that_failed_is_missing(tmp_path: Path) -> None:
    """So is a result whose grader failed; a failed assertion is a score of the candidate."""
    no_answer = result(2, 0.0, failureReason=2, error="API error: 500\nat fetch", response={"error": "API error: 500"})
    no_grade = result(3, 0.0, failureReason=2, error="x")
    no_grade["gradingResult"]["componentResults"][0] |= {"reason": "no JSON", "metadata": {"graderError": True}}
    results = [result(1, 0.0), no_answer, no_grade]

    (one,) = read_all(write(tmp_path / "results.json", results))

    assert ["", "API error: 500", "the grader failed: no JSON"] == [row.error for row in one.rows]
    assert [False, True, True] == [row.is_missing for row in one.rows]
    assert [0.0, None, None] == one.scores("score")
    assert one.rows[1].answer is None
    assert one.rows[2].answer
    assert "It is 3." == one.rows[2].answer.output


def test_a_repeated_test_has_one_key(tmp_path: Path) -> None:
    """With --repeat a test is asked several times: its scores count as one record."""
    (one,) = read_all(write(tmp_path / "results.json", [result(1, 1.0), result(1, 0.0)]))

    assert 1 == len({row.key for row in one.rows})


def test_a_cached_answer_has_no_latency(tmp_path: Path) -> None:
    """The time is that of the cache; a cost of 0 is what the tool writes where it knows no price."""
    cached = result(1, 1.0, response={"output": "a", "cached": True}, cost=0)

    (one,) = read_all(write(tmp_path / "results.json", [cached]))

    assert one.rows[0].answer
    assert (None, None) == (one.rows[0].answer.latency, one.rows[0].answer.cost)


def test_one_result_a_line_is_read_too(tmp_path: Path) -> None:
    """`promptfoo eval -o results.jsonl` writes no description."""
    (one,) = read_all(write_lines(tmp_path / "results.jsonl", [result(1, 1.0), result(2, 0.0)]), id="vars.id")

    assert ("strong", "promptfoo", ["1", "2"]) == (
        one.results.candidate, one.results.dataset, [row.key for row in one.rows]
    )  # fmt: skip


def test_version_2_of_the_form_is_read(tmp_path: Path) -> None:
    """Its table repeats the results, and a provider may be a text."""
    old = {**result(1, 1.0), "provider": {"id": "openai:chat:old"}}
    for name in ("promptId", "promptIdx", "testIdx", "testCase"):
        del old[name]
    path = tmp_path / "results.json"
    results = {"version": 2, "results": [old], "table": {"head": {}, "body": []}, "stats": {}}
    path.write_text(json.dumps({"results": results, "config": {}}))

    (one,) = read_all(path)

    assert ("openai:chat:old", [1.0]) == (one.results.candidate, one.scores("score"))


def test_scores_that_are_texts_are_refused(tmp_path: Path) -> None:
    """The message names the result."""
    results = [result(1, 1.0), result(2, 0.0, namedScores={"exact_match": "good"})]

    with pytest.raises(
        DataError, match=r"^the score 'exact_match' of result 2 of 'results.json': 'good' is no number$"
    ):
        read_all(write(tmp_path / "results.json", results))


@pytest.mark.parametrize("length", [0.3, 0.9, 0.99])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, length: float) -> None:
    """Wherever it ends, in one line."""
    path = write(tmp_path / "results.json", [result(number, 1.0) for number in range(20)])
    text = path.read_text()
    path.write_text(text[: int(len(text) * length)])

    with pytest.raises(DataError, match=r"results.json' is not JSON .*; is the file cut off or still being written\?$"):
        list(Promptfoo(ToolImportOptions()).read(None, path))  # type: ignore[arg-type]  # it needs no context
    assert Promptfoo(ToolImportOptions()).recognizes(path)


def test_a_file_without_results_is_refused(tmp_path: Path) -> None:
    """A run without tests has none."""
    with pytest.raises(DataError, match=r"has no results$"):
        read_all(write(tmp_path / "results.json", []))


def test_other_files_are_not_recognized(tmp_path: Path) -> None:
    """Others have `results` too."""
    other = tmp_path / "a.json"
    other.write_text('{"results": {"task": {"acc": 1}}, "configs": {}}')

    for path in (other, tmp_path, tmp_path / "none.json", write_lines(tmp_path / "a.jsonl", [{"id": 1}])):
        assert not Promptfoo(ToolImportOptions()).recognizes(path)
