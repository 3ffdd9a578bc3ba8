"""The deployer `local-endpoint`: serves a model in a process of its own on loopback, while this process lives."""

from __future__ import annotations

import atexit
import sys
import threading
from pathlib import Path

from llmops_plugins._weights.locate import locate, version
from llmops_plugins.local.device import Device, compute_details, pick_device
from llmops_plugins.local.options import LocalEndpointOptions
from llmops_plugins.local.server.process import ServerProcess
from llmops_sdk.plugin import BaseModel, Context, Deployer, Endpoint, Resource, ServableModel

ENGINE = ("torch", "transformers")
"""The libraries whose versions are part of the key of generations."""

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
        device = self._device()
        return {**compute_details(device, ENGINE), "kernel": device.kernel}

    def resources(self, context: Context, model: ServableModel) -> tuple[Resource, ...]:
        """Return the server's process."""
        return (Resource("process", context.resource_name()),)

    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        """Start the server and wait until it is ready; see `Deployer.deploy`."""
        if isinstance(model, BaseModel):
            weights = locate(context, model)
            folder, weights_version = weights.folder, weights.version
        else:
            folder, weights_version = Path(model.uri), ""  # the step that asks knows its hash
        name = context.resource_name()
        _stop(name)
        server = ServerProcess.start(self._command(folder, name), context.folder / "server.log")
        with _lock:
            _servers[name] = server
        try:
            ready = server.wait_until_ready(self.options.start_timeout)
        except BaseException:
            _stop(name)
            raise
        metadata = {**self.engine(context), **{key: str(value) for key, value in ready.items() if key != "port"}}
        return Endpoint(
            name=name,
            url=f"http://127.0.0.1:{ready['port']}/endpoints/{name}/invocations",
            concurrency=self.options.max_batch,
            metadata={**metadata, "weights": weights_version} if weights_version else metadata,
        )

    def delete(self, context: Context, resource: Resource) -> None:
        """Stop the server; do nothing if it is gone or belongs to another process."""
        _stop(resource.name)

    def _device(self) -> Device:
        return pick_device(self.options.device, self.options.dtype)

    def _command(self, folder: Path, name: str) -> list[str]:
        options, device = self.options, self._device()
        return [
            sys.executable, "-m", "llmops_plugins.local.server.main",
            f"--model={folder}",
            f"--name={name}",
            f"--device={device.name}",
            f"--dtype={device.dtype}",
            f"--kernel={device.kernel}",
            f"--max-batch={options.max_batch}",
            f"--batch-window-ms={options.batch_window_ms}",
            f"--max-body-mb={options.max_body_mb}",
        ]  # fmt: skip


def _stop(name: str) -> None:
    with _lock:
        server = _servers.pop(name, None)
    if server is not None:
        server.stop()


def _stop_all() -> None:
    for name in tuple(_servers):
        _stop(name)


atexit.register(_stop_all)
