"""Values to JSON and back: the same value, the same hash, and mistakes refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import CellResult, Estimate, Leaderboard, Results, Speed, Verdict
from llmops_sdk.plugin import (
    Answer,
    Answered,
    BaseModel,
    ChatTemplate,
    CompareStep,
    Failed,
    GenerationOptions,
    Outcome,
    Pending,
    PromptTemplate,
    RecordScore,
    Scored,
    ServableModel,
    Split,
    Step,
    StepRecord,
    Succeeded,
    TextTemplate,
    TrainedModel,
    TrainingPoint,
    TrainStep,
    Unanswered,
    Unscored,
)
from llmops_sdk.values.secrets import Secret
from llmops_sdk.values.serial import canonical, digest, explain, file_sha256, from_json, to_json, to_line

ESTIMATE = Estimate(0.5, 0.4, 0.6, 40)
BASE = BaseModel("huggingface", "weights", "v1")
TRAINED = TrainedModel(
    "huggingface", "model", BASE, metrics={"steps": 3.0}, curve=(TrainingPoint(1, 10, 0.5, 2.0, None),)
)
CELL = CellResult("c", "a", "m", "p", True, 4, 3, {"f1": ESTIMATE}, {"e": 1}, Speed(4, 0.1, 0.2, None), TRAINED, {})
VALUES: list[tuple[Any, Any]] = [
    (Split(Path("a/b.jsonl"), 3, "00"), Split),
    (TextTemplate("{a}", stop=("x",)), PromptTemplate),
    (ChatTemplate(({"role": "user", "content": "{a}"},)), PromptTemplate),
    (BASE, ServableModel),
    (TRAINED, ServableModel),
    (Scored(1, {"f1": 0.5}), RecordScore),
    (Unscored(1, "empty"), RecordScore),
    (Pending(1, "busy"), RecordScore),
    (Pending(1, "busy"), Outcome),
    (Unanswered(1, "refused"), Outcome),
    (Answered(1, Answer("yes", 3, 1, "stop", reasoning="since", cost=0.25)), Outcome),
    (Succeeded("s", {"a": "b/c"}, False, 1.0, 2.0), StepRecord),
    (Failed("s", "e", "", "s", 1.0, 2.0), StepRecord),
    (TrainStep("t", "m", "p", "d", ("prepare.d",)), Step),
    (CompareStep("compare", ()), Step),
    (
        Results("r", "n", (Leaderboard("d", "f1", (CELL,), (), (), Verdict("a", True, (), "t")),), ()),
        Results,
    ),
]


@pytest.mark.parametrize(("value", "cls"), VALUES)
def test_round_trip(value: Any, cls: Any) -> None:
    """What is written as JSON text and read back is equal, unions by their tag."""
    text = json.dumps(to_json(value, cls))

    assert value == from_json(json.loads(text), cls)


def test_a_line_has_no_defaults() -> None:
    """Fields with their default are left out of a line, at every depth; reading fills them in."""
    outcome = Answered(3, Answer("yes", output_tokens=1))

    line = to_line(outcome, Outcome)

    assert b'{"answer":{"output":"yes","output_tokens":1},"index":3,"type":"Answered"}\n' == line
    assert outcome == from_json(json.loads(line), Outcome)


def test_hashes_do_not_depend_on_the_order_of_keys() -> None:
    """One value has one canonical form."""
    assert canonical({"b": 1, "a": "ä"}) == '{"a":"ä","b":1}'.encode()
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"max_new_tokens": "5"}, "expected a whole number, found '5' in max_new_tokens"),
        ({"max_new_tokens": True}, "expected a whole number, found True in max_new_tokens"),
        ({"temperature": "1"}, "expected a number, found '1' in temperature"),
        ({"tempreature": 1}, "unknown key 'tempreature'; did you mean 'temperature'?"),
        ({"top_p": 2}, "'top_p' must be <= 1"),
    ],
)
def test_mistakes_are_refused_in_one_line(data: dict[str, Any], message: str) -> None:
    """A wrong type is an error, not converted; so is an unknown key."""
    with pytest.raises(Exception) as failure:  # noqa: PT011 - cattrs groups the causes
        from_json(data, GenerationOptions)

    assert message in explain(failure.value)
    assert "\n" not in explain(failure.value)


def test_a_union_without_its_tag_is_refused() -> None:
    """The tag decides, never a guess from the fields."""
    with pytest.raises(
        ValueError, match="expected a 'type' of TextTemplate or ChatTemplate or FunctionTemplate, found None"
    ):
        from_json({"prompt": "x"}, PromptTemplate)


def test_a_secret_is_written_as_its_reference() -> None:
    """JSON holds the reference; plain text is refused without being repeated."""
    assert "env:TOKEN" == to_json(Secret("env:TOKEN"))
    assert Secret("env:TOKEN") == from_json("env:TOKEN", Secret)
    with pytest.raises(Exception) as failure:  # noqa: PT011 - cattrs groups the causes
        from_json("hunter2", Secret)
    assert "hunter2" not in str(failure.value)


def test_file_hash(tmp_path: Path) -> None:
    """The hash is that of the bytes."""
    (tmp_path / "f").write_bytes(b"abc")

    assert "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" == file_sha256(tmp_path / "f")
