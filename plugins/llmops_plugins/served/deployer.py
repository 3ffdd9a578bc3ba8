"""The deployer `served`: starts a server with a command, and stops it."""

from __future__ import annotations

import atexit
import socket
import threading

from llmops_plugins.served.command import fill, placeholders
from llmops_plugins.served.conversion import convert_to_gguf
from llmops_plugins.served.options import ServedOptions
from llmops_plugins.served.preflight import find_program
from llmops_plugins.served.process import Process
from llmops_plugins.served.readiness import served_model, wait_until_ready
from llmops_plugins.served.transport import ServedTransport
from llmops_plugins.served.versions import server_version
from llmops_plugins.served.weights import find_weights, weights_version
from llmops_sdk.plugin import BaseModel, Context, Deployer, Endpoint, Resource, ServableModel, Transport

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
        options = self.options
        find_program(options)
        weights = find_weights(context, model)
        path = weights.path
        if path is not None and path.is_dir() and options.server and options.server.needs_gguf:
            path = convert_to_gguf(path, options, context)
        port = _free_port()
        values = {"model": str(path or ""), "port": str(port), "host": _HOST, "name": weights.name}
        name, url = context.resource_name(), f"http://{_HOST}:{port}"
        _stop(name)
        process = Process.start(fill(options.words, values), context.folder / "server.log", options.env)
        with _lock:
            _servers[name] = process
        try:
            wait_until_ready(
                process,
                url,
                options.ready_paths,
                timeout=options.ready_timeout,
                progress=context.progress,
                label=f"{context.step}: waiting for {options.words[0]}",
            )
            served = weights.name
            if "name" not in placeholders(options.words):
                served = served_model(url, weights.name, values["model"])
        except BaseException:
            _stop(name)
            raise
        metadata = {"command": " ".join(options.words), "model": served, **self.engine(context)}
        if weights.version:
            metadata["weights"] = weights.version
        return options.with_limits(Endpoint(name=name, url=f"{url}/v1", metadata=metadata), model=served)

    def connect(self, context: Context, endpoint: Endpoint) -> Transport:
        """Ask over HTTP, by the API that fits the prompts."""
        options = self.options
        return ServedTransport(endpoint, api=options.api, timeout=options.timeout, process=_servers[endpoint.name])

    def delete(self, context: Context, resource: Resource) -> None:
        """Stop the server; do nothing if it is gone or belongs to another process."""
        _stop(resource.name)


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
