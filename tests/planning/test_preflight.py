"""Preflight: the checks of a plan, and what happens with their findings."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from llmops_sdk import LocalStore, Pipeline, Progress, Run, UserError
from llmops_sdk.assets.asset import get_asset
from llmops_sdk.cli.output.findings import show_findings
from llmops_sdk.pipeline.execution import resume
from llmops_sdk.planning.preflight import (
    first_record_checks,
    input_checks,
    machine_checks,
    preflight_checks,
    record_checks,
    require,
    run_check,
    scoring_checks,
)
from llmops_sdk.plugin import (
    Asset,
    BaseModel,
    Check,
    DeployerCard,
    DeployerOptions,
    EvaluatorCard,
    EvaluatorOptions,
    ExecutorCard,
    Finding,
    FolderSource,
    Metric,
    hookimpl,
)
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import EchoEndpoint, EchoScore, MemoryStore

FINDINGS: dict[str, Finding] = {}


def _check(name: str) -> Check:
    return Check(name, lambda: FINDINGS.get(name, Finding("ok", "fine")))


@attrs.frozen(kw_only=True)
class CheckedOptions(DeployerOptions):
    """The options of a deployer that needs an account and a quota."""

    def preflight(self, base: BaseModel, settings: Mapping[str, Any]) -> Iterator[Check]:
        assert base.source
        assert not settings
        yield _check("account")
        yield _check("quota")


@attrs.frozen(kw_only=True)
class CheckedEvaluatorOptions(EvaluatorOptions):
    """The options of an evaluator that needs a tool, and an asset that a run does not fetch."""

    def assets(self) -> tuple[str, ...]:
        return ("tool-box",)

    def local_checks(self) -> Iterator[Check]:
        yield _check("tool")


class CheckedEvaluator(EchoScore):
    """An evaluator that is never run here."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        return (Metric("checked"),)


class Emulating:
    """An executor that is never run here."""

    remote = False


class Remote(Emulating):
    """An executor whose steps run on other machines; it is never run here."""

    remote = True

    def __init__(self, _options: Any) -> None:
        """Take no option."""


@pytest.fixture(name="plugins")
def _plugins(registry: Registry) -> Iterator[Registry]:
    module = types.ModuleType("checked_hooks")

    @hookimpl
    def llmops_cards() -> tuple[Any, ...]:
        deployer = DeployerCard(
            name="checked",
            summary="x",
            load=f"{EchoEndpoint.__module__}:EchoEndpoint",
            options=CheckedOptions,
            accepts=("echo",),
        )
        emulating = ExecutorCard(name="emulating", summary="x", load=f"{__name__}:Emulating", emulates_services=True)
        remote = ExecutorCard(name="remote", summary="x", load=f"{__name__}:Remote")
        evaluator = EvaluatorCard(
            name="checked",
            summary="x",
            load=f"{__name__}:CheckedEvaluator",
            options=CheckedEvaluatorOptions,
        )
        return deployer, emulating, remote, evaluator

    @hookimpl
    def llmops_assets() -> tuple[Asset, ...]:
        folder = FolderSource("a folder", (Path(__file__).parent,), {"tool": Path(__file__).name})
        return (Asset("tool-box", "x", 1, files={"tool": ""}, sources=(folder,), on_request=True),)

    module.llmops_cards = llmops_cards  # type: ignore[attr-defined]
    module.llmops_assets = llmops_assets  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    registry.add("checked", module)
    FINDINGS.clear()
    yield registry
    del sys.modules[module.__name__]


def pipeline(*names: str) -> Pipeline:
    made = Pipeline.builder("checked").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    for number, name in enumerate(names or ("m",)):
        made = made.with_model("echo", name=name, fine_tune=False, deployer="checked", voice=f"v{number}")
    return made


def test_each_check_is_run_once(plugins: Registry) -> None:
    """Two models on the same account have one check of it."""
    checks = preflight_checks(pipeline("a", "b").build(plugins), plugins)

    assert ["account", "quota"] == [check.name for check in checks]


def test_a_run_is_refused_before_anything_is_written(plugins: Registry, tmp_path: Path) -> None:
    """The message has every error and how to fix it, in one line."""
    FINDINGS.update(
        account=Finding("error", "there is no role", "make one"), quota=Finding("error", "it is 0, and 1 is needed")
    )
    with pytest.raises(UserError) as raised:
        pipeline().run(store=tmp_path / "runs", registry=plugins)

    message = "nothing was started: account: there is no role; make one -- quota: it is 0, and 1 is needed"
    assert message == str(raised.value)
    assert not list(LocalStore(tmp_path / "runs").list(""))


def test_an_executor_that_emulates_the_services_needs_no_checks(plugins: Registry) -> None:
    """Trainers and deployers ask no service then."""
    assert () == preflight_checks(pipeline().with_executor("emulating").build(plugins), plugins)


def test_a_check_that_fails_is_an_error() -> None:
    """The finding names the exception."""

    def broken() -> Finding:
        raise ZeroDivisionError

    line = broken.__code__.co_firstlineno + 1
    expected = Finding("error", f"the check itself failed: ZeroDivisionError (test_preflight.py:{line})")
    assert expected == run_check(Check("x", broken))


def test_a_plan_shows_only_warnings_and_errors(plugins: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    """Checks without a problem are not listed."""
    FINDINGS["quota"] = Finding("warning", "only one is left")

    assert not show_findings(preflight_checks(pipeline().build(plugins), plugins), quiet=True)
    out = capsys.readouterr().out
    assert "quota: only one is left" in out
    assert "account" not in out


def test_resuming_is_refused_too(plugins: Registry, tmp_path: Path) -> None:
    """A resumed run may create resources."""
    run = Run.create(LocalStore(tmp_path / "runs"), pipeline().build(plugins))
    FINDINGS["account"] = Finding("error", "there is no role")

    with pytest.raises(UserError, match="account: there is no role"):
        resume(run.id, store=tmp_path / "runs", registry=plugins, progress=Progress())


# -- what scoring needs ---------------------------------------------------------------------------


def scored(executor: str = "local") -> Pipeline:
    """Return a pipeline with the checked evaluator."""
    return pipeline().with_evaluator("checked").with_executor(executor)


def statuses(checks: Iterable[Check]) -> dict[str, str]:
    """Return the status of each check."""
    return {check.name: run_check(check).status for check in checks}


def test_a_run_does_not_start_without_what_its_evaluators_need(plugins: Registry, home: Path, tmp_path: Path) -> None:
    """It does not fetch an asset that is fetched on request only; nothing is asked or written."""
    FINDINGS["tool"] = Finding("error", "it is missing", "buy one")
    message = (
        "nothing was started: asset tool-box: it is not on this machine; llmops assets get tool-box"
        " -- tool: it is missing; buy one"
    )

    with pytest.raises(UserError, match=f"^{message}$"):
        scored().run(store=tmp_path / "runs", registry=plugins, progress=Progress())

    assert not list(LocalStore(tmp_path / "runs").list(""))
    assert not (home / "assets").exists()


def test_what_evaluators_need_is_checked_on_the_machine_that_scores(plugins: Registry, home: Path) -> None:
    """On another machine, the step fetches the asset."""
    here, remote = scored().build(plugins), scored("remote").build(plugins)

    assert {"asset tool-box": "error", "tool": "ok"} == statuses(machine_checks(here, plugins, home))
    assert {"asset tool-box": "error", "tool": "ok"} == statuses(scoring_checks(here, plugins, home))
    assert {"asset tool-box": "warning"} == statuses(machine_checks(remote, plugins, home))
    get_asset(plugins.asset("tool-box"), home, progress=Progress())
    assert {"asset tool-box": "ok", "tool": "ok"} == statuses(machine_checks(here, plugins, home))


# -- without a network --------------------------------------------------------------------------


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


def test_inputs_that_are_here_pass_without_a_network(plugins: Registry, tmp_path: Path) -> None:
    """Files, components that read nothing, and assets of the plan, which the run fetches before its first step."""
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"instruction": "a", "response": "A"}\n', encoding="utf-8")
    plan = pipeline().with_dataset("jsonl", path=str(rows)).with_evaluator("toxicity").build(plugins, offline=True)
    findings = {check.name: run_check(check) for check in input_checks(plan, plugins, tmp_path / "home")}

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


def test_models_are_not_checked_if_their_services_are_emulated(plugins: Registry, tmp_path: Path) -> None:
    """Datasets and evaluators still are."""
    plan = pipeline().with_executor("emulating").build(plugins, offline=True)

    assert ["dataset 'lines'", "evaluator 'echo-score'"] == [
        check.name for check in input_checks(plan, plugins, tmp_path)
    ]


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


def test_offline_only_the_checks_of_this_machine_are_made(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as whether a key is set: the server is not asked."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    pipeline = Pipeline.builder("hosted").with_dataset("lines").with_prompt("bare").with_evaluator("echo-score")
    plan = pipeline.with_model("openai/gpt-4o-mini").build(registry, offline=True)

    (check,) = preflight_checks(plan, registry, offline=True)

    assert "key OPENAI_API_KEY" == check.name
    assert "set the environment variable 'OPENAI_API_KEY'" in run_check(check).text
    assert 2 == len(preflight_checks(plan, registry))


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
