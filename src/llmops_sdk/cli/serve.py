"""The command that serves a candidate of a run."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import click

from llmops_sdk.cli.help import Command
from llmops_sdk.cli.options import offline_option, open_run, run_argument, store_option
from llmops_sdk.cli.output.text import echo

if TYPE_CHECKING:
    from llmops_sdk.pipeline.serving import ServedCandidate

_PORT = 8000
_HIGHEST_PORT = 65535


@click.command(cls=Command)
@run_argument
@click.option(
    "--candidate", "-c", default="", metavar="NAME", help="The candidate; may be omitted if the run has only one."
)
@click.option(
    "--dataset", default="", metavar="NAME", help="The dataset it was fine-tuned on, if it was on each of several."
)
@click.option("--seed", type=int, metavar="NUMBER", help="The seed it was fine-tuned with, if it was with several.")
@click.option(
    "--port",
    type=click.IntRange(0, _HIGHEST_PORT),
    default=_PORT,
    show_default=True,
    help="The port on 127.0.0.1; 0 takes a free one.",
)
@store_option
@offline_option
def serve(  # one parameter for each option
    run_id: str, candidate: str, dataset: str, seed: int | None, port: int, store: str, *, offline: bool
) -> None:
    """Serve a candidate of a run with OpenAI's API, until Ctrl-C.

    The server answers programs of this machine only, and brings its weights alone: requests bring their own prompts. Any
    API key is accepted.
    """
    from llmops_sdk.pipeline.serving import serve as serve_candidate

    run = open_run(run_id, store)
    with serve_candidate(
        run.id, candidate, dataset=dataset, seed=seed, port=port, store=run.store, offline=offline
    ) as served:
        _show(served)
        served.wait()


def _show(served: ServedCandidate) -> None:
    lines = {
        "base URL": served.url,
        "model": served.model,
        **({"weights": served.weights} if served.weights else {}),
        "try": _curl(served),
    }
    echo(f"serving candidate {served.name!r} of run {served.run_id}; stop with Ctrl-C")
    for name, value in lines.items():
        echo(f"  {name:<9} {value}")


def _curl(served: ServedCandidate) -> str:
    body: dict[str, Any] = {"model": served.model}
    if served.asks_chats:
        path = "chat/completions"
        body["messages"] = [{"role": "user", "content": "Hello"}]
    else:
        path = "completions"
        body["prompt"] = "Once upon a time"
    words = ["curl", f"{served.url}/{path}", "-H", "Content-Type: application/json", "-d", json.dumps(body)]
    return shlex.join(words)
