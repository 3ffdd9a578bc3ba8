"""kill -9 of a client that starts or watches a pipeline: nothing is left, and the next client can continue."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import moto.core.responses
import pytest

pytest.importorskip("sagemaker")

from llmops_plugins.sagemaker.pipeline.submit import CREATED_BY

from ...plugins.sagemaker.fixtures import ROLE, Cloud
from .executions import Executions, plan_uri
from .test_watched_executions import STORE, Command, _command, _executions, piped  # noqa: F401 - two are fixtures
from .whole_runs import collect, the_runs, written

pytestmark = [pytest.mark.usefixtures("jumpstart", "home", "runtime"), pytest.mark.slow]


class Killer:
    """Kills a client at its first request of an action, before SageMaker gets it or before the client gets the answer."""

    def __init__(self, action: str, moment: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self.client: subprocess.Popen[bytes] | None = None
        self._action = action
        if moment == "before":
            cloud.on_call = self._lose
        call_action = moto.core.responses.BaseResponse.call_action

        def then_kill(response: Any) -> Any:
            answer = call_action(response)
            if response._get_action() == action:
                self._kill()
            return answer

        monkeypatch.setattr(moto.core.responses.BaseResponse, "call_action", then_kill)
        self._cloud = cloud

    def run(self, *arguments: str) -> None:
        """Run a client to its death."""
        with subprocess.Popen([sys.executable, "-m", "llmops_sdk.cli.main", *arguments], env=os.environ) as self.client:
            assert -signal.SIGKILL == self.client.wait(120)
        self.client = None

    def _lose(self, action: str) -> None:
        if action == self._action and self.client is not None:
            self._kill()
            self._cloud.faults[action] = [(500, "InternalFailure", "it never came")]

    def _kill(self) -> None:
        if self.client is not None:
            self.client.send_signal(signal.SIGKILL)


@pytest.mark.parametrize(
    ("action", "moment", "is_started"),
    [
        ("CreatePipeline", "before", False),
        ("CreatePipeline", "after", False),
        ("UpdatePipeline", "before", False),
        ("UpdatePipeline", "after", False),
        ("StartPipelineExecution", "before", False),
        ("StartPipelineExecution", "after", True),
        ("DescribePipelineExecution", "before", True),
    ],
)
def test_a_killed_client_leaves_a_usable_account(  # noqa: PLR0913, PLR0917 - a table and its fixtures
    action: str,
    moment: str,
    is_started: bool,  # noqa: FBT001 - a table
    cloud: Cloud,
    executions: Executions,
    command: Command,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its execution ends and is attached to; the next run is a separate one, repeats no work, and both leave nothing."""
    path, uri = written(piped(), tmp_path), plan_uri(piped().build(), STORE)
    if action == "UpdatePipeline":
        boto3.client("sagemaker").create_pipeline(
            PipelineName="llmops-article", PipelineDefinition="{}", PipelineDescription=CREATED_BY, RoleArn=ROLE
        )

    Killer(action, moment, cloud, monkeypatch).run("run", path, "--store", STORE)

    assert ["Executing"] * is_started == list(executions.statuses.values())
    assert [False] * (action == "DescribePipelineExecution") == [run.has_results for run in the_runs(STORE)]
    assert "runs left nothing behind" in collect(capsys, STORE, cloud)

    assert 0 == command("run", path, "--detach").code
    ids = list(executions.statuses)
    assert is_started + 1 == len(ids)
    for run_id in ids:
        assert "Succeeded" == executions.run(run_id, uri)
        assert (0, ()) == ((ended := command("attach", run_id)).code, ended.errors)
    assert 1 == cloud.created.count("CreateEndpoint")
    assert sorted(ids) == sorted(run.id for run in the_runs(STORE))
    assert [True] * len(ids) == [run.has_results for run in the_runs(STORE)]
    assert "runs left nothing behind" in collect(capsys, STORE, cloud)
