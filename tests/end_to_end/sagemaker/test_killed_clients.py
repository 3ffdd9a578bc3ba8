"""Clients that are killed (-9) at a request or while waiting: their run is resumed, or `gc` deletes the leftovers."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sagemaker")

from llmops_sdk import Progress, Run
from llmops_sdk.cli.main import main
from llmops_sdk.pipeline.execution import resume
from llmops_sdk.plugin.registry import Registry

from ...plugins.sagemaker.fixtures import Cloud, RuntimeServer
from .whole_runs import article, still_in_ledger, the_run, written

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("jumpstart", "home")]

_LLMOPS = "import sys; from llmops_sdk.cli.main import main; sys.exit(main())"

MOMENTS = (
    "CreateTrainingJob",
    "DescribeTrainingJob",
    "CreateModel",
    "CreateEndpointConfig",
    "CreateEndpoint",
    "DescribeEndpoint",
)
"""When the client is killed: at each request that makes something, and in each wait."""


def killed(action: str, cloud: Cloud, folder: Path) -> Run:
    """Run the article's pipeline in a process that is killed (-9) at its first request of an action, and return its run.

    Its job or endpoint continues and ends later.
    """
    trains = action.endswith("TrainingJob")
    cloud.job_stages = [("InProgress", "")] * 1000 if trains else [("Completed", "")]
    cloud.endpoint_stages = [("Creating", "")] * 1000
    store = str(folder / "runs")
    command = [sys.executable, "-c", _LLMOPS, "run", written(article(), folder), "--store", store]
    children: list[subprocess.Popen[bytes]] = []

    def kill(called: str) -> None:
        creating = action.replace("Describe", "Create")
        if called == action and (action == creating or creating in cloud.created) and children[0].poll() is None:
            children[0].send_signal(signal.SIGKILL)

    cloud.on_call = kill
    with subprocess.Popen(command, cwd=folder) as child:
        children.append(child)
        assert -signal.SIGKILL == child.wait(120)
    cloud.on_call = lambda _: None
    run = the_run(store)
    assert set(cloud.left()) <= still_in_ledger(run)
    assert still_in_ledger(run)
    for kind, name in (line.split(" ") for line in cloud.left()):
        if kind == "training-job":
            cloud.turn("job", name, ("InProgress", ""), ("Completed", ""))
        elif kind == "endpoint":
            cloud.turn("endpoint", name, ("Creating", ""), ("InService", ""))
    cloud.job_stages, cloud.endpoint_stages = [("Completed", "")], [("InService", "")]
    return run


@pytest.mark.parametrize("action", ["DescribeTrainingJob", "CreateEndpointConfig", "CreateEndpoint"])
def test_the_run_of_a_killed_client_is_resumed(
    action: str, cloud: Cloud, runtime: RuntimeServer, registry: Registry, tmp_path: Path
) -> None:
    """The ledger has the running resource; the resumed run uses the job and the endpoint, and creates no second one."""
    run = killed(action, cloud, tmp_path)

    result = resume(run.id, store=tmp_path / "runs", registry=registry, progress=Progress())

    assert () == result.failures
    assert 4 == len(runtime.asked)
    for billed in ("CreateTrainingJob", "CreateEndpoint"):
        assert 1 == cloud.created.count(billed)
    assert ([], set()) == (cloud.left(), still_in_ledger(run))


@pytest.mark.parametrize("action", MOMENTS)
@pytest.mark.usefixtures("runtime")
def test_gc_deletes_the_leftovers_of_a_killed_client(action: str, cloud: Cloud, tmp_path: Path) -> None:
    """A running job, an endpoint that is being created, a model alone.

    Without `--force` the job would be skipped, since the run can be resumed.
    """
    run = killed(action, cloud, tmp_path)

    assert 0 == main(["gc", "--force", "--run", run.id, "--store", str(tmp_path / "runs")])

    assert ([], set()) == (cloud.left(), still_in_ledger(run))
