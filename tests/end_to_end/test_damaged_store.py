"""Every kind of file of a finished store, damaged in every way: no command fails with a traceback, and resuming repairs it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from llmops_sdk import Pipeline, Progress, resume
from llmops_sdk.cli.main import main
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.local_store import LocalStore
from llmops_sdk.record.run import Run
from llmops_sdk.record.runs import list_runs
from llmops_sdk.testing import InstantEndpoint, Refusal

SPECIFICATION = {
    "name": "echoes",
    "datasets": [{"use": "lines"}],
    "prompts": ["bare"],
    "models": [{"use": "echo", "name": "loud"}, {"use": "echo", "name": "quiet", "voice": "quiet", "fine_tune": False}],
    "evaluators": ["echo-score", "echo-probes"],
    "prices": "prices.yaml",
    "budget": {"usd": 5},
}

PRICES = "currency: USD\ntokens: {loud: {input: 1, output: 1}, quiet: {input: 1, output: 1}}\ntraining: {loud: 1}\n"

UNUSABLE = ("/run.json", "/plan.json")
"""Files without which a run cannot be resumed: the specification is run again."""

Damage = Callable[[Path], object]


def _alter(path: Path) -> None:
    data = bytearray(path.read_bytes())
    place = next((index for index in range(len(data) // 2, len(data)) if chr(data[index]).isalnum()), 0)
    data[place] = ord("x") if data[place] != ord("x") else ord("y")
    path.write_bytes(data)


DAMAGES: dict[str, Damage] = {
    "emptied": lambda path: path.write_bytes(b""),
    "halved": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "altered": _alter,
    "noise": lambda path: path.write_bytes(bytes(range(256)) * 2),
    "removed": lambda path: path.unlink(),
}


@pytest.fixture(name="store")
def _store(tmp_path: Path, home: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: ARG001
    """A store with two finished runs of one specification."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Registry, "load", classmethod(lambda _cls: registry))
    (tmp_path / "prices.yaml").write_text(PRICES, encoding="utf-8")
    (tmp_path / "echoes.yaml").write_text(yaml.safe_dump(SPECIFICATION), encoding="utf-8")
    for _ in range(2):
        assert 0 == main(["run", "echoes.yaml", "-q", "--offline"])
    (tmp_path / "llmops-runs").rename(tmp_path / "sound")
    return tmp_path / "sound"


def _kinds(store: Path) -> dict[str, Path]:
    """Return one file of each kind, of the latest run where it belongs to one."""
    latest = list_runs(LocalStore(store))[-1].run
    kinds: dict[str, Path] = {}
    for path in sorted(store.rglob("*")):
        name = path.relative_to(store).as_posix()
        other = name.startswith("locks/") or (name.startswith("runs/") and latest not in name)
        if path.is_file() and not other:
            kind = re.sub(r"[0-9a-f]{64}", "KEY", name.replace(latest, "RUN"))
            kinds.setdefault(re.sub(r"(steps|ledger|samples|logs)/(\w+)\.[^/]*?(\.\w+)$", r"\1/\2\3", kind), path)
    return kinds


def _means(run: Run) -> dict[str, float]:
    return {cell.cell: cell.estimates["exact"].mean for board in run.results().leaderboards for cell in board.cells}


@pytest.mark.parametrize(
    "damage",
    [name if name == "altered" else pytest.param(name, marks=pytest.mark.slow) for name in DAMAGES],
)
def test_a_damaged_file_hides_nothing(damage: str, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command ends with its own exit code and one line for each fault; the resumed run has the same results."""
    expected = {run.run: _means(Run.open(LocalStore(store), run.run)) for run in list_runs(LocalStore(store))}
    ids = list(expected)
    for kind, path in _kinds(store).items():
        work = store.parent / "llmops-runs"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(store, work)
        DAMAGES[damage](work / path.relative_to(store))
        capsys.readouterr()
        for command in (
            ["runs"], ["runs", "--json"], ["show", ids[-1]], ["show", "latest"], ["logs", ids[-1]], ["gc", "--offline"],
            ["verify", ids[-1]], ["verify", "--all"], ["report", ids[-1]], ["show", ids[0]], ["attach", ids[-1]],
            ["show", ids[-1], "--json"], ["gc", "--offline", "--json"], ["plan", "echoes.yaml", "--offline"],
        ):  # fmt: skip
            code = main(command)
            captured = capsys.readouterr()
            assert code in (0, 2, 3), (kind, command)
            assert "Traceback" not in captured.out + captured.err, (kind, command)
            if command[0] == "show" and code == 0 and command[1] in expected and "no results" not in captured.out:
                assert "1.000" in captured.out, (kind, command)
        if kind.endswith(UNUSABLE):
            assert 2 == main(["run", "--resume", ids[-1], "-q", "--offline"]), kind
            assert 0 == main(["run", "echoes.yaml", "-q", "--offline"]), kind
            continue
        assert main(["score", ids[-1], "-q", "--offline", "-e", "{use: echo-probes, name: again}"]) in (0, 2, 3), kind
        assert 0 == main(["run", "--resume", ids[-1], "-q", "--offline"]), (kind, capsys.readouterr())
        assert expected[ids[-1]] == _means(Run.open(LocalStore(work), ids[-1])), kind
        capsys.readouterr()
        if "/started" not in kind and "/costs/" not in kind:  # what was spent before cannot be made again
            code = main(["verify", ids[-1]])
            assert 0 == code, (kind, capsys.readouterr())
        assert 0 == main(["run", "echoes.yaml", "-q", "--offline"]), kind


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_journal_costs_its_damaged_lines_only(
    damage: str, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the questions of damaged lines and those that had failed are asked again; an altered answer is never used."""
    refused = {f"line {number}" for number in range(0, 40, 5)}

    def answer(prompt: str) -> str:
        if prompt in refused:
            raise Refusal(400, "rate limit reached")
        return prompt.upper()

    monkeypatch.setattr("llmops_sdk.steps.client.client.ATTEMPTS", 1)
    endpoint = InstantEndpoint(answer)
    pipeline = Pipeline.builder("echoes").with_dataset("lines", records=40).with_prompt("bare")
    pipeline = pipeline.with_model("echo", fine_tune=False, deployer={"url": endpoint.url})
    pipeline = pipeline.with_evaluator("echo-score")
    try:
        result = pipeline.run(store=tmp_path, registry=registry, progress=Progress())
        (journal,) = tmp_path.glob("artifacts/generations/*/segments/*.jsonl")
        before = journal.read_bytes().splitlines(keepends=True)
        DAMAGES[damage](journal)
        after = journal.read_bytes().splitlines(keepends=True) if journal.exists() else []
        refused.clear()
        endpoint.prompts.clear()
        resumed = resume(result.run.id, store=tmp_path, registry=registry, progress=Progress())
    finally:
        endpoint.close()

    kept = [line for line in before if line in after and b'"type":"Answered"' in line]
    assert len(before) - len(kept) == len(endpoint.prompts) == len(set(endpoint.prompts))
    (cell,) = resumed.leaderboards[0].cells
    assert (len(before), 0, 1.0) == (cell.answered, cell.pending, cell.estimates["exact"].mean)


@pytest.mark.parametrize("run_json", ["emptied", "halved"])
def test_a_broken_run_record_hides_no_other_run(
    run_json: str, store: Path, real_data: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands of the reported case: the broken run is named in one line, the other is listed, shown and searched."""
    case = real_data("cases/broken-run-record/case.md").read_text(encoding="utf-8")
    (commands,) = re.findall(r"\*\*Command:\*\* `(.*)`", case)
    broken, sound = (run.run for run in list_runs(LocalStore(store)))
    shutil.copytree(store, store.parent / "llmops-runs")
    DAMAGES[run_json](store.parent / "llmops-runs" / "runs" / broken / "run.json")

    shown = {}
    for command in commands.split("; "):
        code = main(command.removeprefix("llmops ").split())
        captured = capsys.readouterr()
        shown[command.split()[1]] = captured.out
        lines = [line for line in (captured.out + captured.err).split("\n") if f"run {broken}: " in line]
        assert 1 == len(lines), command
        assert (3 if command.split()[1] in ("runs", "gc") else 0) == code, command
        assert "Traceback" not in captured.out + captured.err, command
    assert sound in shown["runs"]
    assert "Mean Exact match of loud: 1.000" in " ".join(shown["show"].split())
    assert "runs left nothing behind" in shown["gc"]
