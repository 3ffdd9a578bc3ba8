"""What a run reads: found on this machine without a network, and what its records show before it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import Pipeline, Progress, UserError
from llmops_sdk.planning.inputs import first_record_checks, input_checks, record_checks
from llmops_sdk.planning.preflight import require, run_check
from llmops_sdk.plugin import Asset, FolderSource
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import MemoryStore


@pytest.mark.parametrize(
    ("text", "prompt", "expected"),
    [
        (None, "{instruction}", "error: the data file '{path}' does not exist"),
        ("", "{instruction}", "error: the file '{path}' has no records"),
        (
            '{"text": "q", "gold": "r"}',
            "{instruction}",
            "error: record 1 of 'rows.jsonl' has no field 'instruction'",
        ),
        (
            '{"instruction": "q", "response": "r", "topic": "t"}',
            "{topik}: {instruction}",
            "error: the prompt 'template' needs the field 'topik', which the first record lacks; its fields: ",
        ),
        (
            '{"instruction": "q", "response": "r", "topic": "t"}',
            "{topic}: {instruction}",
            "ok: has the fields instruction, context, response, topic; records: 1 to ask",
        ),
        (
            '{"instruction": "q", "response": "r"}\nbroken',
            "{instruction}",
            "error: line 2 of '{path}' is not JSON",
        ),
    ],
)
def test_a_first_record_shows_what_a_run_would_fail_on(
    registry: Registry, tmp_path: Path, text: str | None, prompt: str, expected: str
) -> None:
    """A missing file, a column under another name, and a prompt's field that no record has."""
    path = tmp_path / "rows.jsonl"
    path.write_text(text or "")
    made = Pipeline.builder("preview").with_dataset("jsonl", path=str(path)).with_prompt("template", prompt=prompt)
    made = made.with_model("echo", fine_tune=False).with_evaluator("echo-score")
    plan = made.build(registry)
    if text is None:
        path.unlink()
    (check,) = first_record_checks(plan, registry)
    finding = run_check(check)
    assert "dataset 'rows'" == check.name
    hint = f" ({finding.hint})" if finding.hint else ""
    assert f"{finding.status}: {finding.text}{hint}".startswith(expected.format(path=path))


@pytest.mark.parametrize(
    ("rows", "options", "expected"),
    [
        ("instruction,response\n", {}, "the file 'rows.csv' has no records after its header"),
        ("instruction,response\na,b\n", {"filter": {"instruction": "z"}}, "no record has instruction 'z'"),
        ("instruction,response\na,b\n", {"test_path": "{empty}"}, "the file 'empty.csv' has no records"),
    ],
)
def test_an_empty_test_split_is_an_error_of_a_plan_that_only_evaluates(
    registry: Registry, tmp_path: Path, rows: str, options: dict[str, Any], expected: str
) -> None:
    """A small file is loaded as a run would, and the message names it or the filter."""
    (tmp_path / "rows.csv").write_text(rows)
    (tmp_path / "empty.csv").write_text("instruction,response\n")
    if "test_path" in options:
        options = {"test_path": str(tmp_path / "empty.csv")}
    made = Pipeline.builder("e").with_dataset("file", path=str(tmp_path / "rows.csv"), **options).with_prompt("plain")
    (check,) = first_record_checks(
        made.with_model("echo", fine_tune=False).with_evaluator("echo-score").build(registry), registry
    )

    finding = run_check(check)

    assert "error" == finding.status
    assert finding.text.startswith(expected)


def test_deployers_show_what_the_records_mean_for_their_models(registry: Registry, tmp_path: Path) -> None:
    """Each model on each dataset; a dataset that cannot be read has its own check."""
    rows, answers = tmp_path / "rows.jsonl", tmp_path / "answers.csv"
    rows.write_text('{"id": 1, "instruction": "a", "response": "b"}\n{"id": 2, "instruction": "c", "response": "d"}\n')
    answers.write_text("id,output\n1,c\n2,d\n")
    made = Pipeline.builder("matched").with_dataset("jsonl", path=str(rows)).with_prompt("plain")
    made = made.with_model("echo", fine_tune=False).with_model("recorded", path=str(answers))
    plan = made.with_evaluator("echo-score").build(registry)

    (check,) = record_checks(plan, registry)

    assert "answers in answers.csv for the test records (rows)" == check.name
    assert "2 of 2 have an answer, joined by 'id'; answers in 'output'" == run_check(check).text
    rows.unlink()
    assert [] == list(record_checks(plan, registry))


def test_a_dataset_is_read_once_for_the_checks_of_all_models(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan of fifty candidates costs no fifty readings."""
    made = Pipeline.builder("many").with_dataset("lines", records=6).with_prompt("bare").with_evaluator("echo-score")
    for number in range(5):
        made = made.with_model("echo", name=f"m{number}", voice=f"direct-{number}", fine_tune=False)
    plan = made.build(registry)
    read: list[str] = []
    original = Registry.make

    def noted(self: Registry, kind: Any, *given: Any) -> Any:
        read.append(kind)
        return original(self, kind, *given)

    monkeypatch.setattr(Registry, "make", noted)

    list(record_checks(plan, registry))

    assert 1 == read.count("dataset")


def test_a_plan_shows_near_duplicates_of_a_small_file(registry: Registry, tmp_path: Path) -> None:
    """Where a model is fine-tuned: the file is loaded as a run would, and nothing is kept."""
    context = "a long text about the weather in the mountains, which is often worse than in the valley, where people wait for the snow to melt"
    rows = [f'{{"instruction": "Summarize.", "context": "{context} {n}", "response": "r"}}\n' for n in range(2)]
    (tmp_path / "train.jsonl").write_text(rows[0])
    (tmp_path / "test.jsonl").write_text(rows[1])
    paths = {"path": str(tmp_path / "train.jsonl"), "test_path": str(tmp_path / "test.jsonl")}
    pipeline = Pipeline.builder("near").with_dataset("jsonl", **paths).with_prompt("plain").with_evaluator("echo-score")
    (check,) = first_record_checks(pipeline.with_model("echo").build(registry), registry)
    finding = run_check(check)
    assert ("warning", True) == (finding.status, "1 of 1 test records have almost the same input" in finding.text)
    assert "'Summarize. a long text about the weather" in finding.text
    (check,) = first_record_checks(pipeline.with_model("echo", fine_tune=False).build(registry), registry)
    assert "ok" == run_check(check).status


def _pipeline() -> Pipeline:
    made = Pipeline.builder("inputs").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    return made.with_model("echo", name="m", fine_tune=False)


@pytest.fixture(name="uncached")
def _uncached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A pipeline whose evaluator reads an encoder of the hub that the cache lacks."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "empty"))
    encoder: dict[str, Any] = {"metrics": ["bertscore"], "bertscore_model": "roberta-large-mnli"}
    made = Pipeline.builder("far").with_dataset("lines").with_prompt("bare").with_model("echo")
    return made.with_evaluator("echo-score").with_evaluator("summarization-accuracy", **encoder)


def test_an_input_that_is_not_cached_is_an_error_without_a_network(
    uncached: Pipeline, registry: Registry, tmp_path: Path
) -> None:
    """Datasets, models and evaluators are checked, and nothing is fetched."""
    far = uncached.with_dataset("dolly").with_model("huggingface", weights="us/tiny", fine_tune=False)
    findings = {
        check.name: run_check(check)
        for check in input_checks(far.build(registry, offline=True), registry, tmp_path / "home")
    }

    assert {
        "dataset 'lines'": "ok",
        "dataset 'dolly'": "error",
        "model 'echo'": "ok",
        "model 'tiny'": "error",
        "evaluator 'echo-score'": "ok",
        "evaluator 'summarization-accuracy'": "error",
    } == {name: finding.status for name, finding in findings.items()}
    assert (
        "'roberta-large-mnli' is not in the Hugging Face cache" in findings["evaluator 'summarization-accuracy'"].text
    )
    with pytest.raises(
        UserError,
        match=r"^nothing was started: evaluator 'summarization-accuracy': .* is not in the Hugging Face cache",
    ):
        require(input_checks(uncached.build(registry, offline=True), registry, tmp_path / "home"), Progress())
    assert not (tmp_path / "home").exists()


def test_an_offline_run_that_lacks_an_input_does_not_start(
    uncached: Pipeline, registry: Registry, home: Path, asked: list[str]
) -> None:
    """It does not fail after training: there is no run, and no endpoint was asked."""
    store = MemoryStore()
    with pytest.raises(
        UserError,
        match=r"^nothing was started: evaluator 'summarization-accuracy': .* is not in the Hugging Face cache",
    ):
        uncached.run(store=store, offline=True, registry=registry, progress=Progress())

    assert [] == list(store.list(""))
    assert [] == asked
    assert not (home / "assets").exists()


def test_inputs_that_are_here_pass_without_a_network(registry: Registry, tmp_path: Path) -> None:
    """Files, components that read nothing, and assets of the plan, which the run fetches before its first step."""
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"instruction": "a", "response": "A"}\n', encoding="utf-8")
    plan = _pipeline().with_dataset("jsonl", path=str(rows)).with_evaluator("toxicity").build(registry, offline=True)
    findings = {check.name: run_check(check) for check in input_checks(plan, registry, tmp_path / "home")}

    assert {"ok"} == {finding.status for finding in findings.values()}
    assert findings["dataset 'rows'"].text.startswith("version ")
    assert "needs nothing more" == findings["model 'm'"].text
    assert "its version is known once the asset 'detoxify' is here" == findings["evaluator 'toxicity'"].text
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(("needs_network", "status"), [(False, "ok"), (True, "error")])
def test_an_asset_that_the_plan_does_not_name_must_be_available(
    *, needs_network: bool, status: str, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step may still fetch it from this machine, but not from a network."""
    source = FolderSource("the disk", (tmp_path,), {"words.txt": "words.txt"})
    object.__setattr__(source, "needs_network", needs_network)
    words = Asset("words", "a list of words", 5, {"words.txt": ""}, (source,))
    monkeypatch.setattr(Registry, "asset", lambda _self, _name: words)
    monkeypatch.setattr("llmops_sdk.testing.EchoScore.fingerprint", lambda _self, context: str(context.asset("words")))
    plan = (
        Pipeline.builder("p").with_dataset("lines").with_prompt("bare").with_model("echo").with_evaluator("echo-score")
    )
    *_, evaluator = input_checks(plan.build(registry, offline=True), registry, tmp_path / "home")

    assert status == run_check(evaluator).status


def test_models_are_not_checked_if_their_services_are_emulated(registry: Registry, tmp_path: Path) -> None:
    """Datasets and evaluators still are."""
    plan = _pipeline().with_executor("sagemaker-rehearsal").build(registry, offline=True)

    assert ["dataset 'lines'", "evaluator 'echo-score'"] == [
        check.name for check in input_checks(plan, registry, tmp_path)
    ]
