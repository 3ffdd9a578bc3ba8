"""The server process: `python -m llmops_plugins.local.server.main --model FOLDER --name NAME`.

It belongs to the process that started it. When it is ready it prints its port on standard output, in one line of JSON,
or the error because of which it cannot serve. It ends at once when its parent is gone, or when its standard input is a
pipe that is closed, even while the model is still loading. It ignores Ctrl-C, which its parent handles. The log goes to
standard error.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import select
import signal
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from llmops_sdk.plugin import EndpointError, LLMOpsError

if TYPE_CHECKING:
    from typing import Any

    from starlette.applications import Starlette

    from llmops_plugins.local.server.worker import EngineWorker

_log = logging.getLogger("llmops.server")

_PARENT_CHECK_SECONDS = 1.0

_MAX_WAITING = 512
"""The most prompts that may wait or be in progress; further ones get a 503 and are asked to try again."""


def main(arguments: list[str] | None = None) -> int:
    """Load the model and serve it; return only if it cannot be served."""
    parent = os.getppid()
    if sys.version_info < (3, 11) and sys.path and sys.path[0] == str(Path.cwd()):
        del sys.path[0]  # PYTHONSAFEPATH came with 3.11
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Before anything heavy: loading takes long, and the parent may be gone before it is done.
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    ready = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what any library prints goes to the log
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    options = _parser().parse_args(arguments)
    try:
        _serve(options, ready)
    except LLMOpsError as exc:
        sys.stderr.write(f"{exc}\n")
        ready.write(json.dumps({"error": str(exc)}) + "\n")
        ready.close()
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="llmops_plugins.local.server.main", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder with weights and tokenizer")
    parser.add_argument("--name", required=True, help="name of the model")
    parser.add_argument(
        "--endpoint", default="", help="name of the endpoint in SageMaker's paths, if it is another one"
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--device", default="cpu", help="cpu, cuda:0, mps")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--engine", default="torch", choices=("openvino", "torch"))
    parser.add_argument("--max-batch", type=int, default=16)
    parser.add_argument("--batch-window-ms", type=float, default=20.0)
    parser.add_argument("--max-body-mb", type=float, default=4.0)
    return parser


def _serve(options: argparse.Namespace, ready: IO[str]) -> None:
    with _bind(options.port) as listener:  # before anything slow: a port that is in use is reported at once
        app, worker, metadata = _load(options)
        listener.listen(1024)
        worker.start()
        _warm_up(worker)
        ready.write(json.dumps({"port": listener.getsockname()[1], **metadata}) + "\n")
        ready.close()
        _run(app, listener)


def _load(options: argparse.Namespace) -> tuple[Starlette, EngineWorker, dict[str, Any]]:
    """Load the model; return the application, the worker that completes its requests, and what it computes with."""
    # transformers loads it, if it is installed, for a kind of generation that is not used here: half of the start-up.
    sys.modules.setdefault("sklearn", cast("Any", None))
    import torch

    from llmops_plugins.local.device import OPENVINO, Device
    from llmops_plugins.local.engine.engine import Engine
    from llmops_plugins.local.server.app import make_app
    from llmops_plugins.local.server.worker import EngineWorker

    device = Device.named(options.device, options.dtype, options.engine)
    engine = Engine(options.model, device, max_batch=options.max_batch)
    if engine.name == OPENVINO:
        torch.set_num_threads(1)  # what is left for torch is small, and its threads would wait in a loop for more
    metadata = {**device.metadata, **engine.details, "batching": engine.batching}
    metadata |= {"engine": engine.name, "fallback": engine.fallback}
    _log.info("loaded %s: %s", options.model, metadata)
    worker = EngineWorker(engine, window=options.batch_window_ms / 1000, max_waiting=_MAX_WAITING)
    app = make_app(options.name, worker, max_body=int(options.max_body_mb * 1e6), endpoint=options.endpoint)
    return app, worker, metadata


def _bind(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of an earlier server may linger
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as exc:
        listener.close()
        message = f"port {port} cannot be used: {exc.strerror}"
        raise EndpointError(message) from exc
    return listener


def _warm_up(worker: EngineWorker) -> None:
    """Complete a first request on the engine's own thread, which starts its threads and fills its caches."""
    from llmops_plugins.local.engine.request import GenerationRequest

    for queued in worker.submit([GenerationRequest("one two three four five", max_new_tokens=2)] * 2):
        queued.future.result()
    worker.reset_counts()


def _run(app: Starlette, listener: socket.socket) -> None:
    import uvicorn

    from llmops_plugins.local.server.protocol import MAX_HEADER_BYTES, DeadlineProtocol

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Leave signals alone: SIGINT is ignored, SIGTERM ends the process at once."""
            yield

    config = uvicorn.Config(
        app,
        http=DeadlineProtocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=600,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
    )
    Server(config).run(sockets=[listener])


def _end_with_parent(parent: int) -> None:
    """End the process when the other side closes the pipe of standard input, or when the parent is gone.

    The second case matters if a process forked by the parent has inherited that side and outlives it.
    """
    watched = [0] if _is_pipe(0) else []
    while os.getppid() == parent:
        readable, _, _ = select.select(watched, [], [], _PARENT_CHECK_SECONDS)
        if readable and not os.read(0, 4096):
            break
    os._exit(0)


def _is_pipe(descriptor: int) -> bool:
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:  # closed
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)
