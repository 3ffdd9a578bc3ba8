"""The code and the files of plugins that are not shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk.plugin.code import code_key, files_key


@pytest.fixture(name="package")
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package on the path, which no distribution brings."""
    folder = tmp_path / "my_metrics_of_this_test"
    folder.mkdir()
    (folder / "__init__.py").write_text("", encoding="utf-8")
    (folder / "metric.py").write_text("SCORE = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def _key(package: Path) -> str:
    code_key.cache_clear()
    return code_key("", f"{package.name}.metric")


def test_shipped_code_has_no_key() -> None:
    """Its versions of results do that."""
    assert "" == code_key("llmops-sdk", "llmops_plugins.metrics.evaluator") == code_key("", "llmops_sdk.testing")


@pytest.mark.parametrize("name", ["metric.py", "helper.py", "words.json", "sub/more.py"])
def test_any_edited_file_of_a_package_is_another_key(name: str, package: Path) -> None:
    """Modules that it imports and data files too; what Python or an editor leaves there is not."""
    before = _key(package)
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "metric.pyc").touch()
    assert before == _key(package)

    (package / name).parent.mkdir(exist_ok=True)
    (package / name).write_text("SCORE = 2\n", encoding="utf-8")

    assert before != _key(package)


def test_an_installed_distribution_is_known_by_its_record() -> None:
    """Two of them differ; one that is installed twice does not."""
    code_key.cache_clear()
    key = code_key("attrs", "attr")
    code_key.cache_clear()

    assert key == code_key("attrs", "attr")
    assert key != code_key("PyYAML", "yaml")


def test_files_that_options_name_are_read(tmp_path: Path) -> None:
    """In lists too; a text that names no file changes nothing."""
    path = tmp_path / "qa.json"
    path.write_text("[1]", encoding="utf-8")
    options = {"files": [str(path)], "text": "no file", "number": 3, "empty": ""}
    before = files_key(options)

    path.write_text("[2]", encoding="utf-8")

    assert before != files_key(options)
    assert "" == files_key({"text": "no file", "long": "x" * 10_000, "odd": "a\0b"})
