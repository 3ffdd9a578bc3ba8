"""Modules made from texts: two of one name, late imports, threads, and what is refused."""

from __future__ import annotations

import sys
import threading
import traceback
from pathlib import Path

import pytest

from llmops_sdk import SpecError
from llmops_sdk.functions.modules import load_module, refuse_while_loading


def files(value: int) -> dict[str, str]:
    return {
        "mine.py": "import utils\nfrom lib import deep\n\ndef f():\n    import late\n    return late.VALUE + utils.VALUE + deep.VALUE\n",
        "utils.py": f"VALUE = {value}\n",
        "late.py": "VALUE = 1\n",
        "lib/__init__.py": "",
        "lib/deep.py": "from ..utils import VALUE\nfrom . import other\n",
        "lib/other.py": "",
    }


def test_two_plans_may_have_modules_of_one_name() -> None:
    """Each imports its own, at the top of a file and later in a function; nothing of them is on the path."""
    path = list(sys.path)
    first, second = load_module(files(1), "mine.py"), load_module(files(10), "mine.py")

    assert (3, 21) == (first.f(), second.f())
    assert first is load_module(files(1), "mine.py")
    assert path == sys.path
    assert not {"mine", "utils", "late"} & set(sys.modules)


def test_late_imports_work_in_threads() -> None:
    """Both find their own modules at the same time."""
    modules = [load_module(files(value), "mine.py") for value in (2, 3)]
    results: list[tuple[int, int]] = []
    threads = [
        threading.Thread(target=lambda number=number: results.append((number, modules[number].f())))
        for number in (0, 1)
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {(0, 5), (1, 7)} == set(results)


def test_a_name_of_the_folder_hides_an_installed_one() -> None:
    """As in `python mine.py`; other modules of the process keep the installed one."""
    import colorsys

    module = load_module({"mine.py": "import colorsys, json\n", "colorsys.py": "OWN = True\n"}, "mine.py")

    assert module.colorsys.OWN
    assert sys.modules["colorsys"] is colorsys
    assert module.json is sys.modules["json"]


def test_import_module_finds_the_files_too() -> None:
    """With a name that only the running code knows."""
    text = "import importlib\ndef f(name):\n    return importlib.import_module(name)\n"
    module = load_module({"mine.py": text, "helpers.py": "VALUE = 5\n"}, "mine.py")

    assert 5 == module.f("helpers").VALUE
    assert module.f("json") is sys.modules["json"]


def test_an_import_from_another_folder_is_refused_when_it_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It works on this machine only."""
    (tmp_path / "elsewhere_module.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    module = load_module({"mine.py": "def f(name):\n    return __import__(name)\n"}, "mine.py")

    with pytest.raises(
        ImportError, match=r"'elsewhere_module' of '.*' is neither in the folder of 'mine.py' nor installed"
    ):
        module.f("elsewhere_module")


def test_tracebacks_show_the_lines_of_the_user() -> None:
    """The text comes from the plan: the file may be gone, or edited meanwhile."""
    module = load_module(
        {"mine.py": "def f():\n    raise ValueError('so')  # this line\n"}, "mine.py", Path("/home/me")
    )
    try:
        module.f()
    except ValueError:
        text = traceback.format_exc()

    assert 'File "/home/me/mine.py", line 2, in f' in text
    assert "raise ValueError('so')  # this line" in text


def test_a_file_that_fails_can_be_imported_again() -> None:
    """An import that failed leaves nothing behind."""
    broken = {
        "mine.py": "import sys\nsys.__dict__.setdefault('llmops_tries', []).append(1)\n1 / len(sys.llmops_tries[1:])\n"
    }
    try:
        with pytest.raises(ZeroDivisionError):
            load_module(broken, "mine.py")

        assert "mine" in load_module(broken, "mine.py").__name__
    finally:
        del sys.llmops_tries  # type: ignore[attr-defined]


def test_pipelines_are_refused_while_a_file_is_imported() -> None:
    """Only then, and only in the thread that imports it."""
    refuse_while_loading("runs a pipeline")
    again = "from llmops_sdk.functions.modules import load_module\nload_module({'other.py': ''}, 'other.py')\n"
    text = "from llmops_sdk.functions.modules import refuse_while_loading\nrefuse_while_loading('runs a pipeline')\n"

    with pytest.raises(SpecError, match=r"'script\.py' runs a pipeline when it is imported.*__main__"):
        load_module({"script.py": text}, "script.py")
    with pytest.raises(SpecError, match=r"'again\.py' uses a pipeline when it is imported"):
        load_module({"again.py": again}, "again.py")
    refuse_while_loading("runs a pipeline")
