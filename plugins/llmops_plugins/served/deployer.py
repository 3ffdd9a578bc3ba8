"""The deployer `served`: starts a server with a command, and stops it."""

from __future__ import annotations

import atexit
import socket
import threading
from pathlib import Path
from typing import NoReturn

from llmops_plugins.served.command import fill, placeholders
from llmops_plugins.served.conversion import convert_to_gguf
from llmops_plugins.served.options import ServedOptions
from llmops_plugins.served.process import Process
from llmops_plugins.served.readiness import served_model, wait_until_ready
from llmops_plugins.served.transport import ServedTransport
from llmops_plugins.served.versions import served_details, server_version
from llmops_plugins.served.weights import ServedWeights, find_weights, weights_version
from llmops_sdk.plugin import BaseModel, Context, Deployer, Endpoint, ModelServer, Resource, ServableModel, Transport

_HOST = "127.0.0.1"

_servers: dict[str, Process] = {}
_lock = threading.Lock()


class ServedEndpoint(Deployer):
    """Starts a server with the model, waits until it is ready, and stops it.

    The server ends with this process, however that ends, so a later process has nothing to delete.
    """

    options: ServedOptions

    def fingerprint(self, context: Context, model: BaseModel) -> str:
        """Return the exact version of the weights."""
        return weights_version(context, model)

    def engine(self, context: Context) -> dict[str, str]:
        """Return the version of the preset's program; nothing is known about a command."""
        return server_version(self.options)

    def resources(self, context: Context, model: ServableModel) -> tuple[Resource, ...]:
        """Return the server's process."""
        return (Resource("process", context.resource_name()),)

    def deploy(self, context: Context, model: ServableModel) -> Endpoint:
        """Start the server and wait until it is ready; see `Deployer.deploy`."""
        weights, name = find_weights(context, model), context.resource_name()
        _stop(name)
        server = self._start(context, weights, weights.name, _free_port())
        with _lock:
            _servers[name] = server.process
        metadata = {"command": " ".join(self.options.words), "model": server.model, **self.engine(context)}
        metadata |= served_details(server.url.removesuffix("/v1"))
        if weights.version:
            metadata["weights"] = weights.version
        return self.options.with_limits(Endpoint(name=name, url=server.url, metadata=metadata), model=server.model)

    def serve(self, context: Context, model: ServableModel, *, name: str, port: int) -> ModelServer:
        """Start the server on the given port; see `Deployer.serve`."""
        return self._start(context, find_weights(context, model), name, port or _free_port())

    def connect(self, context: Context, endpoint: Endpoint) -> Transport:
        """Ask over HTTP, by the API that fits the prompts."""
        options = self.options
        return ServedTransport(endpoint, api=options.api, timeout=options.timeout, process=_servers[endpoint.name])

    def delete(self, context: Context, resource: Resource) -> None:
        """Stop the server; do nothing if it is gone or belongs to another process."""
        _stop(resource.name)

    def _start(self, context: Context, weights: ServedWeights, name: str, port: int) -> StartedServer:
        """Start the server with weights, under a name for its model, and wait until it is ready."""
        options = self.options
        options.find_program()
        path = weights.path
        if options.needs_gguf and path is not None and path.is_dir():
            path = convert_to_gguf(path, options, context)
        values = {"model": str(path or ""), "port": str(port), "host": _HOST, "name": name}
        url = f"http://{_HOST}:{port}"
        process = Process.start(fill(options.words, values), context.folder / "server.log", options.env)
        try:
            wait_until_ready(
                process,
                url,
                options.ready_paths,
                timeout=options.ready_timeout,
                progress=context.progress,
                label=f"{context.step}: waiting for {options.words[0]}",
            )
            is_named = "name" in placeholders(options.words)
            served = name if is_named else served_model(url, name, values["model"])
        except BaseException:
            process.stop()
            raise
        return StartedServer(process, f"{url}/v1", served, weights.path)


class StartedServer(ModelServer):
    """A server that is ready.

    Args:
        process: Its process.
        url: The base URL of its API.
        model: The name by which it knows its model.
        weights: Its weights, a folder or a file, or None if the command names them itself.
    """

    def __init__(self, process: Process, url: str, model: str, weights: Path | None) -> None:
        super().__init__(url, model, weights if weights is not None and weights.is_dir() else None)
        self.process = process

    def wait(self) -> NoReturn:
        self.process.wait()
        self.process.raise_ended("while it served")

    def stop(self) -> None:
        self.process.stop()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((_HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def _stop(name: str) -> None:
    with _lock:
        process = _servers.pop(name, None)
    if process is not None:
        process.stop()


def _stop_all() -> None:
    for name in tuple(_servers):
        _stop(name)


atexit.register(_stop_all)
