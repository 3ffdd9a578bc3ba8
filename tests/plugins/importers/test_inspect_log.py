from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from llmops_plugins.importers.inspect_log import Inspect
from llmops_plugins.importers.options import ToolImportOptions
from llmops_sdk.errors import DataError, MissingExtraError

from .inspect_substitute import make_library
from .reading import Read, read


@pytest.fixture(autouse=True)
def _library(monkeypatch: pytest.MonkeyPatch) -> None:
    package, library = ModuleType("inspect_ai"), make_library()
    monkeypatch.setattr(package, "log", library, raising=False)
    monkeypatch.setitem(sys.modules, "inspect_ai", package)
    monkeypatch.setitem(sys.modules, "inspect_ai.log", library)


def sample(number: int, value: Any, **changes: Any) -> dict[str, Any]:
    """A sample of a log."""
    return {
        "id": number,
        "epoch": 1,
        "input": f"What is {number}?",
        "target": str(number),
        "metadata": {"document": f"d{number}"},
        "output": {
            "model": "tiny-1",
            "completion": f"It is {number}.",
            "choices": [{"stop_reason": "stop"}],
            "usage": {"input_tokens": 6, "output_tokens": 3, "reasoning_tokens": 1},
            "time": 0.25,
        },
        "scores": {"match": {"value": value}},
        **changes,
    }


def write(path: Path, samples: list[dict[str, Any]], **changes: Any) -> Path:
    """Write a log in the JSON form of version 2."""
    info = {
        "task": "numbers",
        "task_version": 2,
        "model": "openai/tiny",
        "created": "2026-11-29T12:00:00+00:00",
        "dataset": {"name": "numbers", "samples": len(samples)},
        "packages": {"inspect_ai": "0.3.285"},
        "model_generate_config": {"max_connections": 9},
        "scorers": [{"name": "match", "options": {"location": "end"}}],
    }
    plan = {"name": "plan", "steps": [], "config": {"temperature": 0.0, "max_tokens": 12}}
    value = {"version": 2, "status": "success", "eval": info, "plan": plan, "samples": samples, **changes}
    path.write_text(json.dumps(value, indent=2))
    return path


def read_one(path: Path, **options: str) -> Read:
    (one,) = read(Inspect(ToolImportOptions(**options)), path)
    return one


def test_samples_are_rows_with_the_marks_as_numbers(tmp_path: Path) -> None:
    """Correct, incorrect, partial and no answer count as Inspect itself counts them; the sample's ID pairs rows."""
    path = write(tmp_path / "a.json", [sample(number, letter) for number, letter in enumerate("CIPN")])

    one = read_one(path)

    assert ("openai/tiny", "numbers") == (one.results.candidate, one.results.dataset)
    assert {"match": (True, (0.0, 1.0))} == one.metrics
    assert [1.0, 0.0, 0.5, 0.0] == one.scores("match")
    assert ["0", "1", "2", "3"] == [row.key for row in one.rows]
    assert {"prompt": "What is 1?", "target": "1"} == one.rows[1].must_agree
    answer = one.rows[1].answer
    assert answer
    assert ("It is 1.", 6, 3, 1, "stop", "tiny-1", 0.25) == (
        answer.output, answer.prompt_tokens, answer.output_tokens, answer.reasoning_tokens, answer.finish_reason, answer.model,
        answer.latency,
    )  # fmt: skip


def test_what_decides_the_scores_must_agree(tmp_path: Path) -> None:
    """The task's version, the scorers with their options, and the generation; not the connections."""
    one = read_one(write(tmp_path / "a.json", [sample(1, "C")]))

    assert {
        "task version in Inspect": "2", "scorers in Inspect": '[{"name": "match", "options": {"location": "end"}}]',
        "generation temperature": "0", "generation max_tokens": "12",
    } == one.results.must_agree  # fmt: skip
    assert ("0.3.285", "success") == (one.results.details["version"], one.results.details["status"])


def test_a_score_with_several_values_is_several_metrics(tmp_path: Path) -> None:
    """Values that are lists or texts are left out, and the details name them."""
    scores = {
        "judge": {"value": {"f1": 0.5, "warmth": 3, "grade": "A"}},
        "yes_no": {"value": True},
        "list": {"value": [1, 2]},
    }

    one = read_one(write(tmp_path / "a.json", [sample(1, "C", scores=scores)]))

    assert {
        "judge/f1": (None, None), "judge/warmth": (None, None), "yes_no": (True, (0.0, 1.0))
    } == one.metrics  # fmt: skip
    assert "judge/grade, list" == one.results.details["scores left out"]
    assert {"judge/f1": 0.5, "judge/warmth": 3.0, "yes_no": 1.0} == (one.rows[0].answer and one.rows[0].answer.scores)


def test_epochs_have_one_key(tmp_path: Path) -> None:
    """The repeats of a sample count as one record."""
    one = read_one(write(tmp_path / "a.json", [sample(1, "C"), sample(1, "I", epoch=2)]))

    assert ["1", "1"] == [row.key for row in one.rows]


def test_failed_and_unscored_samples_are_missing(tmp_path: Path) -> None:
    """An error of the model's service is not the candidate's; NaN is a sample that was not scored."""
    broken = sample(2, "C", error={"message": "APIError: 500\nTraceback"}, scores=None)
    samples = [sample(1, "C"), broken, sample(3, None, scores={}), sample(4, float("nan"))]

    one = read_one(write(tmp_path / "a.json", samples))

    assert ["", "APIError: 500", "Inspect gave it no score", "Inspect gave it no score"] == [
        row.error for row in one.rows
    ]
    assert [False, True, True, True] == [row.is_missing for row in one.rows]
    assert [False, True, False, False] == [row.answer is None for row in one.rows]


def test_a_chat_is_shown_as_its_messages(tmp_path: Path) -> None:
    """One message is the question; several are shown with their roles."""
    one_message = [{"role": "user", "text": "Hi?"}]
    chat = [{"role": "system", "text": "Be brief."}, *one_message]
    samples = [sample(1, "C", input=one_message), sample(2, "C", input=chat, choices=["a", "b"], target=["a", "b"])]

    one = read_one(write(tmp_path / "a.json", samples), group="metadata.document")

    assert ["Hi?", "system: Be brief.\n\nuser: Hi?"] == [row.record["instruction"] for row in one.rows]
    assert (["a", "b"], "a\nb", "d2") == (
        one.rows[1].record["choices"],
        one.rows[1].record["response"],
        one.rows[1].group,
    )


def test_a_folder_has_all_its_logs(tmp_path: Path) -> None:
    """As `inspect eval` leaves them."""
    for name in ("a", "b"):
        write(tmp_path / f"{name}.json", [sample(1, "C")])

    assert 2 == len(read(Inspect(ToolImportOptions()), tmp_path))


def test_logs_are_recognized_by_their_content(tmp_path: Path) -> None:
    """An .eval file is an archive with a header, or with a journal while it is written."""
    importer = Inspect(ToolImportOptions())
    for member in ("header.json", "_journal/start.json", "word/document.xml"):
        with zipfile.ZipFile(tmp_path / "a.eval", "w") as archive:
            archive.writestr(member, "{}")
        assert (member != "word/document.xml") == importer.recognizes(tmp_path / "a.eval")
    (tmp_path / "a.eval").write_bytes((tmp_path / "a.eval").read_bytes()[:20])
    assert importer.recognizes(tmp_path / "a.eval"), "a log that is cut off is refused as such"
    (tmp_path / "b.json").write_text('{"version": 2, "results": {}}')
    for path in (tmp_path / "b.json", tmp_path / "none.eval"):
        assert not importer.recognizes(path)


def test_a_log_without_scores_is_refused(tmp_path: Path) -> None:
    """The message has the first error, if there is one."""
    broken = sample(1, "C", error={"message": "no key"}, scores=None)

    with pytest.raises(DataError, match=r"a.json' has no scores: no key; its status is 'error'$"):
        read_one(write(tmp_path / "a.json", [broken], status="error"))


def test_a_damaged_log_is_refused_in_one_line(tmp_path: Path) -> None:
    """Whatever the library raises."""
    path = write(tmp_path / "a.json", [sample(1, "C")])
    path.write_text(path.read_text()[:-5])

    with pytest.raises(DataError, match=r"a.json' is not a complete log of Inspect: Expecting .*$"):
        read_one(path)


def test_the_library_is_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the message has the command that installs it."""
    monkeypatch.setitem(sys.modules, "inspect_ai.log", None)

    with pytest.raises(MissingExtraError, match=r"reading Inspect's logs needs inspect-ai: pip install .*\[inspect\]"):
        read_one(write(tmp_path / "a.json", [sample(1, "C")]))
