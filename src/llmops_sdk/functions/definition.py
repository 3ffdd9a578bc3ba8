"""What a decorator marks a function as, and what the function asks for."""

from __future__ import annotations

import builtins
import difflib
import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, get_args, get_origin

import attrs

from llmops_sdk.errors import SpecError
from llmops_sdk.values.functions import FunctionKind
from llmops_sdk.values.serial import from_json

MARK = "__llmops_function__"
"""The attribute in which a decorator leaves the definition."""

ASKED: Mapping[FunctionKind, tuple[str, ...]] = {
    "metric": ("output", "reference", "references", "record", "prompt", "answer", "tokens", "latency", "context"),
    "dataset": ("context",),
    "prompt": ("record",),
    "target": ("prompt", "options", "record", "generation"),
}
"""What a function of each kind may ask for, by the names of its parameters."""

_PLAIN = (str, bool, int, float)


@attrs.frozen
class Definition:
    """A function that a decorator has marked.

    Attributes:
        kind: Which decorator.
        function: The function.
        settings: The decorator's arguments.
    """

    kind: FunctionKind
    function: Callable[..., Any]
    settings: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def name(self) -> str:
        """The function's name."""
        return str(self.function.__name__)

    @property
    def is_async(self) -> bool:
        """Whether it is an `async def`."""
        return inspect.iscoroutinefunction(self.function)

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]


@attrs.frozen
class Signature:
    """What a function asks for.

    Attributes:
        asked: Parameter name to whether it has a default.
        options: An attrs class with a field for each keyword-only parameter.
    """

    asked: Mapping[str, bool]
    options: type

    def path_options(self) -> Iterator[str]:
        """Yield the names of the options that are paths."""
        return (field.name for field in attrs.fields(self.options) if field.metadata["path"])


def definition_of(value: Any) -> Definition | None:
    """Return how a decorator marked a value, or None if none did."""
    mark = getattr(value, MARK, None) if inspect.isfunction(value) else None
    return mark if isinstance(mark, Definition) else None


def signature_of(definition: Definition) -> Signature:
    """Return what a function asks for.

    Raises:
        SpecError: It asks for something unknown, or an option has no type that can be read; the message names the parameter.
    """
    kind, name = definition.kind, definition.name
    asked: dict[str, bool] = {}
    options: dict[str, Any] = {}
    for parameter in inspect.signature(definition.function).parameters.values():
        where = f"{kind} {name!r}: the parameter {parameter.name!r}"
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
            message = f"{kind} {name!r} has {stars}{parameter.name}: name each parameter; options stand after a `*`"
            raise SpecError(message)
        if parameter.kind is not parameter.KEYWORD_ONLY or (kind == "target" and parameter.name in ASKED[kind]):
            _check_asked(kind, parameter, where)
            asked[parameter.name] = parameter.default is not parameter.empty
        else:
            options[parameter.name] = _option(parameter, definition.function, where)
    return Signature(asked, attrs.make_class(f"{name}_options", options, frozen=True, kw_only=True))


def _check_asked(kind: FunctionKind, parameter: inspect.Parameter, where: str) -> None:
    if parameter.name in ASKED[kind]:
        return
    near = difflib.get_close_matches(parameter.name, ASKED[kind], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f"; a {kind} may ask for: {', '.join(ASKED[kind])}"
    message = f"{where} is unknown{hint}; an option stands after a `*`: (..., *, {parameter.name}: ...)"
    raise SpecError(message)


def _option(parameter: inspect.Parameter, function: Callable[..., Any], where: str) -> Any:
    """Return the attrs field of an option."""
    if parameter.name in ("use", "name"):
        message = f"{where} means something else in a specification: rename it"
        raise SpecError(message)
    hint = _type_of(parameter, function, where)
    default = attrs.NOTHING if parameter.default is parameter.empty else parameter.default
    if isinstance(default, (list, dict, set)):
        default = attrs.Factory(partial(type(default), default))
    metadata = {"help": "", "affects_results": True, "path": _is_path(hint)}
    return attrs.field(default=default, type=hint, metadata=metadata)


def _type_of(parameter: inspect.Parameter, function: Callable[..., Any], where: str) -> Any:
    hint = parameter.annotation
    while isinstance(hint, str):  # one in quotes may be a text of a text
        try:
            hint = eval(hint, {**vars(builtins), **function.__globals__})  # noqa: S307 - Python evaluates annotations alike
        except Exception as exc:
            message = f"{where} has a type that cannot be read: {exc}; import it outside of `if TYPE_CHECKING`"
            raise SpecError(message) from exc
    if hint is parameter.empty:
        if type(parameter.default) in _PLAIN or isinstance(parameter.default, Path):
            return Path if isinstance(parameter.default, Path) else type(parameter.default)
        message = f"{where} is an option without a type: write one, such as {parameter.name}: int"
        raise SpecError(message)
    if hint is list or hint is tuple or hint is dict:
        message = f"{where} has the type {hint.__name__}: write what it holds, such as {'dict[str, int]' if hint is dict else 'list[str]'}"
        raise SpecError(message)
    try:
        from_json({}, hint)
    except Exception as exc:
        if type(exc).__name__ == "StructureHandlerNotFoundError":
            message = f"{where} has a type that a specification cannot give: {getattr(hint, '__name__', hint)}"
            raise SpecError(message) from exc
    return hint


def _is_path(hint: Any) -> bool:
    return hint is Path or (get_origin(hint) is not None and any(_is_path(member) for member in get_args(hint)))
