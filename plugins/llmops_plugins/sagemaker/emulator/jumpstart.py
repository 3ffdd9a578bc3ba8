"""JumpStart as the rehearsal plays it: the training jobs of its models, and their endpoints."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
import httpx

from llmops_plugins.sagemaker.emulator import supervisor
from llmops_plugins.sagemaker.emulator.container import download
from llmops_plugins.sagemaker.emulator.metadata import GATED, is_model_package
from llmops_plugins.sagemaker.emulator.model_process import TRAINED, Part

BUSY = ("Creating", "Updating")
_MODEL_TAG, _VERSION_TAG = "sagemaker-sdk:jumpstart-model-id", "sagemaker-sdk:jumpstart-model-version"
_PAUSE = 0.3
"""Seconds that a state lasts which on AWS has to do with instances."""

_ASK_SECONDS = 60.0
"""SageMaker's own limit of one request to an endpoint."""


# -- processes ----------------------------------------------------------------------------------


@attrs.define
class Player:
    """A container of JumpStart's that is played by a process.

    Attributes:
        folder: Of its own.
        part: What it plays.
    """

    folder: Path
    part: Part
    _process: subprocess.Popen[str] | None = None
    _stopped: threading.Event = attrs.field(factory=threading.Event)

    def start(self, kind: str) -> subprocess.Popen[str]:
        """Start the process: `train` or `serve`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "part.json").write_text(json.dumps(attrs.asdict(self.part)), encoding="utf-8")
        command = [sys.executable, "-m", "llmops_plugins.sagemaker.emulator.model_process", kind, str(self.folder)]
        if kind == "train":
            command = [sys.executable, str(supervisor.__file__), *command]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the definition's own command
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        if self._stopped.is_set():
            self.stop()
        return self._process

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.folder / "log"

    @property
    def stopped(self) -> bool:
        """Whether it was told to end."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Let it end."""
        self._stopped.set()
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def last_words(self) -> str:
        """Return the last line it has printed."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


@attrs.define
class JumpStart:
    """The training jobs and endpoints that are played.

    Attributes:
        folder: Below which their files are.
        s3: A boto3 client.
        logs: A boto3 client of CloudWatch Logs.
        make_part: Makes the part of a job or endpoint by its name.
    """

    folder: Path
    s3: Any
    logs: Any
    make_part: Callable[[str], Part]
    _jobs: dict[str, Player] = attrs.field(factory=dict)
    _endpoints: dict[str, Player] = attrs.field(factory=dict)
    _urls: dict[str, str] = attrs.field(factory=dict)
    _packages: set[str] = attrs.field(factory=set)

    # -- training jobs --------------------------------------------------------------------------

    def train(self, job: Any, environment: Mapping[str, str]) -> None:
        """Begin to play a training job.

        Args:
            job: Moto's, whose states change with the time.
            environment: Of its container.
        """
        name = job.training_job_name
        job.training_job_status, job.secondary_status, job.failure_reason = "InProgress", "Starting", None
        player = self._jobs[name] = Player(self.folder / "jobs" / name, self.make_part(name))
        target = f"{job.output_data_config['S3OutputPath'].rstrip('/')}/{name}/output/model"
        compressed = job.output_data_config.get("CompressionType") != "NONE"
        job.model_artifacts = {"S3ModelArtifacts": f"{target}.tar.gz" if compressed else f"{target}/"}
        self._beside(lambda: self._train(job, player, environment))

    def stop_training(self, job: Any) -> None:
        """Stop a training job; one that has ended stays as it is."""
        if job.training_job_status == "InProgress":
            job.training_job_status = job.secondary_status = "Stopping"
            self._jobs[job.training_job_name].stop()

    def _train(self, job: Any, player: Player, environment: Mapping[str, str]) -> None:
        began = time.time()
        with _failing(job, "training_job_status", "AlgorithmError: "):
            job.secondary_status = "Downloading"
            self._download_channel(job, player.folder / "data")
            time.sleep(_PAUSE)
            if _tag(job.tags, _MODEL_TAG).startswith(GATED) and not _is_accepted(job, environment):
                message = "the licence is not accepted: neither in the environment (accept_eula) nor of a channel"
                raise RuntimeError(message)
            job.secondary_status = "Training"
            code = player.start("train").wait()
            if code and not player.stopped:
                self._put_log("/aws/sagemaker/TrainingJobs", f"{job.training_job_name}/algo-1", player)
                message = f"{player.last_words()}, exit code: {code}"
                raise RuntimeError(message)
            if not player.stopped:
                job.secondary_status = "Uploading"
                self._upload(player.folder / "work", job.model_artifacts["S3ModelArtifacts"])
                time.sleep(_PAUSE)
                job.training_job_status = job.secondary_status = "Completed"
        if player.stopped:
            job.training_job_status = job.secondary_status = "Stopped"
        job.training_time_in_seconds = job.billable_time_in_seconds = int(time.time() - began)

    def _download_channel(self, job: Any, folder: Path) -> None:
        for channel in job.input_data_config:
            if channel["ChannelName"] == "training":
                download(self.s3, channel["DataSource"]["S3DataSource"]["S3Uri"], folder)

    def _upload(self, work: Path, target: str) -> None:
        parts = urlsplit(target)
        key = parts.path.lstrip("/")
        left = [path for path in sorted(work.rglob("*")) if path.is_file() and _is_model(path.relative_to(work), work)]
        if key.endswith(".tar.gz"):
            packed = work.parent / "model.tar.gz"
            with tarfile.open(packed, "w:gz") as archive:
                for path in left:
                    archive.add(path, str(path.relative_to(work)))
            self.s3.upload_file(str(packed), parts.netloc, key)
            return
        for path in left:
            self.s3.upload_file(str(path), parts.netloc, f"{key}{path.relative_to(work).as_posix()}")

    def _put_log(self, group: str, stream: str, player: Player) -> None:
        lines = player.log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
        now = int(time.time() * 1000)
        with suppress(self.logs.exceptions.ResourceAlreadyExistsException):
            self.logs.create_log_group(logGroupName=group)
        self.logs.create_log_stream(logGroupName=group, logStreamName=stream)
        events = [{"timestamp": now, "message": line} for line in lines if line.strip()]
        if events:
            self.logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    # -- endpoints ------------------------------------------------------------------------------

    def serve(self, endpoint: Any, container: Mapping[str, Any], tags: list[dict[str, str]]) -> None:
        """Begin to play an endpoint.

        Args:
            endpoint: Moto's, whose states change with the time.
            container: Of its model.
            tags: With which it was asked for; the SageMaker SDK names the model in them.
        """
        name = endpoint.endpoint_name
        if is_model_package(_tag(tags, _MODEL_TAG), _tag(tags, _VERSION_TAG)):
            self._packages.add(name)
        endpoint.endpoint_status, endpoint.failure_reason = "Creating", None
        player = self._endpoints[name] = Player(self.folder / "endpoints" / name, self.make_part(name))
        self._beside(lambda: self._serve(endpoint, player, container))

    def end(self, name: str) -> None:
        """End an endpoint that is being deleted."""
        self._urls.pop(name, None)
        player = self._endpoints.pop(name, None)
        if player is not None:
            player.stop()

    def ask(self, name: str, body: bytes, attributes: str) -> httpx.Response:
        """Ask an endpoint that is in service; a package's container answers nobody who does not accept its licence.

        Args:
            name: Of the endpoint.
            body: Of the request.
            attributes: The request's custom attributes.

        Raises:
            KeyError: It is not in service.
        """
        if name in self._packages and "accept_eula=true" not in attributes:
            return httpx.Response(400, text="Need to pass custom_attributes='accept_eula=true' as part of header")
        with httpx.Client(trust_env=False, timeout=_ASK_SECONDS) as client:
            return client.post(self._urls[name], content=body, headers={"Content-Type": "application/json"})

    def _serve(self, endpoint: Any, player: Player, container: Mapping[str, Any]) -> None:
        with _failing(endpoint, "endpoint_status", ""):
            self._download_model(container, player.folder / "model")
            time.sleep(_PAUSE)
            process = player.start("serve")
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                self._put_log(f"/aws/sagemaker/Endpoints/{endpoint.endpoint_name}", "AllTraffic/i-1", player)
                message = (
                    "The primary container for production variant AllTraffic did not pass the ping health check."
                    f" Please check CloudWatch logs for this endpoint: {player.last_words()}"
                )
                raise RuntimeError(message)
            self._urls[endpoint.endpoint_name] = json.loads(line)["url"]
            endpoint.endpoint_status = "InService"

    def _download_model(self, container: Mapping[str, Any], folder: Path) -> None:
        """Bring the weights of a played training job; JumpStart's own are not here, and the stand-in is served as it is."""
        source = container.get("ModelDataSource", {}).get("S3DataSource", {})
        uri = source.get("S3Uri") or container.get("ModelDataUrl") or ""
        if not uri:
            return
        try:
            download(self.s3, uri, folder)
        except (FileNotFoundError, self.s3.exceptions.NoSuchBucket):
            return
        packed = folder / "model.tar.gz"
        if packed.is_file():
            with tarfile.open(packed) as archive:
                archive.extractall(folder)  # noqa: S202 - a played job of this very program has packed it

    # -------------------------------------------------------------------------------------------

    def close(self) -> None:
        """End everything."""
        for player in (*self._jobs.values(), *self._endpoints.values()):
            player.stop()

    @staticmethod
    def _beside(call: Callable[[], None]) -> None:
        threading.Thread(target=call, name="llmops-rehearsal-jumpstart", daemon=True).start()


def _tag(tags: list[dict[str, str]], name: str) -> str:
    return next((tag["Value"] for tag in tags if tag["Key"] == name), "")


def _is_accepted(job: Any, environment: Mapping[str, str]) -> bool:
    """Tell whether a request accepts a licence, in one of the two ways in which the SageMaker SDK says so."""
    sources = [channel.get("DataSource", {}).get("S3DataSource", {}) for channel in job.input_data_config]
    of_channels = any(source.get("ModelAccessConfig", {}).get("AcceptEula") for source in sources)
    return of_channels or environment.get("accept_eula") == "true"


def _is_model(inside: Path, work: Path) -> bool:
    """Tell whether a file belongs to what a training leaves, and not to what it needed on the way."""
    if inside.name == TRAINED:
        return True
    uri = json.loads((work / TRAINED).read_bytes())["uri"]
    return inside == Path(uri) or Path(uri) in inside.parents


@contextmanager
def _failing(played: Any, status: str, before: str) -> Iterator[None]:
    try:
        yield
    except Exception as exc:  # noqa: BLE001 - all that can go wrong goes to the parent
        played.failure_reason = f"{before}{exc}"[:1024]
        setattr(played, status, "Failed")
        if status == "training_job_status":
            played.secondary_status = "Failed"
