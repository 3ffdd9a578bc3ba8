"""The executor `sagemaker-rehearsal`: runs the pipeline that would be sent to SageMaker, on this machine.

AWS is emulated on loopback by a process (`server.py`) that ends with this one. While the run is executed, its record is in
the emulated bucket; it is copied to the user's folder after each change.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import attrs

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.emulator.choices import ACCOUNT, EmulatedSession, EmulatorChoices
from llmops_plugins.sagemaker.names import JUMPSTART
from llmops_plugins.sagemaker.pipeline.executor import SageMakerExecutor
from llmops_plugins.sagemaker.pipeline.options import RehearsalOptions
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_plugins.sagemaker.store import S3Store
from llmops_sdk.plugin import (
    Artifact,
    EndpointError,
    Plan,
    Run,
    Runtime,
    SpecError,
    Store,
    artifact_addresses,
    copy_artifact,
    digest,
)

_END_SECONDS = 30.0
"""Time for the emulator to end everything that it started."""

_NOWHERE = "http://127.0.0.1:9"
"""The URL of AWS while nothing is sent to it."""

_EMULATED = (
    "AWS is emulated on this machine: moto on loopback for S3, IAM, STS and SageMaker, with an empty bucket",
    "the image of the containers is this Python with the packages that are installed in it",
    "/opt/ml is a folder of each step",
    "role, bucket and image are invented if the settings do not set them",
    "a step that SageMaker would retry fails, and steps wait for each other if this machine has no room",
)
_INSTALLED = "the requirements of the steps are installed with pip into one environment for all steps"
_NOT_INSTALLED = (
    "the requirements are not installed with pip: shipped wheels are unpacked, the rest is this environment's"
)
_EMULATED_JUMPSTART = (
    "JumpStart's metadata is a minimal one, invented for the rehearsal",
    "training jobs of JumpStart models fine-tune the model {substitute!r} on this machine for {steps} optimizer steps",
    "endpoints of JumpStart models serve the model {substitute!r} on this machine",
)


class RehearsalExecutor(SageMakerExecutor):
    """Emulates AWS for the time of one run."""

    remote = False
    options: RehearsalOptions

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self._emulator: Emulator | None = None

    def create_run(self, plan: Plan, store: Store, runtime: Runtime) -> Run:
        """Start the run in the emulated bucket, and create it in the user's folder too."""
        if "://" in store.uri and not store.uri.startswith("file://"):
            message = f"a rehearsal is stored in a folder of this machine, not in {store.uri!r}"
            raise SpecError(message)
        substitute = self._substitute_assets(runtime) if _jumpstart_models(plan) else ()
        for asset in (*plan.assets, *substitute):  # a missing one is reported before anything is started
            runtime.asset(asset)
        self._emulator = Emulator(plan, self.options, runtime)
        try:
            self._emulator.copy_in(store, runtime.home)
            emulated_run = super().create_run(plan, store, runtime)
            details = {f"rehearsal {number}": text for number, text in enumerate(self.differences(plan), start=1)}
            return Run.create(store, plan, run_id=emulated_run.id, details=details)
        except BaseException:
            self._close()
            raise

    def resume(self, run: Run, runtime: Runtime) -> Run:
        """Start another rehearsal: the emulated account of the first one no longer exists."""
        runtime.progress.log("starting another rehearsal that reuses the results of the earlier one")
        return self._start_again(run, runtime)

    def is_running(self, run: Run, runtime: Runtime) -> bool:
        """Return no: the emulated account ends with the program that started it, which has a heartbeat."""
        del run, runtime
        return False

    def execute(self, run: Run, runtime: Runtime) -> None:
        if self._emulator is None:
            message = f"rehearsal {run.id!r} belongs to another program; start another one with: llmops run"
            raise SpecError(message)
        emulator = self._emulator
        try:
            self._watch(Run.open(emulator.store, run.id), runtime, lambda: emulator.copy_out(run, runtime.home))
        finally:
            try:
                emulator.copy_out(run, runtime.home)
                for entry in run.ledger():
                    if entry.deleted is None:  # it ends with the emulated account
                        run.mark_deleted(entry.resource, entry.step)
            finally:
                self._close()

    def differences(self, plan: Plan) -> tuple[str, ...]:
        """Return what differs from a run on SageMaker, in sentences for the report."""
        jumpstart = _EMULATED_JUMPSTART if _jumpstart_models(plan) else ()
        texts = (*_EMULATED, _INSTALLED if self.options.install else _NOT_INSTALLED, *jumpstart)
        values = {"substitute": self.options.substitute, "steps": self.options.substitute_steps}
        return tuple(text.format_map(values) for text in texts)

    def _substitute_assets(self, runtime: Runtime) -> tuple[str, ...]:
        """Return the assets of the substitute model, after checking that it can be used on this machine."""
        name, registry = self.options.substitute, runtime.registry
        card: Any = registry.offer("model", name).card
        registry.check_extra(registry.offer("trainer", card.trainer))
        registry.check_extra(registry.offer("deployer", card.deployer))
        options = registry.options(card, self.options.substitute_options, f"substitute {name!r}")
        return tuple(options.assets())

    def _check_online(self, runtime: Runtime) -> None:
        """Accept an offline run: a rehearsal needs no network."""

    def _aws(self, plan: Plan) -> Aws:
        return self._emulator.aws if self._emulator is not None else _aws(plan, _NOWHERE)

    def _store(self, aws: Aws, store: Store, plan: Plan, runtime: Runtime) -> Store:
        del aws, store, plan, runtime
        if self._emulator is None:
            raise AssertionError
        return self._emulator.store

    def _close(self) -> None:
        if self._emulator is not None:
            self._emulator.close()
            self._emulator = None


class Emulator:
    """The process with the emulated account.

    Args:
        plan: The plan that is rehearsed.
        options: The options of the executor.
        runtime: The runtime of this process.

    Attributes:
        url: The URL of the account.
        folder: Holds the files of the emulator.
        aws: The account.
        store: The store in its bucket.
    """

    def __init__(self, plan: Plan, options: RehearsalOptions, runtime: Runtime) -> None:
        settings = emulated_settings(plan)
        substitute = digest(options.substitute, dict(options.substitute_options), options.substitute_steps)
        self._prefix = f"rehearsal-{substitute[:8]}-"
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="llmops-rehearsal-")))
            choices = EmulatorChoices(
                folder=str(self.folder),
                python=sys.executable,
                region=settings.region,
                bucket=settings.bucket,
                role=settings.role,
                steps_at_a_time=options.steps_at_a_time,
                install=options.install,
                substitute=options.substitute,
                substitute_options=options.substitute_options,
                substitute_steps=options.substitute_steps,
                jumpstart=_jumpstart_models(plan),
                quotas=options.quotas,
            )
            with runtime.progress.task("starting the emulated AWS account"):
                log = stack.enter_context((self.folder / "aws.log").open("wb"))
                self._process = _start(choices, log, runtime)
                stack.callback(self._end)
                self.url = self._read_url()
            self._stack = stack.pop_all()
        self.aws = _aws(plan, self.url)
        self.store = S3Store(f"{self.aws.uri()}?region={settings.region}", {}, aws=self.aws)

    def copy_out(self, run: Run, home: Path) -> None:
        """Copy the artifacts, the record and the logs of the containers to the user's store, as far as they exist.

        The artifacts get addresses that only rehearsals with the same substitute look for: answers of the substitute must
        never be taken for answers of the JumpStart model.
        """
        addresses = {address: self._rehearsal_address(address) for address in artifact_addresses(self.store)}
        run.mark_use(addresses.values())
        for address, new_address in addresses.items():
            copy_artifact(self.store, run.store, address, new_address=new_address, home=home)
        run.copy_record(Run.open(self.store, run.id), addresses)
        for log in sorted((self.folder / run.id).glob("*/log")):
            run.put_log(f"container.{log.parent.name}", log.read_bytes())

    def copy_in(self, store: Store, home: Path) -> None:
        """Copy the artifacts of earlier rehearsals into the bucket, except those that refer to an earlier bucket."""

        def accept(artifact: Artifact) -> bool:
            return "s3://" not in json.dumps(artifact.value)

        for rehearsal_address in artifact_addresses(store):
            kind, _, name = rehearsal_address.partition("/")
            if name.startswith(self._prefix):
                address = f"{kind}/{name.removeprefix(self._prefix)}"
                copy_artifact(store, self.store, rehearsal_address, new_address=address, home=home, accept=accept)

    def close(self) -> None:
        """End the process with everything that it started, and remove its folder."""
        self._stack.close()

    def _rehearsal_address(self, address: str) -> str:
        kind, _, name = address.partition("/")
        return f"{kind}/{self._prefix}{name}"

    def _read_url(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            lines = (self.folder / "aws.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
            message = f"the emulated AWS account did not start: {lines[-1] if lines else 'no output'}"
            raise EndpointError(message)
        return str(json.loads(line)["url"])

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


def _start(choices: EmulatorChoices, log: IO[bytes], runtime: Runtime) -> subprocess.Popen[str]:
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


def emulated_settings(plan: Plan) -> SageMakerSettings:
    """Return the settings of a plan, with values for everything that a real account would provide."""
    settings = SageMakerSettings.of_plan(plan)
    region, role = settings.region or "us-east-1", settings.role or "llmops-rehearsal"
    return attrs.evolve(
        settings,
        profile="",
        region=region,
        role=role if role.startswith("arn:") else f"arn:aws:iam::{ACCOUNT}:role/{role}",
        bucket=settings.bucket or f"sagemaker-{region}-rehearsal",
        image_uri=settings.image_uri or "rehearsal",
    )


def _aws(plan: Plan, url: str) -> Aws:
    settings = emulated_settings(plan)
    return Aws(settings, session=EmulatedSession(url, settings.region))


def _jumpstart_models(plan: Plan) -> dict[str, str]:
    return {model.base.source: model.base.version for model in plan.models if model.base.format == JUMPSTART}
