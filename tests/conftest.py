"""Fixtures of all tests: a checked environment, the plugins, assets, and real data by its path."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import llmops_sdk.testing
from llmops_sdk import AssetError, Progress
from llmops_sdk.assets.asset import get_asset
from llmops_sdk.assets.environments import environment_python
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.testing import EchoEndpoint

# A shell that runs the tests in the background makes them ignore Ctrl-C, which many of them send.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it
# How long an example takes depends on what else the machine does.
settings.register_profile("llmops", deadline=None)
settings.load_profile("llmops")
os.environ.pop("COLUMNS", None)  # pytest-xdist sets it in its workers, and it limits the width of output


SHARED = (
    "tests/plugins/datasets/",
    "tests/plugins/local/server/",
    "tests/plugins/metrics/meteor/",
    "tests/plugins/reporters/mlflow/",
)
"""Folders whose files share something that takes ten seconds to start or load."""

LONG = (
    "tests/plugins/sagemaker/emulator/test_executor.py",
    "tests/end_to_end/sagemaker/test_detached_pipelines.py",
    "tests/end_to_end/test_main_job.py",
    "tests/cli/test_examples.py",
    "tests/end_to_end/sagemaker/test_fmeval.py",
    "tests/end_to_end/test_many_records.py",
)
"""Files with few tests that take minutes. They run first: if one were the last, the other processes would wait for it."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return half as many processes more as there are processors: a fourth of the time, tests wait for what they started."""
    return (os.cpu_count() or 1) * 3 // 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile`, run all files of such a folder in one process."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

    class FolderScheduling(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return work_unit(super()._split_scope(nodeid))

        def _assign_work_unit(self, node: Any) -> None:
            for file in reversed(LONG):
                if file in self.workqueue:
                    self.workqueue.move_to_end(file, last=False)
            super()._assign_work_unit(node)

    return FolderScheduling(config, log)


def work_unit(file: str) -> str:
    """Return the folder that is run in one process, for a file in one, or else the file."""
    return next((folder for folder in SHARED if file.startswith(folder)), file)


@pytest.fixture(autouse=True)
def _same_environment() -> Iterator[None]:
    """Fail a test that leaves an environment variable changed."""
    before = dict(os.environ)
    yield
    after = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    before.pop("PYTEST_CURRENT_TEST", None)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    # These libraries write their own settings into the environment when they load.
    changed -= {name for name in changed if name.startswith(("KMP_", "TOKENIZERS_", "OMP_", "TORCH", "CUDA_MODULE"))}
    assert not changed, f"the test changed {sorted(changed)}"


@pytest.fixture(scope="session", autouse=True)
def _no_flushes() -> Iterator[None]:
    """Do not wait for the disk, some milliseconds for each file: what was flushed shows only after a power cut.

    Tests of what is flushed, and in which order, replace `os.fsync` themselves.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _handle: None)
        yield


@pytest.fixture(name="registry")
def _registry() -> Registry:
    """The installed plugins and the testing kit."""
    registry = Registry.load()
    registry.add("testing", llmops_sdk.testing)
    return registry


@pytest.fixture(name="home")
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache for this test alone."""
    home = tmp_path / "home"
    monkeypatch.setenv("LLMOPS_HOME", str(home))
    return home


@pytest.fixture(name="asked")
def _asked() -> list[str]:
    """The prompts that the echo endpoints of this process receive in this test."""
    EchoEndpoint.asked.clear()
    return EchoEndpoint.asked


@pytest.fixture(scope="session")
def assets_home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of assets: `LLMOPS_HOME` if it is set, else one that pytest keeps between sessions."""
    named = os.environ.get("LLMOPS_HOME")
    if named:
        return Path(named)
    cache: Any = getattr(request.config, "cache", None)
    return Path(cache.mkdir("llmops-home")) if cache else tmp_path_factory.mktemp("llmops-home")


@pytest.fixture(scope="session")
def asset(assets_home: Path) -> Callable[[str], Path]:
    """Fetch an asset by its name, for real; one that is not available skips the test, or fails it where data is required."""
    registry = Registry.load()

    @cache
    def fetch(name: str) -> Path:
        try:
            return get_asset(registry.asset(name), assets_home, progress=Progress())
        except AssetError as error:
            if os.environ.get("LLMOPS_REQUIRE_TEST_DATA") == "1":
                raise
            pytest.skip(str(error))

    return fetch


@pytest.fixture(scope="session")
def fmeval_python(asset: Callable[[str], Path]) -> str:
    """The interpreter that evaluators run FMEval with; its environment is built at most once on a machine."""
    from llmops_plugins.fmeval.interpreter import ENVIRONMENT, chosen_interpreter

    return chosen_interpreter("") or str(environment_python(asset(ENVIRONMENT)))


@pytest.fixture(name="real_data")
def _real_data() -> Callable[[str], Path]:
    """Return paths below `LLMOPS_TEST_DATA`; skip the test if it is not set, or fail it where data is required.

    `LLMOPS_REQUIRE_TEST_DATA=1` turns the skip into a failure: CI cannot pass by skipping.
    """

    def find(name: str) -> Path:
        root = os.environ.get("LLMOPS_TEST_DATA")
        path = Path(root) / name if root else None
        if path is not None and path.exists():
            return path
        reason = f"LLMOPS_TEST_DATA has no {name}" if root else f"LLMOPS_TEST_DATA, the folder with {name}, is not set"
        if os.environ.get("LLMOPS_REQUIRE_TEST_DATA") == "1":
            pytest.fail(reason)
        pytest.skip(reason)

    return find


@pytest.fixture(scope="session")
def needs() -> Callable[..., None]:
    """Skip the test if a package is not installed, or fail it where packages are required."""

    def check(*packages: str) -> None:
        for package in packages:
            if find_spec(package) is None:
                assert os.environ.get("LLMOPS_REQUIRE_TEST_DATA") != "1", f"{package} is not installed"
                pytest.skip(f"{package} is not installed")

    return check
