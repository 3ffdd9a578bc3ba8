"""What keeps scores from being compared is found and named."""

from __future__ import annotations

import attrs
import pytest

from llmops_sdk import Run
from llmops_sdk.gate.evidence import read_evidence
from llmops_sdk.gate.identity import EvaluatorIdentity, Identity, find_differences, identify

THEN = Identity(
    "bare",
    "aa",
    {"temperature": 0.0, "max_new_tokens": 64},
    {"judge": EvaluatorIdentity("judge", "k1", "c1", {"model": "small"})},
    {"grade": "judge"},
)


def test_the_identity_of_a_candidate(finished: Run) -> None:
    """Prompt, options and evaluators; only the evaluators of the metrics that are asked for."""
    evidence = read_evidence(finished)

    identity = identify(evidence, "loud", {"exact"})

    assert "bare" == identity.prompt
    assert {"exact": "echo-score"} == identity.metrics
    assert "echo-score" == identity.evaluators["echo-score"].use
    assert 128 == identity.generation["max_new_tokens"]
    assert [] == list(find_differences(identity, identify(evidence, "quiet", {"exact"}), "exact"))


@pytest.mark.parametrize(
    ("kind", "text", "now"),
    [
        ("prompt", "the template of the prompt ('bare' then, 'chat' now)", {"prompt": "chat", "prompt_key": "bb"}),
        ("prompt", "the template of the prompt ('bare')", {"prompt_key": "bb"}),
        ("generation", "max_new_tokens (64 then, 128 now)", {"generation": {}}),
        (
            "evaluators",
            "the evaluator of the metric ('judge' then, 'other' now)",
            {"evaluators": {"judge": EvaluatorIdentity("other", "k1")}},
        ),
        (
            "evaluators",
            "the options or the version of evaluator 'judge'",
            {"evaluators": {"judge": EvaluatorIdentity("judge", "k2", "c1", {"model": "small"})}},
        ),
        (
            "evaluators",
            "the code of evaluator 'judge'",
            {"evaluators": {"judge": EvaluatorIdentity("judge", "k1", "c2", {"model": "small"})}},
        ),
        (
            "evaluators",
            "model of evaluator 'judge' (small then, none now)",
            {"evaluators": {"judge": EvaluatorIdentity("judge", "k1", "c1", {})}},
        ),
    ],
)
def test_each_difference_is_named(kind: str, text: str, now: dict[str, object]) -> None:
    """What differs, how it was and how it is; a renamed prompt with the same template does not differ."""
    assert [(kind, text)] == list(find_differences(THEN, attrs.evolve(THEN, **now), "grade"))  # type: ignore[arg-type]
    assert [] == list(find_differences(THEN, attrs.evolve(THEN, prompt="renamed"), "grade"))


def test_an_option_of_a_later_version_has_its_default() -> None:
    """A baseline without an option that a later version has is not another one."""
    now = attrs.evolve(THEN, generation={**THEN.generation, "top_p": 1.0})

    assert [] == list(find_differences(THEN, now, "grade"))
