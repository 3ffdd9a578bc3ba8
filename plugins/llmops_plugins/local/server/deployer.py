"""The deployer `local-endpoint`: serves a model in a process of its own on loopback, while this process lives."""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import attrs

from llmops_plugins._weights.locate import Weights, locate, version
from llmops_plugins.local.device import OPENVINO, Device, compute_details, pick_device
from llmops_plugins.local.names import EXTRA
from llmops_plugins.local.options import LocalEndpointOptions
from llmops_plugins.local.server.process import ServerProcess
from llmops_sdk.plugin import (
    BaseModel,
    Context,
    Deployer,
    Endpoint,
    EndpointError,
    ModelServer,
    Resource,
    ServableModel,
    install_hint,
)

_servers: dict[str, ServerProcess] = {}
_lock = threading.Lock()


class LocalEndpoint(Deployer):
    """Starts the server with the model, and stops it.

    The server ends with this process, however that ends, so a later process has nothing to delete.
    """

    options: LocalEndpointOptions

    def fingerprint(self, context: Context, model: BaseModel) -> str:
        """Return the exact version of the weights."""
        return version(context, model)

    def engine(self, context: Context) -> dict[str, str]:
        """Return what this machine computes with; see `Deployer.engine`."""
        return compute_details(self._device())

    def resources(self, context: Context, model: ServableModel) -> tuple[Resource, ...]:
        """Return the server's process."""
        return (Resource("process", context.resource_name()),)

    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        """Start the server and wait until it is ready; see `Deployer.deploy`."""
        weights, name = self.find_weights(context, model), context.resource_name()
        _stop(name)
        command = [*self._command(weights.folder, _name_of(model)), f"--endpoint={name}"]
        server = ServerProcess.start(command, context.folder / "server.log")
        with _lock:
            _servers[name] = server
        try:
            ready = server.wait_until_ready(self.options.start_timeout)
            metadata = self._metadata(context, ready)
        except BaseException:
            _stop(name)
            raise
        return Endpoint(
            name=name,
            url=f"http://127.0.0.1:{ready['port']}/endpoints/{name}/invocations",
            concurrency=self.options.max_batch,
            metadata={**metadata, "weights": weights.version} if weights.version else metadata,
        )

    def serve(self, context: Context, model: ServableModel, *, name: str, port: int) -> ModelServer:
        """Start the server on the given port; see `Deployer.serve`."""
        weights = self.find_weights(context, model)
        process = ServerProcess.start(self._command(weights.folder, name, port), context.folder / "server.log")
        try:
            ready = process.wait_until_ready(self.options.start_timeout)
            self._metadata(context, ready)
        except BaseException:
            process.stop()
            raise
        return LocalServer(process, f"http://127.0.0.1:{ready['port']}/v1", name, weights.folder)

    def delete(self, context: Context, resource: Resource) -> None:
        """Stop the server; do nothing if it is gone or belongs to another process."""
        _stop(resource.name)

    def find_weights(self, context: Context, model: ServableModel) -> Weights:
        """Return the folder that the server loads."""
        if isinstance(model, BaseModel):
            return locate(context, model)
        return Weights(Path(model.uri), "")  # the step that asks knows its hash

    def _metadata(self, context: Context, ready: Mapping[str, Any]) -> dict[str, str]:
        """Return how the model is computed. If that is not as `auto` would have it, the reason is part of it.

        Raises:
            EndpointError: The engine was asked for by name, and does not take the model.
        """
        options, device = self.options, self._device()
        fallback = ready["fallback"]
        if fallback and options.engine == OPENVINO:
            message = f"OpenVINO does not take this model: {fallback}; use the engine 'auto' or 'torch'"
            raise EndpointError(message)
        if options.engine == "auto" and device.kind == "cpu" and device.engine != OPENVINO:
            fallback = f"it is not installed: {install_hint(EXTRA)}"
        details = compute_details(attrs.evolve(device, engine=ready["engine"]))
        known = ("port", "engine", "fallback")
        metadata = {**details, **{key: str(value) for key, value in ready.items() if key not in known}}
        if fallback:
            metadata["not OpenVINO"] = fallback
            context.log.warning("torch computes this model, not OpenVINO: %s", fallback)
            context.progress.log(f"torch computes this model, not OpenVINO: {fallback}")
        return metadata

    def _device(self) -> Device:
        return pick_device(self.options.device, self.options.dtype, self.options.engine)

    def _command(self, folder: Path, name: str, port: int = 0) -> list[str]:
        options, device = self.options, self._device()
        return [
            sys.executable, "-m", "llmops_plugins.local.server.main",
            f"--model={folder}",
            f"--name={name}",
            f"--port={port}",
            f"--device={device.name}",
            f"--dtype={device.dtype}",
            f"--engine={device.engine}",
            f"--max-batch={options.max_batch}",
            f"--batch-window-ms={options.batch_window_ms}",
            f"--max-body-mb={options.max_body_mb}",
        ]  # fmt: skip


class LocalServer(ModelServer):
    """A server for users' own programs."""

    def __init__(self, process: ServerProcess, url: str, model: str, weights: Path) -> None:
        super().__init__(url, model, weights)
        self._process = process

    def wait(self) -> NoReturn:
        self._process.wait()

    def stop(self) -> None:
        self._process.stop()


def _name_of(model: ServableModel) -> str:
    """Return what the model is called in its answers: the same in every run."""
    if isinstance(model, BaseModel):
        return Path(model.source).name
    return f"{Path(model.base.source).name}-fine-tuned"


def _stop(name: str) -> None:
    with _lock:
        server = _servers.pop(name, None)
    if server is not None:
        server.stop()


def _stop_all() -> None:
    for name in tuple(_servers):
        _stop(name)


atexit.register(_stop_all)
