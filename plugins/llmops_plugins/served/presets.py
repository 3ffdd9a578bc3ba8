"""Presets: the commands of servers that are used often."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Preset:
    """A server.

    Attributes:
        program: The name of its program.
        arguments: The arguments of the program.
        ready_path: Answers 200 once the model is loaded.
        install: How to install it.
        version_option: The option that prints its version at once, or empty.
        needs_gguf: Whether it takes GGUF files only.
    """

    program: str
    arguments: tuple[str, ...]
    ready_path: str
    install: str
    version_option: str = ""
    needs_gguf: bool = False


_LISTEN = ("--host", "{host}", "--port", "{port}")

PRESETS = {
    "vllm": Preset(
        program="vllm",
        # Without the last two, the model's own generation settings change how it is asked.
        arguments=("serve", "{model}", *_LISTEN, "--served-model-name", "{name}", "--generation-config", "vllm"),
        ready_path="/health",
        install="install vLLM in an environment of its own (pip install vllm), and name its program: program: PATH/bin/vllm",
    ),
    "llama-cpp": Preset(
        program="llama-server",
        # Without the last three, the server's own limits apply to sampling.
        arguments=(
            *("--model", "{model}", *_LISTEN, "--alias", "{name}"),
            *("--top-k", "0", "--top-p", "1", "--min-p", "0"),
        ),
        ready_path="/health",
        install="install llama.cpp (https://github.com/ggml-org/llama.cpp), or name its program: program: PATH/llama-server",
        version_option="--version",
        needs_gguf=True,
    ),
}
