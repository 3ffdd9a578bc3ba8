"""Ctrl-C during a call of the SageMaker SDK in a whole run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.jumpstart.recorder import Recorder

from ...plugins.sagemaker.fixtures import Cloud, interrupt
from .whole_runs import article, collect, llmops, the_runs, written


@pytest.mark.parametrize("name", ["create_training_job", "create_model", "create_endpoint"])
@pytest.mark.usefixtures("jumpstart", "home", "runtime")
def test_ctrl_c_during_a_call_of_the_sdk_leaves_nothing(
    name: str, cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No resource is created after it."""
    store, record = str(tmp_path / "runs"), Recorder._record

    def interrupted(self: Recorder, action: str, **request: Any) -> dict[str, Any]:
        if action == name:
            interrupt()
        return record(self, action, **request)

    monkeypatch.setattr(Recorder, "_record", interrupted)

    ended = llmops(capsys, "run", written(article(), tmp_path), "--store", store)

    assert (130, ()) == (ended.code, ended.errors)
    assert ["CreateTrainingJob"] * (name != "create_training_job") == cloud.created
    (run,) = the_runs(store)
    assert not run.has_results
    assert [] == cloud.left()
    assert "runs left nothing behind" in collect(capsys, store, cloud)
