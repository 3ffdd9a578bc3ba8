"""What is shipped to a container: wheels of local code, and pinned requirements."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.sagemaker.pipeline import shipping
from llmops_plugins.sagemaker.pipeline.shipping import ship
from llmops_sdk import Pipeline, SpecError
from llmops_sdk.plugin.registry import Registry

from .one_file import one_file_plugin

THIRD_PARTY = Path(__file__).parents[3] / "third_party"


def pipeline(evaluator: str = "echo-score") -> Pipeline:
    base = Pipeline.builder("ship").with_dataset("lines").with_prompt("bare").with_model("echo", fine_tune=False)
    return base.with_evaluator(evaluator)


def requirement_of(monkeypatch: pytest.MonkeyPatch, folder: Path, origin: Mapping[str, Any] | None) -> str:
    """Return the requirement line of a distribution with this installation record."""
    import json

    class Installed:
        version = "1.2"

        def read_text(self, _name: str) -> str | None:
            return None if origin is None else json.dumps(origin)

    monkeypatch.setattr(shipping, "distribution", lambda _name: Installed())
    return shipping._requirement("lead", ["x"], folder)


def test_the_project_is_shipped_as_a_wheel_if_installed_from_its_folder(registry: Registry, tmp_path: Path) -> None:
    """The wheel has the plugins; the requirements have the extra of steps and the exact version of the SageMaker SDK."""
    shipment = ship(pipeline().build(registry), registry, tmp_path, sagemaker_version="2.253.1")
    (wheel,) = tmp_path.glob("llmops_sdk-*.whl")

    assert f"./sagemaker_remote_function_workspace/{wheel.name}[sagemaker]" == shipment.requirements[0]
    assert "sagemaker==2.253.1" == shipment.requirements[-1]
    with zipfile.ZipFile(wheel) as archive:
        assert "llmops_plugins/sagemaker/pipeline/steps.py" in archive.namelist()


def test_only_wheels_are_staged(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory with its secrets is not shipped."""
    home, staging = tmp_path / "cwd", tmp_path / "staging"
    home.mkdir()
    staging.mkdir()
    (home / ".env").write_text("CANARY", encoding="utf-8")
    monkeypatch.chdir(home)
    ship(pipeline().build(registry), registry, staging, sagemaker_version="2.253.1")

    assert {".whl"} == {path.suffix for path in staging.rglob("*")}
    assert not [path for path in staging.iterdir() if b"CANARY" in path.read_bytes()]


def test_the_requirements_have_the_extras_of_the_steps(registry: Registry, tmp_path: Path) -> None:
    """`local` for a local model, `metrics` for its metrics; the dataset's extra is only needed on the client."""
    base = Pipeline.builder("x").with_dataset("sample").with_model("smollm2", fine_tune=False)
    plan = base.with_evaluator("summarization-accuracy").build(registry)
    line = ship(plan, registry, tmp_path, sagemaker_version="2.253.1").requirements[0]

    assert line.endswith("[local,metrics,sagemaker]")


def test_fmeval_is_not_among_the_requirements(registry: Registry, tmp_path: Path) -> None:
    """Its pins would rule out the others: the score step builds an environment for it, and needs what converts its assets."""
    plan = pipeline("fmeval-summarization-accuracy").build(registry)
    line = ship(plan, registry, tmp_path, sagemaker_version="2.253.1").requirements[0]

    assert line.endswith("[metrics,sagemaker]")


def test_a_plugin_of_one_file_is_packed(registry: Registry, tmp_path: Path) -> None:
    """A new interpreter finds the plugin in its unpacked wheel."""
    source, staging, site = tmp_path / "user", tmp_path / "staging", tmp_path / "site"
    source.mkdir()
    staging.mkdir()
    registry.add("my-length", one_file_plugin(source))
    ship(pipeline("characters").build(registry), registry, staging, sagemaker_version="2.253.1")
    (wheel,) = staging.glob("llmops_plugin_my_length-*.whl")
    zipfile.ZipFile(wheel).extractall(site)
    code = "from llmops_sdk.plugin.registry import Registry; print(Registry.load().offer('evaluator', 'characters').plugin)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(site)}, capture_output=True, text=True, check=False
    )

    assert "llmops_plugin_my_length" in done.stdout.replace("-", "_"), done.stderr


def test_a_released_distribution_is_pinned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With its version and extras."""
    assert "lead[x]==1.2" == requirement_of(monkeypatch, tmp_path, None)


def test_a_distribution_from_a_repository_is_pinned_to_its_commit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The commit is in the installation record of pip."""
    origin = {"url": "https://example.com/lead", "vcs_info": {"vcs": "git", "commit_id": "abc"}}

    assert "lead[x] @ git+https://example.com/lead@abc" == requirement_of(monkeypatch, tmp_path, origin)


def test_a_distribution_from_a_folder_is_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With its own build backend, without a network; nothing else is left in the staging folder."""
    staging = tmp_path / "staging"
    staging.mkdir()
    line = requirement_of(monkeypatch, staging, {"url": THIRD_PARTY.as_uri(), "dir_info": {"editable": True}})

    assert "./sagemaker_remote_function_workspace/llmops_lead-1.0-py3-none-any.whl[x]" == line
    assert ["llmops_lead-1.0-py3-none-any.whl"] == [path.name for path in staging.iterdir()]


def test_a_missing_source_folder_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error shows what to do."""
    with pytest.raises(SpecError, match="no longer exists: install it again"):
        requirement_of(monkeypatch, tmp_path, {"url": (tmp_path / "no").as_uri(), "dir_info": {}})


def test_what_functions_import_is_installed(registry: Registry, tmp_path: Path) -> None:
    """A metric that imports an installed package finds it in its container, in the client's version."""
    from importlib.metadata import version

    file = tmp_path / "mine.py"
    text = (
        "import yaml\nfrom llmops_sdk import metric\n@metric\ndef length(output):\n    return len(yaml.dump(output))\n"
    )
    file.write_text(text, encoding="utf-8")
    staging = tmp_path / "staging"
    staging.mkdir()

    shipment = ship(pipeline(f"{file}:length").build(registry), registry, staging, sagemaker_version="2.253.1")

    assert f"PyYAML=={version('PyYAML')}" in shipment.requirements
    assert {".whl"} == {path.suffix for path in staging.iterdir()}
