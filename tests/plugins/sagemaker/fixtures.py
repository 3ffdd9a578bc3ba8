"""AWS on loopback: moto for the services, a scripted server for SageMaker Runtime, and JumpStart's files in a folder."""

from __future__ import annotations

import json
import logging
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("moto")
pytest.importorskip("boto3")

import attrs
import boto3
import botocore.endpoint
import botocore.regions
import botocore.session
import httpx
import moto.sagemaker.models
from botocore.client import ClientCreator
from botocore.endpoint_provider import EndpointProvider
from botocore.hooks import EventAliaser
from moto.server import ThreadedMotoServer

from llmops_plugins.sagemaker.aws import preflight
from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.jumpstart import options as jumpstart_options
from llmops_plugins.sagemaker.sdk.v2 import Line2
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk import Progress
from llmops_sdk.plugin import Context, DatasetSplits, Split, file_sha256

from .loopback import Asked, ServerAnswer, served
from .scripting import script_moto

REGION = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/llmops"
BUCKET = "sagemaker-us-east-1-123456789012"
MODEL_ID = "meta-textgeneration-llama-2-7b"
TRUST = {
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}]
}
SETTINGS = {"role": ROLE, "region": REGION}

Stage = tuple[str, str]
"""A status, and the reason of a failure."""


def interrupt() -> None:
    """Send SIGINT to the main thread of this process, as Ctrl-C does."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


@attrs.frozen
class Call:
    """One request that reached AWS."""

    service: str
    action: str
    request: Mapping[str, Any]


@attrs.define
class Cloud:
    """The emulated AWS of the tests: what was requested, and what it answers.

    Attributes:
        url: The URL of moto.
        calls: The requests to SageMaker, CloudWatch, IAM, STS and logs, in order.
        job_stages: The stages of a training job, one for each time that it is described; the last one stays.
        endpoint_stages: The same for an endpoint.
        faults: Errors by action (status, code, message), each for one request; None answers normally.
        lost_models: Training jobs whose models are not in S3, although the jobs are completed.
        on_call: Called with the action before it is answered.
    """

    url: str
    calls: list[Call] = attrs.field(factory=list)
    job_stages: list[Stage] = attrs.field(factory=lambda: [("InProgress", ""), ("Completed", "")])
    endpoint_stages: list[Stage] = attrs.field(factory=lambda: [("Creating", ""), ("InService", "")])
    faults: dict[str, list[tuple[int, str, str] | None]] = attrs.field(factory=dict)
    lost_models: set[str] = attrs.field(factory=set)
    on_call: Callable[[str], None] = attrs.field(default=lambda _action: None)
    _lives: dict[str, list[Stage]] = attrs.field(factory=dict)

    def record(self, service: str, action: str, request: Mapping[str, Any]) -> None:
        """Record a request."""
        self.calls.append(Call(service, action, request))

    def requests(self, action: str) -> list[Mapping[str, Any]]:
        """The requests of an action."""
        return [call.request for call in self.calls if call.action == action]

    @property
    def created(self) -> list[str]:
        """The Create* actions of SageMaker, in order."""
        return [call.action for call in self.calls if call.service == "sagemaker" and call.action.startswith("Create")]

    def advance(self, kind: str, name: str, stages: list[Stage]) -> Stage:
        """Go to the next stage, and return it."""
        life = self._lives.setdefault(f"{kind}/{name}", list(stages))
        return life.pop(0) if len(life) > 1 else life[0]

    def turn(self, kind: str, name: str, *stages: Stage) -> None:
        """Set other stages of a resource from now on."""
        self._lives[f"{kind}/{name}"] = list(stages)

    def forget(self, kind: str, name: str) -> None:
        self._lives.pop(f"{kind}/{name}", None)

    def left(self) -> list[str]:
        """The existing resources: kind and name."""
        backend = moto.sagemaker.models.sagemaker_backends["123456789012"][REGION]
        running = [
            f"training-job {job.training_job_name}"
            for job in backend.training_jobs.values()
            if job.training_job_status == "InProgress"
        ]
        kinds = (
            ("endpoint", backend.endpoints),
            ("endpoint-config", backend.endpoint_configs),
            ("model", backend._models),
        )
        return running + [f"{kind} {name}" for kind, resources in kinds for name in resources]


@pytest.fixture(scope="session", autouse=True)
def _read_once() -> Iterator[None]:
    """Do once for all tests what botocore does for every session and client, and what is always the same.

    It reads the descriptions of AWS's services, a megabyte each, makes a method of each action, reads the rules of endpoints,
    and looks up names of events.
    """
    find_alias, make_methods = EventAliaser._alias_event_name, ClientCreator._create_methods
    aliases: dict[str, str] = {}
    methods: dict[str, dict[str, Any]] = {}
    providers: dict[int, tuple[Any, EndpointProvider]] = {}

    def alias(self: Any, event: str) -> str:
        if event not in aliases:
            aliases[event] = find_alias(self, event)
        return aliases[event]

    def methods_of(self: Any, service: Any) -> dict[str, Any]:
        if service.service_name not in methods:
            methods[service.service_name] = make_methods(self, service)
        return dict(methods[service.service_name])

    def provider(ruleset_data: Any, **others: Any) -> EndpointProvider:
        if id(ruleset_data) not in providers:
            providers[id(ruleset_data)] = ruleset_data, EndpointProvider(ruleset_data, **others)
        return providers[id(ruleset_data)][1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.regions, "EndpointProvider", provider)
        patch.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
        patch.setattr(EventAliaser, "_alias_event_name", alias)
        patch.setattr(ClientCreator, "_create_methods", methods_of)
        yield


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """One moto server for all tests of the plugin."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def _resets(moto_url: str) -> Iterator[httpx.Client]:
    """A client that resets moto; one for all tests, because making one loads the system's certificates."""
    with httpx.Client(base_url=moto_url, trust_env=False) as client:
        yield client


@pytest.fixture
def cloud(moto_url: str, _resets: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """An empty account on loopback; requests that boto3 repeats are repeated at once."""
    _resets.post("/moto-api/reset").raise_for_status()
    cloud = Cloud(moto_url)
    script_moto(cloud, monkeypatch)
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _seconds: None))
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setattr(preflight, "_QUOTAS", {})
    jumpstart_options._warn.cache_clear()
    boto3.client("iam").create_role(RoleName="llmops", AssumeRolePolicyDocument=json.dumps(TRUST))
    cloud.calls.clear()
    yield cloud


# -- resources of runs --------------------------------------------------------------------------


class Account:
    """Creates the resources of runs on moto."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.client = boto3.client("sagemaker")
        self.backend = moto.sagemaker.models.sagemaker_backends["123456789012"][REGION]

    def endpoint(self, name: str, state: str = "InService", **tags: str) -> None:
        """Create a model, a configuration and an endpoint in a state."""
        tag_items = tag_list(tags)
        container = {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/i:1"}
        self.client.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE, Tags=tag_items)
        variant = {"VariantName": "v", "ModelName": name, "InstanceType": "ml.g5.2xlarge", "InitialInstanceCount": 2}
        self.client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], Tags=tag_items)
        self.client.create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=tag_items)
        self.backend.endpoints[name].endpoint_status = state
        self.cloud.turn("endpoint", name, (state, ""))

    def job(self, name: str, state: str = "InProgress", **tags: str) -> None:
        """Create a training job in a state."""
        self.client.create_training_job(
            TrainingJobName=name,
            AlgorithmSpecification={"TrainingImage": "i", "TrainingInputMode": "File"},
            RoleArn=ROLE,
            OutputDataConfig={"S3OutputPath": "s3://bucket/"},
            ResourceConfig={"InstanceType": "ml.g5.12xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
            StoppingCondition={"MaxRuntimeInSeconds": 3600},
            Tags=tag_list(tags),
        )
        self.backend.training_jobs[name].training_job_status = state
        self.cloud.turn("job", name, (state, ""))


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags in SageMaker's form; `run_id` becomes `llmops:run-id`."""
    return [{"Key": f"llmops:{name.replace('_', '-')}", "Value": value} for name, value in tags.items()]


@pytest.fixture
def account(cloud: Cloud) -> Account:
    """An account in which a test creates the resources of runs."""
    return Account(cloud)


# -- SageMaker Runtime --------------------------------------------------------------------------


@attrs.define
class RuntimeServer:
    """A server of `InvokeEndpoint`.

    Attributes:
        url: The URL.
        asked: Path, headers (lower case) and body of each request.
        answer: Returns the answer to a body.
    """

    url: str = ""
    asked: list[tuple[str, dict[str, str], Any]] = attrs.field(factory=list)
    answer: Callable[[Any], ServerAnswer] = attrs.field(
        default=lambda body: ServerAnswer([{"generation": body["inputs"][-9:]}])
    )


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[RuntimeServer]:
    """SageMaker Runtime on loopback."""
    server = RuntimeServer()

    def answer(asked: Asked) -> ServerAnswer:
        server.asked.append((asked.path, dict(asked.headers), asked.body))
        return server.answer(asked.body)

    with served(answer) as server.url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", server.url)
        yield server


# -- JumpStart ----------------------------------------------------------------------------------

Edit = Callable[..., None]


@pytest.fixture
def jumpstart(
    cloud: Cloud,  # noqa: ARG001 - the SDK looks for an account while it is imported
    real_data: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Edit:
    """JumpStart's files in a folder: Llama 2 7B in versions 2.0.4 (a model package) and 4.0.0 (none).

    Returns:
        Publishes a further version: `publish("4.1.0", gated_bucket=False)` changes keys of 4.0.0's specification.
    """
    published = json.loads(real_data("jumpstart/minimal_llama-2-7b_2.0.4.json").read_bytes())
    root = tmp_path / "jumpstart"
    root.mkdir()
    manifest: list[dict[str, Any]] = []
    plain = {**published["spec"], "hosting_model_package_arns": None, "training_model_package_artifact_uris": None}
    plain |= {"training_vulnerable": False, "training_vulnerabilities": []}
    plain |= {"hosting_prepacked_artifact_key": "meta-infer/prepack/infer-prepack-llama-2-7b.tar.gz"}

    def publish(version: str, *, model_id: str = MODEL_ID, min_version: str = "2.174.0", **changes: Any) -> None:
        base = published["spec"] if version.startswith("2.") else plain
        spec = {**base, **changes, "version": version, "model_id": model_id}
        key = f"community_models/{model_id}/specs_v{version}.json"
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_text(json.dumps(spec))
        entry = {"model_id": model_id, "version": version, "min_version": min_version, "spec_key": key}
        manifest.append({**entry, "search_keywords": []})
        (root / "models_manifest.json").write_text(json.dumps(manifest))

    publish("2.0.4")
    publish("4.0.0")
    monkeypatch.setenv("AWS_JUMPSTART_MANIFEST_LOCAL_ROOT_DIR_OVERRIDE", str(root))
    monkeypatch.setenv("AWS_JUMPSTART_SPECS_LOCAL_ROOT_DIR_OVERRIDE", str(root))
    if has_sdk_2():  # with which requests are compared; it remembers what it has read
        Line2().load()  # without the warning of its first import, which is an error in tests
        from sagemaker.jumpstart.accessors import JumpStartModelsAccessor

        JumpStartModelsAccessor.reset_cache()
    return publish


def has_sdk_2() -> bool:
    """Return whether the SageMaker SDK 2.x is installed, with which requests are compared."""
    try:
        return version("sagemaker").startswith("2.")
    except PackageNotFoundError:
        return False


@pytest.fixture
def aws(cloud: Cloud, jumpstart: Edit) -> Aws:  # noqa: ARG001 - the account that it reaches
    """An account with JumpStart."""
    return Aws(SageMakerSettings(role=ROLE, region=REGION))


@pytest.fixture
def make_context(tmp_path: Path) -> Callable[..., Context]:
    """Make the context of a step; every keyword replaces one of its fields."""

    def make(**fields: Any) -> Context:
        def refuse(*_: Any) -> Any:
            raise LookupError

        defaults: dict[str, Any] = {
            "run_id": "run-1",
            "step": "train.llama",
            "folder": tmp_path / "artifact",
            "home": tmp_path / "home",
            "offline": False,
            "progress": Progress(),
            "log": logging.getLogger("llmops.test"),
            "settings": SETTINGS,
            "make": refuse,
            "asset": refuse,
        }
        context = Context(**{**defaults, **fields})
        context.folder.mkdir(parents=True, exist_ok=True)
        return context

    return make


@pytest.fixture
def splits(tmp_path: Path) -> DatasetSplits:
    """Two records to train on and one to test on."""
    rows = [{"instruction": f"i{n}", "context": f"c{n} ü", "response": f"r{n}"} for n in range(3)]
    (tmp_path / "splits").mkdir()

    def split(name: str, rows: list[dict[str, str]]) -> Split:
        path = tmp_path / "splits" / f"{name}.jsonl"
        path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")
        return Split(path, len(rows), file_sha256(path))

    return DatasetSplits(split("train", rows[:2]), split("test", rows[2:]))
