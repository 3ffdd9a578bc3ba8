"""Generated packages pass their own tests at once, and are clean under linters."""

from __future__ import annotations

import importlib.util
import inspect
import os
import site
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Progress, Registry
from llmops_sdk.cli.new.names import LONGEST, PackageNames
from llmops_sdk.cli.new.package import KINDS, write_package, write_pipeline
from llmops_sdk.errors import UserError

LONG = "a-name-of-thirty-letters-abcde"


def generate(kind: str, name: str, into: Path) -> Path:
    """Write a package of a kind."""
    return write_package(KINDS[kind], PackageNames(name), into)


def load_tests(folder: Path) -> dict[str, Callable[..., None]]:
    """Return the test functions of a generated package."""
    (path,) = (folder / "tests").glob("test_*.py")
    spec = importlib.util.spec_from_file_location(f"generated_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: value for name, value in vars(module).items() if name.startswith("test_")}


@pytest.mark.parametrize("kind", KINDS)
def test_a_generated_package_passes_its_own_tests(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Without a change: it keeps the rules of plugins, and a run uses it."""
    folder = generate(kind, f"own-{kind}", tmp_path)
    monkeypatch.syspath_prepend(folder / "src")

    tests = load_tests(folder)

    assert len(tests) >= 2
    for test in tests.values():
        test(**{name: request.getfixturevalue(name) for name in inspect.signature(test).parameters})


def test_generated_packages_are_formatted_and_clean(tmp_path: Path) -> None:
    """With the shortest and the longest name, as the linter and formatter want them without further settings."""
    assert LONGEST == len(LONG)
    for kind in KINDS:
        for name in ("y", LONG):
            generate(kind, name, tmp_path / kind)

    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert 0 == done.returncode, done.stdout


def test_a_package_has_what_its_readme_names(tmp_path: Path) -> None:
    """Three commands, and the files that it describes."""
    folder = generate("metric", "tone", tmp_path)

    text = (folder / "README.md").read_text(encoding="utf-8")
    assert ["pip", "pytest", "llmops"] == [line.split()[1] for line in text.splitlines() if line.startswith("$ ")]
    assert "llmops plugins evaluator tone" in text
    for name in ("src/llmops_tone/hooks.py", "src/llmops_tone/metric.py", "tests/test_metric.py"):
        assert f"`{name}`" in text
        assert (folder / name).exists()
    assert (folder / "src/llmops_tone/py.typed").exists()
    assert [folder] == list(tmp_path.iterdir())


def test_an_existing_folder_or_file_is_not_replaced(tmp_path: Path) -> None:
    """Nothing is written."""
    (tmp_path / "llmops-tone").mkdir()
    (tmp_path / "first.yaml").write_text("mine", encoding="utf-8")

    with pytest.raises(UserError, match="llmops-tone' exists: choose another name, or another folder with --into"):
        generate("metric", "tone", tmp_path)
    with pytest.raises(UserError, match=r"first\.yaml' exists"):
        write_pipeline("first", tmp_path)

    assert [] == list((tmp_path / "llmops-tone").iterdir())
    assert "mine" == (tmp_path / "first.yaml").read_text(encoding="utf-8")


def test_the_specification_can_be_planned(tmp_path: Path) -> None:
    """Each kind of key is in it, with a comment; what it says in comments can be planned as well."""
    path = write_pipeline("first", tmp_path / "new")

    plan = Pipeline.from_yaml(path).plan(offline=True)
    assert ("first", ["base"]) == (plan.name, [cell.candidate for cell in plan.cells])
    text = path.read_text(encoding="utf-8")
    assert "llmops run first.yaml" in text
    path.write_text(text.replace("  # - {use", "  - {use"), encoding="utf-8")
    assert 2 == len(Pipeline.from_yaml(path).plan(offline=True).cells)


def test_the_specification_runs(registry: Registry, tmp_path: Path) -> None:
    """As it is, but with a model that answers at once in place of the one that is downloaded."""
    path = write_pipeline("first", tmp_path)

    pipeline = Pipeline.from_yaml(path, overrides=("models.0.use=echo",))
    result = pipeline.run(store=tmp_path / "runs", registry=registry, offline=True, progress=Progress())

    (cell,) = result.leaderboards[0].cells
    assert ("base", 12) == (cell.candidate, cell.answered)
    assert result.run.read("report.html")


@pytest.mark.slow
def test_generated_packages_are_typed(tmp_path: Path) -> None:
    """As mypy's strict mode wants it."""
    folders = [generate(kind, f"typed-{kind}", tmp_path) for kind in KINDS]
    paths = [str(folder / part) for folder in folders for part in ("src", "tests")]
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--cache-dir",
        str(tmp_path / "cache"),
        "--strict",
        "--explicit-package-bases",
    ]
    bases = ":".join([*paths, os.environ.get("MYPYPATH", "")]).rstrip(":")
    environment = {**os.environ, "MYPYPATH": bases}

    done = subprocess.run(
        [*command, *paths], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_an_installed_package_passes_its_tests(tmp_path: Path) -> None:
    """In a virtual environment that has what this one has, and with the fixtures as pytest finds them."""
    folder = generate("metric", "tone", tmp_path)
    environment = tmp_path / "venv"
    venv.create(environment, symlinks=True)
    (packages,) = (environment / "lib").glob("python*/site-packages")
    ours = [path for path in site.getsitepackages() if Path(path).is_dir()]
    (packages / "ours.pth").write_text(
        "".join(f"import site; site.addsitedir({path!r})\n" for path in ours), encoding="utf-8"
    )
    install = [sys.executable, "-m", "pip", "--python", str(environment), "install", "-q", "--no-deps"]
    install += ["--no-build-isolation", "--no-index", "--disable-pip-version-check", "."]
    subprocess.run(install, cwd=folder, check=True)

    python = str(environment / "bin" / "python")
    fixtures = ["-p", "llmops_sdk.testing.pytest_plugin"] if not _is_installed() else []
    done = run(python, folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", *fixtures)

    assert "3 passed" in done
    assert "tone, of llmops-tone 0.1.0" in run(
        python, folder, "-m", "llmops_sdk.cli.main", "plugins", "evaluator", "tone"
    )


def run(python: str, folder: Path, *arguments: str) -> str:
    """Run a command in a folder, and return what it prints."""
    done = subprocess.run([python, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def _is_installed() -> bool:
    """Whether this installation has the entry point of the fixtures."""
    from importlib.metadata import entry_points

    return any(point.value == "llmops_sdk.testing.pytest_plugin" for point in entry_points(group="pytest11"))
