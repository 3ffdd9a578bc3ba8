"""The options of models that a run serves. Nothing heavy is imported here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
from attrs import validators

from llmops_plugins._openai_api.options import PATHS, RequestOptions, refuse_chats
from llmops_plugins._weights.folder import check_model_folder, is_folder
from llmops_plugins._weights.gguf import check_gguf
from llmops_plugins.served.command import check_placeholders, placeholders, split_command
from llmops_plugins.served.names import COMMAND, GGUF, HUGGINGFACE
from llmops_plugins.served.presets import PRESETS, Preset
from llmops_plugins.served.programs import (
    CONVERT_VARIABLE,
    QUANTIZED,
    QUANTIZER,
    find_convert_script,
    find_program,
    find_quantizer,
)
from llmops_sdk.plugin import (
    BaseModel,
    Billing,
    Check,
    Finding,
    ModelOptions,
    PromptTemplate,
    SpecError,
    did_you_mean,
    option,
)

GGUF_TYPES = ("auto", "f32", "f16", "bf16", "q8_0", *QUANTIZED)
"""The number formats that llama.cpp's tools convert to; `auto` is the better of the two with 16 bits."""

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)


def _command(_options: object, _attribute: object, value: Any) -> None:
    if value != "":
        split_command(value)


def _preset(_options: object, _attribute: object, value: str) -> None:
    if value and value not in PRESETS:
        message = f"no preset is called {value!r}{did_you_mean(value, PRESETS)}; any other server has a command"
        raise ValueError(message)


def _arguments(_options: object, _attribute: object, value: tuple[str, ...]) -> None:
    check_placeholders(value)


def _env(_options: object, _attribute: object, value: Mapping[str, str]) -> None:
    for name, text in value.items():
        if _SECRET_NAME.search(name) and not text.startswith("env:"):
            # The text may be a secret: it must not reach a message or a log.
            message = (
                f"the variable {name!r} looks like a secret; write 'env:NAME', for the variable NAME of this process"
            )
            raise ValueError(message)


def _api(_options: object, _attribute: object, value: str) -> None:
    if value not in ("auto", *PATHS):
        message = f"api is 'auto', 'chat' or 'completions', not {value!r}"
        raise ValueError(message)


def _ready_path(_options: object, _attribute: object, value: str) -> None:
    if value and not value.startswith("/"):
        message = f"ready_path starts with a slash, such as /health, and {value!r} does not"
        raise ValueError(message)


@attrs.frozen(kw_only=True)
class ServedModelOptions(ModelOptions):
    """Weights that a server of this machine loads."""

    model: str = option(
        "",
        path=True,
        help="what {model} stands for: a folder in Hugging Face format, a GGUF file, a hub id, or an asset's name;"
        " empty where the command names its model itself",
    )
    revision: str = option("", help="the hub revision; the newest commit if empty; the run's record has the commit")

    def base_model(self) -> BaseModel:
        """Return the base weights that these options name."""
        if not self.model:
            return BaseModel(format=COMMAND, source="")
        if self.model.lower().endswith(".gguf"):
            return BaseModel(format=GGUF, source=self.model)
        return BaseModel(format=HUGGINGFACE, source=self.model, version=self.revision)

    def has_chat_template(self, *, offline: bool) -> bool | None:
        """Return whether these weights have a chat template; nothing is known about those that a command names itself."""
        from llmops_plugins._weights.chat_template import find_chat_template

        return find_chat_template(self.model, self.revision, offline=offline) if self.model else None

    def assets(self) -> tuple[str, ...]:
        """Return the asset that `model` names."""
        is_asset = self.base_model().format == HUGGINGFACE and "/" not in self.model and not is_folder(self.model)
        return (self.model,) if is_asset else ()


@attrs.frozen(kw_only=True)
class ServedOptions(RequestOptions):
    """How a model is served on this machine, and asked."""

    command: Any = option(  # noqa: RUF009 - `option` declares a field, it is no shared default
        "",
        help="starts the server, as a text or a list; {model}, {port}, {host} and {name} are replaced:"
        " 'my-server {model} --port {port}'",
        validator=_command,
    )
    preset: str = option("", help=f"a server with a known command: {', '.join(PRESETS)}", validator=_preset)
    program: str = option(
        "", path=True, affects_results=False, help="the preset's program, where it is not found by its usual name"
    )
    arguments: tuple[str, ...] = option(
        (), help="more arguments, after those of the command: [--max-model-len, '4096']", validator=_arguments
    )
    env: Mapping[str, str] = option(
        factory=dict,
        help="environment variables of the server on top of this process's own; 'env:NAME' is the value of NAME, which"
        " no record or log holds",
        validator=_env,
    )
    api: str = option(
        "auto",
        help="auto: a chat prompt is asked as a chat, a text prompt as a text to complete; chat: a text is one message"
        " of the user; completions: only text prompts",
        validator=_api,
    )
    ready_path: str = option(
        "",
        help="the path that answers 200 once the model is loaded; by default the preset's, or /v1/models, or /health"
        " where the server has no list of models",
        affects_results=False,
        validator=_ready_path,
    )
    ready_timeout: float = option(
        600.0, help="seconds within which the server must be ready", affects_results=False, validator=validators.gt(0)
    )
    convert_script: str = option(
        "",
        path=True,
        affects_results=False,
        help="llama.cpp's convert_hf_to_gguf.py, for models that are no GGUF file with the preset llama-cpp; by default"
        f" what the environment variable {CONVERT_VARIABLE} names",
    )
    gguf_type: str = option(
        "auto",
        help=f"the number format of a model that is converted to GGUF: {', '.join(GGUF_TYPES)}",
        validator=validators.in_(GGUF_TYPES),
    )
    quantize_program: str = option(
        "",
        path=True,
        affects_results=False,
        help=f"llama.cpp's {QUANTIZER}, for the formats {', '.join(QUANTIZED)}; by default the one beside the server's program, or"
        " on the PATH",
    )

    def __attrs_post_init__(self) -> None:
        if bool(self.command) == bool(self.preset):
            message = f"a served model has either a command or a preset ({', '.join(PRESETS)})"
            raise ValueError(message)
        if self.program and not self.preset:
            message = "program belongs to a preset; a command has its own program as its first word"
            raise ValueError(message)

    @property
    def server(self) -> Preset | None:
        """The preset, or None for a command."""
        return PRESETS.get(self.preset)

    @property
    def words(self) -> tuple[str, ...]:
        """The command with its arguments, and with the placeholders."""
        if self.server is None:
            return (*split_command(self.command), *self.arguments)
        return (self.program or self.server.program, *self.server.arguments, *self.arguments)

    @property
    def ready_paths(self) -> tuple[str, ...]:
        """The paths that show whether the server is ready: the first one that it has."""
        if self.ready_path:
            return (self.ready_path,)
        return (self.server.ready_path,) if self.server else ("/v1/models", "/health")

    def find_program(self) -> str:
        """Return the path of the command's program.

        Raises:
            SpecError: It is not there; the message has how to get it.
        """
        install = self.server.install if self.server else "install it, or write its path"
        return find_program(self.words[0], self.env.get("PATH"), install)

    @property
    def is_quantized(self) -> bool:
        """Whether a model that is converted to GGUF is quantized after that, by a program of its own."""
        return self.gguf_type in QUANTIZED

    def find_quantizer(self) -> str:
        """Return the path of the program that quantizes a GGUF file.

        Raises:
            SpecError: It is not there; the message has how to get it.
        """
        return find_quantizer(self.quantize_program, self.words[0], self.env.get("PATH"))

    @property
    def needs_gguf(self) -> bool:
        """Whether the server takes GGUF files only."""
        return self.server is not None and self.server.needs_gguf

    def billing(self, base: BaseModel) -> Billing:
        """Return that it takes this machine."""
        return Billing("hours", "local", is_own=True)

    def check(self, base: BaseModel, prompts: Mapping[str, PromptTemplate], settings: Mapping[str, Any]) -> None:
        """Refuse weights that the command has no place for or that need no conversion, and chats for the completions API.

        Raises:
            SpecError: The command has no `{model}` and the model has weights, or the other way round; a prompt is a chat.
        """
        if self.api == "completions":
            refuse_chats(prompts)
        if base.format == GGUF and self.gguf_type != "auto":
            message = (
                f"gguf_type {self.gguf_type!r} converts weights in Hugging Face format, and {base.source!r} is a GGUF file: remove it,"
                " or name the folder that the file was made from"
            )
            raise SpecError(message)
        takes_weights = "model" in placeholders(self.words)
        if takes_weights and base.format == COMMAND:
            message = "the command has {model}, and no model is named: model: FOLDER, HUB ID or FILE.gguf"
            raise SpecError(message)
        if not takes_weights and base.format != COMMAND:
            message = f"the command has no {{model}}, where the weights {base.source!r} would be passed on"
            raise SpecError(message)

    def local_checks(self, base: BaseModel, settings: Mapping[str, Any]) -> Iterable[Check]:
        """Return the checks of the program, of the weights, and of the script that converts them.

        Weights on the hub, or of an asset, are checked when they are fetched.
        """
        yield Check(f"program {self.words[0]}", lambda: Finding("ok", f"is '{self.find_program()}'"))
        if base.format == GGUF:
            yield Check(f"weights {base.source}", lambda: Finding("ok", f"a file: '{check_gguf(base.source)}'"))
        elif base.format == HUGGINGFACE and is_folder(base.source):
            yield Check(
                f"weights {base.source}", lambda: Finding("ok", f"a model in '{check_model_folder(base.source)}'")
            )
        if self.needs_gguf and base.format == HUGGINGFACE:
            script = self.convert_script
            yield Check("conversion to GGUF", lambda: Finding("ok", f"by '{find_convert_script(script)}'"))
            if self.is_quantized:
                yield Check(f"quantization to {self.gguf_type}", lambda: Finding("ok", f"by '{self.find_quantizer()}'"))
