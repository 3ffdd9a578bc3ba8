"""The article's flow as whole pipelines: the requests to AWS, and what happens to a run that is cut off."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sagemaker")

import boto3

from llmops_sdk import Progress, StepFailedError
from llmops_sdk.cli.main import main
from llmops_sdk.pipeline.execution import resume
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.step_records import Succeeded

from ...plugins.sagemaker.fixtures import MODEL_ID, ROLE, Cloud, RuntimeServer, has_sdk_2, interrupt
from ...plugins.sagemaker.loopback import ServerAnswer
from .whole_runs import article, still_in_ledger, the_run

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "how-to" / "sagemaker.md"
EXAMPLE = ROOT / "examples" / "llama2_dolly_sagemaker.py"
HYPERPARAMETERS = {"instruction_tuned": "True", "epoch": "1", "max_input_length": "1024"}

pytestmark = pytest.mark.usefixtures("jumpstart", "home")


# -- the requests -------------------------------------------------------------------------------


def anonymous(request: Any) -> Any:
    """Return a request in which names, hashes and times of the run are replaced by words."""
    text = json.dumps(request)
    for pattern, word in (
        (r"llmops-train-[0-9a-f]{24}", "TRAINING-JOB"),
        (r"llmops-article-\d{8}-\d{6}-\w{4}-generate-[\w-]+", "ENDPOINT"),
        (r"article-\d{8}-\d{6}-\w{4}", "RUN"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", "UNTIL"),
        (r"/data/[0-9a-f]{16}/", "/data/HASH/"),
    ):
        text = re.sub(pattern, word, text)
    return json.loads(text)


def documented() -> dict[str, Any]:
    """Return the requests on the page, by their actions."""
    blocks = re.findall(r"`(\w+)`:\n\n```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    return {action: json.loads(text) for action, text in blocks}


def test_the_docs_list_exactly_the_requests_of_the_articles_flow(
    cloud: Cloud, runtime: RuntimeServer, registry: Registry, tmp_path: Path
) -> None:
    """Training, model, configuration, endpoint, and one request for each record."""
    store = tmp_path / "runs"
    pipeline = article(trainer={"hyperparameters": HYPERPARAMETERS})
    result = pipeline.run(store=store, registry=registry, progress=Progress())

    assert () == result.failures
    assert ["CreateTrainingJob", "CreateModel", "CreateEndpointConfig", "CreateEndpoint"] == cloud.created
    path, headers, body = runtime.asked[0]
    sent = {action: anonymous(cloud.requests(action)[0]) for action in cloud.created}
    invoke = {
        "EndpointName": anonymous(path.split("/")[2]),
        "CustomAttributes": headers["x-amzn-sagemaker-custom-attributes"],
        "ContentType": headers["content-type"],
        "Body": {**body, "inputs": body["inputs"][:20] + "..."},
    }
    assert {**sent, "InvokeEndpoint": invoke} == documented()
    assert 4 == len(runtime.asked)
    assert [] == cloud.left()
    run = result.run
    assert {"training-job", "endpoint", "endpoint-config", "model"} == {entry.resource.kind for entry in run.ledger()}
    assert set() == still_in_ledger(run)
    folder = f"runs/{run.id}/endpoints/generate.llama-2-7b.alpaca.sample"
    assert [f"{folder}/cloudwatch.json"] == list(run.store.list(f"{folder}/"))
    assert all(
        sample.answer is not None and (sample.answer.latency or 0.0) > 0
        for sample in run.samples("llama-2-7b.alpaca.sample")
    )

    pipeline.run(store=store, registry=registry, progress=Progress())

    assert (4, 4) == (len(cloud.created), len(runtime.asked))


ARTICLE_DIFFERS = {
    "CreateTrainingJob": {
        "TrainingJobName",
        "OutputDataConfig.S3OutputPath",
        "InputDataConfig.0.DataSource.S3DataSource.S3Uri",
        "HyperParameters.sagemaker_job_name",
        "DebugHookConfig.S3OutputPath",
        "ProfilerConfig.S3OutputPath",
        "Tags",
    },
    "CreateModel": {"ModelName", "PrimaryContainer.ModelDataSource.S3DataSource.S3Uri", "Tags"},
    "CreateEndpointConfig": {"EndpointConfigName", "ProductionVariants.0.ModelName", "Tags"},
    "CreateEndpoint": {"EndpointName", "EndpointConfigName", "Tags"},
}
"""Where our requests are not the article's: names, places and tags."""


@pytest.mark.skipif(not has_sdk_2(), reason="the article's code is for the SageMaker SDK 2.x")
@pytest.mark.filterwarnings("ignore:.*SageMaker Python SDK v2")
def test_the_articles_code_sends_the_same_requests(cloud: Cloud) -> None:
    """Only names, locations and tags differ."""
    from llmops_plugins.sagemaker.sdk.v2 import Line2

    Line2().load()
    from sagemaker import Session
    from sagemaker.jumpstart.estimator import JumpStartEstimator

    cloud.job_stages, cloud.endpoint_stages = [("Completed", "")], [("InService", "")]
    estimator = JumpStartEstimator(
        model_id=MODEL_ID,
        model_version="2.*",
        environment={"accept_eula": "true"},
        disable_output_compression=True,
        tolerate_vulnerable_model=True,
        sagemaker_session=Session(boto3.Session()),
        role=ROLE,
    )
    estimator.set_hyperparameters(**HYPERPARAMETERS)
    estimator.fit({"training": "s3://sagemaker-us-east-1-123456789012/dolly_dataset"}, wait=False)
    estimator.deploy(wait=False)

    ours = documented()
    for action, differing in ARTICLE_DIFFERS.items():
        (theirs,) = cloud.requests(action)
        assert differing == set(differences(theirs, ours[action])), action


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Yield the paths at which two JSON values differ; tags are compared as a whole."""
    if one == other:
        return
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for name in one.keys() | other.keys():
            yield from differences(one.get(name), other.get(name), f"{path}.{name}" if path else name)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other) and path != "Tags":
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, f"{path}.{place}")
    else:
        yield path


@pytest.mark.slow
def test_the_example_runs(
    cloud: Cloud,
    runtime: RuntimeServer,
    asset: Callable[[str], Path],
    assets_home: Path,
    real_data: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    """Unchanged, except that Dolly is a file and polling is fast."""
    for name in ("wordnet", "punkt-tab", "minilm"):
        asset(name)
    program = EXAMPLE.read_text(encoding="utf-8")
    assert len(program.splitlines()) < 40
    data = real_data("dolly/dolly_mix_390.jsonl")
    executor = "    .with_executor("
    quick = f"    .with_trainer(poll_seconds=0.01)\n    .with_deployer(poll_seconds=0.01)\n{executor}"
    script = tmp_path / "example.py"
    script.write_text(program.replace('"dolly", ', f'"dolly", path="{data}", ').replace(executor, quick))
    environment = {**os.environ, "SAGEMAKER_ROLE": ROLE, "LLMOPS_HOME": str(assets_home)}

    done = subprocess.run(
        [sys.executable, str(script), "local"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stderr
    assert "there is no other candidate to compare it with" in done.stdout
    assert (tmp_path / "llama2-dolly.html").stat().st_size > 10_000
    assert 4 == len(cloud.created)
    assert [] == cloud.left()
    assert 0 < len(runtime.asked) <= 20


@pytest.mark.parametrize(
    ("executor", "unset", "message"),
    [
        ("local", (), "SageMaker needs an execution role, and arn:aws:sts::123456789012:user/moto is not a role"),
        ("sagemaker", ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "there are no AWS credentials"),
        ("local", ("AWS_DEFAULT_REGION",), "no AWS region is set"),
    ],
)
@pytest.mark.usefixtures("cloud")
def test_the_example_prints_in_one_line_what_is_missing(
    executor: str,
    unset: tuple[str, ...],
    message: str,
    tmp_path: Path,
    home: Path,  # noqa: ARG001 - nothing is cached outside the test
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The role, the account, the extra; no traceback."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), executor])
    monkeypatch.delenv("SAGEMAKER_ROLE", raising=False)
    for name in unset:
        monkeypatch.delenv(name)

    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(EXAMPLE), run_name="__main__")

    assert message in str(ended.value)
    assert re.fullmatch(r"error: [^\n]+ \(SAGEMAKER_ROLE is not set\)", str(ended.value))


def test_the_example_names_the_extra_that_is_missing(tmp_path: Path) -> None:
    """Without boto3: one line, exit code 1, no traceback."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['boto3'] = None\n", encoding="utf-8")
    environment = {name: text for name, text in os.environ.items() if name != "SAGEMAKER_ROLE"}

    done = subprocess.run(
        [sys.executable, str(EXAMPLE), "local"],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(tmp_path), "LLMOPS_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )

    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert 1 == done.returncode
    assert "trainer 'jumpstart' needs boto3: pip install " in error
    assert error.endswith(" (SAGEMAKER_ROLE is not set)")
    assert "Traceback" not in done.stderr


# -- kept --------------------------------------------------------------------------------------


def test_an_endpoint_can_be_kept(
    cloud: Cloud,
    runtime: RuntimeServer,
    registry: Registry,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It stays after its step, log and report list it, `gc` skips it, and `gc --run ID --force` deletes it."""
    store = tmp_path / "runs"

    run = article(deployer={"keep_endpoint": True}).run(store=store, registry=registry, progress=Progress()).run

    kept = {line.split()[0] for line in cloud.left()}
    assert {"endpoint", "endpoint-config", "model"} == kept
    assert set(cloud.left()) == still_in_ledger(run)
    remove = ["gc", "--run", run.id, "--force"]
    record = run.record("generate.llama-2-7b.alpaca.sample")
    artifact = run.artifact(next(iter(record.artifacts.values()))) if isinstance(record, Succeeded) else None
    assert artifact is not None
    assert artifact.value["endpoint"]["kept"].endswith(f"deleted with: llmops {' '.join(remove)}")
    log = store / "runs" / run.id / "logs" / "generate.llama-2-7b.alpaca.sample.log"
    assert "kept (still billed): endpoint llmops-article-" in log.read_text(encoding="utf-8")
    assert 4 == len(runtime.asked)
    assert "still billed" in (store / "runs" / run.id / "report.html").read_text(encoding="utf-8")

    assert 0 == main(["gc", "--store", str(store)])
    assert "kept (still billed)" in capsys.readouterr().out
    assert 3 == len(cloud.left())
    assert 0 == main([*remove, "--store", str(store)])
    assert ([], set()) == (cloud.left(), still_in_ledger(run))


@pytest.mark.parametrize("cut", ["failure", "interrupt"])
def test_an_endpoint_of_a_failed_step_is_not_kept(
    cut: str, cloud: Cloud, runtime: RuntimeServer, registry: Registry, tmp_path: Path
) -> None:
    """A failure while asking, or Ctrl-C, deletes it in any case."""
    pipeline = article(deployer={"keep_endpoint": True, "max_concurrency": 1})
    if cut == "failure":
        runtime.answer = lambda _body: ServerAnswer({"Message": "expired"}, 403, "ExpiredTokenException")
        with pytest.raises(StepFailedError):
            pipeline.run(store=tmp_path / "runs", registry=registry, progress=Progress())
    else:
        cloud.on_call = lambda action: interrupt() if action == "CreateEndpoint" else None
        with pytest.raises(KeyboardInterrupt):
            pipeline.run(store=tmp_path / "runs", registry=registry, progress=Progress())

    assert 1 == cloud.created.count("CreateEndpoint")
    assert ([], set()) == (cloud.left(), still_in_ledger(the_run(str(tmp_path / "runs"))))


# -- interrupted --------------------------------------------------------------------------------


def test_a_failed_endpoint_is_one_line_and_leaves_nothing(cloud: Cloud, registry: Registry, tmp_path: Path) -> None:
    """The trained model is kept: the resumed run does not train again."""
    cloud.endpoint_stages = [("Creating", ""), ("Failed", "no capacity")]

    with pytest.raises(StepFailedError, match="is Failed: no capacity") as caught:
        article().run(store=tmp_path / "runs", registry=registry, progress=Progress())

    assert "\n" not in str(caught.value)
    assert ([], set()) == (cloud.left(), still_in_ledger(the_run(str(tmp_path / "runs"))))


def test_a_token_that_expires_while_asking(
    cloud: Cloud, runtime: RuntimeServer, registry: Registry, tmp_path: Path
) -> None:
    """Answers are kept, no record is marked as failed, the endpoint is deleted; the resumed run asks the rest."""
    usual, guard, count = runtime.answer, threading.Lock(), iter(range(1000))

    def answer(body: Any) -> ServerAnswer:
        with guard:
            number = next(count)
        return (
            usual(body)
            if number in (0, 2, 3, 4)
            else ServerAnswer({"Message": "expired"}, 403, "ExpiredTokenException")
        )

    runtime.answer = answer
    store = tmp_path / "runs"

    with pytest.raises(
        StepFailedError,
        match="credentials have expired: renew them with 'aws sso login' or new keys, then resume with llmops run --resume",
    ):
        article(deployer={"max_concurrency": 1}).run(store=store, registry=registry, progress=Progress())

    assert [] == cloud.left()
    again = resume(the_run(str(store)).id, store=store, registry=registry, progress=Progress())
    assert () == again.failures
    assert 5 == len(runtime.asked)
    assert 1 == cloud.created.count("CreateTrainingJob")
    assert [] == cloud.left()


@pytest.mark.parametrize("action", ["DescribeTrainingJob", "CreateEndpointConfig", "DescribeEndpoint"])
def test_ctrl_c_leaves_a_resumable_run_and_no_resource(
    action: str, cloud: Cloud, runtime: RuntimeServer, registry: Registry, tmp_path: Path
) -> None:
    """While training and while deploying."""
    cloud.job_stages = [("InProgress", ""), ("InProgress", ""), ("Completed", "")]
    seen: list[str] = []

    def once(called: str) -> None:
        creating = "CreateEndpoint" if action == "DescribeEndpoint" else "CreateTrainingJob"
        if called == action and creating in cloud.created and not seen:
            seen.extend(cloud.created)
            interrupt()

    cloud.on_call = once
    store = tmp_path / "runs"

    with pytest.raises(KeyboardInterrupt):
        article().run(store=store, registry=registry, progress=Progress())

    run = the_run(str(store))
    assert seen == cloud.created
    assert ([], set()) == (cloud.left(), still_in_ledger(run))
    again = resume(run.id, store=store, registry=registry, progress=Progress())
    assert () == again.failures
    assert (2 if action == "DescribeTrainingJob" else 1) == cloud.created.count("CreateTrainingJob")
    assert 4 == len(runtime.asked)
    assert [] == cloud.left()
