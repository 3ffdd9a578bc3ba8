"""The executor `sagemaker-rehearsal`: the very pipeline that would be sent to SageMaker, run on this machine.

AWS is played on loopback by a process of its own (`rehearsal_server`), and ends with this one. The run is kept in the
user's folder; it is in the bucket that is played while it runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import attrs

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.aws.names import JUMPSTART
from llmops_plugins.sagemaker.aws.settings import PLUGIN, SageMakerSettings
from llmops_plugins.sagemaker.emulator.account import ACCOUNT, ROLE, Choices, loopback_client, loopback_session
from llmops_plugins.sagemaker.pipeline.executor import SageMakerExecutor
from llmops_plugins.sagemaker.pipeline.options import RehearsalOptions
from llmops_plugins.sagemaker.store import S3Store
from llmops_sdk.plugin import EndpointError, Plan, Run, Runtime, SpecError, Store, digest

if TYPE_CHECKING:
    from botocore.config import Config

_END_SECONDS = 30.0
"""In which the played AWS ends what it has started."""

_IMAGE = "rehearsal"
_REGION = "us-east-1"
_NOWHERE = "http://127.0.0.1:9"
"""Where AWS is while nothing is sent to it."""

SUBSTITUTED = (
    "AWS is played on this machine: moto on loopback for S3, IAM, STS and SageMaker, with an empty bucket",
    "the container's image is this Python with what is installed in it",
    "/opt/ml is a folder of each step",
    "role, bucket and image are made up where the settings name none",
    "a step that SageMaker would try again ends as failed, and steps wait for one another where this machine has no room",
)
INSTALLED = "the requirements of the steps are installed with pip into one environment for all of them"
NOT_INSTALLED = "the requirements are not installed with pip: the shipped wheels are unpacked, the rest is what is here"
PLAYED = (
    "JumpStart's metadata is a minimal one, written for the rehearsal",
    "training jobs of JumpStart models fine-tune the model {stand_in!r} on this machine, {steps} optimizer steps long",
    "endpoints of JumpStart models serve the model {stand_in!r} on this machine",
)


class RehearsalExecutor(SageMakerExecutor):
    """Plays AWS for the time of one run."""

    remote = False
    options: RehearsalOptions

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self._world: _World | None = None

    def create_run(self, plan: Plan, store: Store, runtime: Runtime) -> Run:
        """Begin the run in the bucket that is played, and in the user's folder."""
        if "://" in store.uri and not store.uri.startswith("file://"):
            message = f"a rehearsal is kept in a folder of this machine, not in {store.uri!r}"
            raise SpecError(message)
        stand_in = self._stand_in_assets(runtime) if _jumpstart(plan) else ()
        for asset in (*plan.assets, *stand_in):  # what is missing is told before anything is started
            runtime.asset(asset)
        self._world = _World(plan, self.options, runtime)
        try:
            self._world.copy_in(store, runtime.home)
            played = super().create_run(plan, store, runtime)
            _begin_copy(played, store, self.substituted(plan))
        except BaseException:
            self._close()
            raise
        return Run.open(store, played.id)

    def resume(self, run: Run, runtime: Runtime) -> Run:
        """Begin another rehearsal: the account that was played is gone."""
        runtime.progress.log("a rehearsal begins anew, with what an earlier one has made: the account is gone")
        return self._anew(run, runtime)

    def execute(self, run: Run, runtime: Runtime) -> None:
        if self._world is None:
            message = f"the rehearsal {run.id!r} was played by another program: begin another one"
            raise SpecError(message)
        world, played = self._world, Run.open(self._world.store, run.id)
        try:
            self._watch(played, runtime, lambda: world.copy_back(run, runtime.home))
        finally:
            try:
                world.copy_back(run, runtime.home)
                _strike_all(run)
            finally:
                self._close()

    def substituted(self, plan: Plan) -> tuple[str, ...]:
        """Return what the rehearsal puts in the place of AWS, in sentences for the report."""
        played = PLAYED if _jumpstart(plan) else ()
        told = (*SUBSTITUTED, INSTALLED if self.options.install else NOT_INSTALLED, *played)
        return tuple(text.format(stand_in=self.options.stand_in, steps=self.options.stand_in_steps) for text in told)

    def _stand_in_assets(self, runtime: Runtime) -> tuple[str, ...]:
        """Return the assets of the model that plays JumpStart's, and refuse one that cannot be used here."""
        name, registry = self.options.stand_in, runtime.registry
        card: Any = registry.offer("model", name).card
        registry.check_extra(registry.offer("trainer", card.trainer).card)
        registry.check_extra(registry.offer("deployer", card.deployer).card)
        options = registry.options(card, self.options.stand_in_options, f"stand_in {name!r}")
        return tuple(options.assets())

    def _aws(self, plan: Plan) -> Aws:
        return self._world.aws if self._world is not None else _NoAws(_settings(plan), _NOWHERE)

    def _store(self, aws: Aws, store: Store, plan: Plan, runtime: Runtime) -> Store:
        del aws, store, plan, runtime
        if self._world is None:
            raise AssertionError
        return self._world.store

    def _check_online(self, runtime: Runtime) -> None:
        """A rehearsal needs no network."""

    def _close(self) -> None:
        if self._world is not None:
            self._world.close()
            self._world = None


def _settings(plan: Plan) -> SageMakerSettings:
    """Return the settings, with what an account would have had to bring."""
    given = SageMakerSettings.from_mapping(plan.settings.get(PLUGIN, {}))
    return attrs.evolve(given, profile="", region=given.region or _REGION, image_uri=given.image_uri or _IMAGE)


def _jumpstart(plan: Plan) -> dict[str, str]:
    return {model.base.source: model.base.version for model in plan.models if model.base.format == JUMPSTART}


class _NoAws(Aws):
    """An account that is played at a URL: no credentials, configuration or proxy of the user's."""

    def __init__(self, settings: SageMakerSettings, url: str) -> None:
        super().__init__(settings)
        self._url = url

    @cached_property
    def session(self) -> Any:
        return loopback_session(self.settings.region)

    def client(self, service: str, config: Config | None = None) -> Any:
        if config is not None:
            return loopback_client(service, self._url, self.region, config)
        if service not in self._clients:
            self._clients[service] = loopback_client(service, self._url, self.region)
        return self._clients[service]

    @cached_property
    def role(self) -> str:
        named = self.settings.role
        if named and not named.startswith("arn:"):
            return f"arn:aws:iam::{ACCOUNT}:role/{named}"
        return named or ROLE

    @cached_property
    def bucket(self) -> str:
        return self.settings.bucket or f"sagemaker-{self.region}-rehearsal"


class _PlayedStore(S3Store):
    """A store in the bucket that is played."""

    def __init__(self, aws: Aws) -> None:
        super().__init__(f"{aws.uri()}?region={aws.region}", {})
        self._aws = aws


class _World:
    """The process that plays AWS, and the account in it."""

    def __init__(self, plan: Plan, options: RehearsalOptions, runtime: Runtime) -> None:
        settings = _settings(plan)
        made = _NoAws(settings, _NOWHERE)
        stand_in = digest(options.stand_in, dict(options.stand_in_options), options.stand_in_steps)
        self._prefix = f"rehearsal-{stand_in[:8]}-"
        with ExitStack() as ended:
            self.folder = Path(ended.enter_context(tempfile.TemporaryDirectory(prefix="llmops-rehearsal-")))
            choices = Choices(
                folder=str(self.folder),
                python=sys.executable,
                region=settings.region,
                bucket=made.bucket,
                role=made.role,
                steps_at_a_time=options.steps_at_a_time,
                install=options.install,
                stand_in=options.stand_in,
                stand_in_options=options.stand_in_options,
                stand_in_steps=options.stand_in_steps,
                jumpstart=_jumpstart(plan),
            )
            with runtime.progress.task("starting the rehearsal's AWS"):
                log = ended.enter_context((self.folder / "aws.log").open("wb"))
                self._process = _start(choices, log, runtime)
                ended.callback(self._end)
                url = self._url()
            self._ended = ended.pop_all()
        self.aws = _NoAws(settings, url)
        self.store = _PlayedStore(self.aws)

    def _url(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            said = (self.folder / "aws.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
            message = f"the rehearsal's AWS did not start: {said[-1] if said else 'it said nothing'}"
            raise EndpointError(message)
        return str(json.loads(line)["url"])

    def copy_back(self, run: Run, home: Path) -> None:
        """Bring the artifacts and the record into the user's store, and what the containers printed, as far as they are.

        The artifacts get addresses that only rehearsals with the same stand-in look for: what that has answered must
        never be taken for the answers of the model that it stood for.
        """
        addresses = {address: self._kept_address(address) for address in _artifacts(self.store)}
        for address, renamed in addresses.items():
            _copy_artifact(self.store, run.store, address, renamed, home)
        own = {f"runs/{run.id}/run.json", f"runs/{run.id}/specification.yaml"}
        for key in self.store.list(f"runs/{run.id}/"):
            if key not in own:
                data = self.store.get(key) or b""
                run.store.put(key, _renamed(data, addresses) if key.endswith(".json") else data)
        for log in sorted((self.folder / run.id).glob("*/log")):
            run.put(f"logs/container.{log.parent.name}.log", log.read_bytes())

    def copy_in(self, store: Store, home: Path) -> None:
        """Bring what an earlier rehearsal has made into the bucket, but for what refers to the bucket of that one."""
        for kept in sorted(_artifacts(store)):
            kind, _, name = kept.partition("/")
            address = f"{kind}/{name.removeprefix(self._prefix)}"
            if name.startswith(self._prefix) and b"s3://" not in (store.get(f"artifacts/{kept}/artifact.json") or b""):
                _copy_artifact(store, self.store, kept, address, home)

    def _kept_address(self, address: str) -> str:
        kind, _, name = address.partition("/")
        return f"{kind}/{self._prefix}{name}"

    def close(self) -> None:
        """End the process, with all that it has started, and remove its folder."""
        self._ended.close()

    def _end(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _start(choices: Choices, log: IO[bytes], runtime: Runtime) -> subprocess.Popen[str]:
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "LLMOPS_HOME": str(runtime.home),
        "LLMOPS_OFFLINE": "1" if runtime.offline else "",
        "PYTHONSAFEPATH": "1",
    }
    return subprocess.Popen(  # noqa: S603 - this interpreter, this package
        [sys.executable, "-m", "llmops_plugins.sagemaker.emulator.server", json.dumps(attrs.asdict(choices))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=variables,
        start_new_session=True,
        text=True,
    )


def _artifacts(store: Store) -> set[str]:
    """Return the addresses of the artifacts that are whole."""
    whole = (key for key in store.list("artifacts/") if key.endswith("/artifact.json"))
    return {key.removeprefix("artifacts/").removesuffix("/artifact.json") for key in whole}


def _strike_all(run: Run) -> None:
    """Strike what the ledger still holds: it was played, and nothing of it is left."""
    for entry in run.ledger():
        if entry.deleted is None:
            run.mark_deleted(entry.resource, entry.step)


def _renamed(data: bytes, addresses: Mapping[str, str]) -> bytes:
    for address, renamed in addresses.items():
        data = data.replace(address.encode(), renamed.encode())
    return data


def _copy_artifact(source: Store, target: Store, address: str, renamed: str, home: Path) -> None:
    """Copy an artifact, the file that says that it is whole last."""
    mark = f"artifacts/{renamed}/artifact.json"
    data = source.get(f"artifacts/{address}/artifact.json")
    if data is None or target.get(mark) is not None:
        return
    with target.workspace(f"artifacts/{renamed}", home) as folder:
        source.download(f"artifacts/{address}", folder)
        (folder / "artifact.json").unlink()
    target.put(mark, _renamed(data, {address: renamed}))


def _begin_copy(played: Run, store: Store, substituted: tuple[str, ...]) -> None:
    """Begin the run in the user's store too; its facts tell what was substituted."""
    metadata = {f"rehearsal {number}": text for number, text in enumerate(substituted, start=1)}
    plan_key = f"plans/{played.plan.hash}/plan.json"
    plan = played.store.get(plan_key)
    if plan is not None:
        store.put(plan_key, plan)
    told = {**played.metadata, "facts": metadata}
    store.put(f"runs/{played.id}/run.json", json.dumps(told, sort_keys=True, ensure_ascii=False).encode())
