"""Renders the reference of public names as Markdown, from their signatures and docstrings. `docs.py` puts it into the pages.

`griffe` parses the modules and the sections of their docstrings; only the lists of public names are imported.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import griffe

SOURCES = Path(__file__).parents[1] / "src"
FACES = ("llmops_sdk", "llmops_sdk.plugin", "llmops_sdk.testing")
WIDTH = 100  # of a signature on one line

logging.getLogger("griffe").setLevel(logging.ERROR)


@cache
def package() -> griffe.Object:
    """Return the parsed package."""
    loaded = griffe.load("llmops_sdk", search_paths=[SOURCES], resolve_aliases=True)
    if not isinstance(loaded, griffe.Object):
        message = "llmops_sdk cannot be parsed"
        raise TypeError(message)
    return loaded


def public_names(face: str) -> list[str]:
    """Return the public names of a module, sorted without regard to case, version and dunder names left out."""
    names: list[str] = import_module(face).__all__
    return sorted((name for name in names if not name.startswith("__")), key=str.lower)


def public_path(name: str) -> str:
    """Return where a public name is imported from: its first face, or the dotted name as it is."""
    face = next((face for face in FACES if name in public_names(face)), "")
    return f"{face}.{name}" if face else name


def expand(names: list[str]) -> list[str]:
    """Return the names with each module replaced by the public names that it defines, in the order of its source.

    A name or module after a minus sign is left out.
    """
    left_out = (
        expand([name[1:] for name in names if name.startswith("-")]) if any("-" in name for name in names) else []
    )
    expanded: list[str] = []
    for name in names:
        if name.startswith("-"):
            continue
        item = find(name)
        if isinstance(item, griffe.Module):
            own = [find(public) for face in FACES for public in public_names(face)]
            inside = {one.name: one for one in own if one.path.startswith(f"{item.path}.")}
            ordered = sorted(inside, key=lambda public: (inside[public].module.path, inside[public].lineno or 0))
            expanded += [public for public in ordered if public not in left_out]
        else:
            expanded.append(name)
    return expanded


def docstring(name: str) -> str:
    """Return the docstring of an object of the package."""
    return _docstring(find(name))


def find(name: str) -> griffe.Object:
    """Return the object of a public name, or of a dotted name below the package."""
    path = public_path(name).partition("llmops_sdk.")[2]
    try:
        member = package()[path]
    except (KeyError, ValueError):
        message = f"{name!r} is no public name, and no module or name below llmops_sdk"
        raise LookupError(message) from None
    target = member.final_target if isinstance(member, griffe.Alias) else member
    if not isinstance(target, griffe.Object):
        message = f"{name} is no object of the package"
        raise TypeError(message)
    return target


def summary(name: str) -> str:
    """Return the first sentence of a name's docstring."""
    item = find(name)
    text = _docstring(item).partition("\n\n")[0]
    value = f"`{item.value}`" if isinstance(item, griffe.Attribute) else ""
    return " ".join(text.split()) or value


def render(name: str) -> str:
    """Return a section on a name: heading, signature, docstring and members."""
    item = find(name)
    last = name.rpartition(".")[2]
    parts = [f"## {last}", _signature(item, last if "." in name else public_path(name)), *_text(item)]
    if isinstance(item, griffe.Class):
        parts += _fields(item)
        for member in _methods(item):
            parts += [f"### {item.name}.{member.name}", _signature(member, member.name), *_text(member)]
    return "\n\n".join(part for part in parts if part)


# -- signatures -------------------------------------------------------------------------------------


def _signature(item: griffe.Object, name: str) -> str:
    if isinstance(item, griffe.Class):
        bases = [str(base) for base in item.bases if str(base) not in {"ABC", "object"}]
        line = f"class {name}({', '.join(bases)})" if bases else f"class {name}"
    elif isinstance(item, griffe.Function):
        prefix = "classmethod " if "classmethod" in item.labels else "async " if "async" in item.labels else ""
        line = f"{prefix}{_call(item, name)}"
    elif isinstance(item, griffe.Attribute) and "property" in item.labels:
        line = f"property {name}: {item.annotation}"
    elif isinstance(item, griffe.TypeAlias | griffe.Attribute):
        line = f"{name} = {item.value}"
    else:
        return ""
    return f"```python\n{line}\n```"


def _call(item: griffe.Function, name: str) -> str:
    arguments = list(_arguments(item))
    returns = f" -> {item.returns}" if item.returns is not None else ""
    line = f"{name}({', '.join(arguments)}){returns}"
    if len(line) <= WIDTH:
        return line
    inner = "".join(f"    {argument},\n" for argument in arguments)
    return f"{name}(\n{inner}){returns}"


def _arguments(item: griffe.Function) -> Iterator[str]:
    """Yield the arguments as they are written, with `/` and `*` where they stand."""
    kinds = griffe.ParameterKind
    parameters = [one for one in item.parameters if one.name not in {"self", "cls"}]
    previous = None
    for one in parameters:
        if previous is kinds.positional_only and one.kind is not kinds.positional_only:
            yield "/"
        if one.kind is kinds.keyword_only and previous not in {kinds.keyword_only, kinds.var_positional}:
            yield "*"
        stars = {kinds.var_positional: "*", kinds.var_keyword: "**"}.get(one.kind or kinds.keyword_only, "")
        annotation = f": {one.annotation}" if one.annotation is not None else ""
        equals = " = " if annotation else "="
        default = f"{equals}{_double_quoted(one.default)}" if one.default is not None and not stars else ""
        yield f"{stars}{one.name}{annotation}{default}"
        previous = one.kind
    if previous is kinds.positional_only:
        yield "/"


def _double_quoted(value: object) -> str:
    """Return an expression with the quotes of our code; griffe writes strings with single ones."""
    return re.sub(r"'([^'\"\\]*)'", r'"\1"', str(value))


# -- members ----------------------------------------------------------------------------------------


def _methods(item: griffe.Class) -> Iterator[griffe.Object]:
    """Yield public methods and properties in the order of the source."""
    for member in item.members.values():
        is_method = isinstance(member, griffe.Function) or "property" in member.labels
        if is_method and not member.name.startswith("_") and isinstance(member, griffe.Object):
            yield member


def _fields(item: griffe.Class) -> list[str]:
    """Return the list of a class's fields, described by the docstring's `Attributes:` or by the fields' own."""
    described = {one.name: one.description for section in _sections(item, "attributes") for one in section.value}
    lines = []
    for member in item.members.values():
        if not isinstance(member, griffe.Attribute) or member.name.startswith("_") or "property" in member.labels:
            continue
        if member.annotation is None:
            continue
        text = described.get(member.name) or _docstring(member)
        meaning = f": {' '.join(text.split())}" if text else ""
        lines.append(f"- `{member.name}: {member.annotation}{_default(member)}`{meaning}")
    return ["\n".join(lines)] if lines else []


def _default(field: griffe.Attribute) -> str:
    """Return a field's default as it is written; how attrs makes a value is left out."""
    value = "" if field.value is None else _double_quoted(field.value)
    factory = re.search(r"factory=(\w+)", value)
    if factory:
        return f" = {factory[1]}()"
    if "field(" in value:
        default = re.search(r"default=([^,)]+)", value)
        return f" = {default[1]}" if default else ""
    positional = re.match(r"option\(([^,]+),", value)
    if positional:
        return f" = {positional[1]}"
    return f" = {value}" if value and not value.startswith("option(") else ""


# -- docstrings -------------------------------------------------------------------------------------


def _docstring(item: griffe.Object) -> str:
    return item.docstring.value.strip() if item.docstring else ""


def _sections(item: griffe.Object, kind: str) -> Iterator[griffe.DocstringSection]:
    for section in item.docstring.parse("google") if item.docstring else []:
        if section.kind.value == kind:
            yield section


def _text(item: griffe.Object) -> Iterator[str]:
    """Yield the parts of a docstring: text, arguments, what is returned, errors."""
    for section in item.docstring.parse("google") if item.docstring else []:
        kind = section.kind.value
        if kind == "text":
            yield _doctests(section.value)
        elif kind == "parameters":
            yield "\n".join(f"- `{one.name}`: {_flat(one.description)}" for one in section.value)
        elif kind in {"returns", "yields"}:
            yield f"{kind.capitalize()}: " + " ".join(_flat(one.description) for one in section.value)
        elif kind == "raises":
            yield "Raises:\n\n" + "\n".join(f"- `{one.annotation}`: {_flat(one.description)}" for one in section.value)
        elif kind == "examples":
            yield "\n\n".join(_doctests(str(one[1])) for one in section.value)


def _flat(text: str) -> str:
    return " ".join(text.split())


def _doctests(text: str) -> str:
    """Fence the interactive examples of a docstring, which Markdown would take for quotations."""
    blocks = []
    for block in text.strip().split("\n\n"):
        lines = block.split("\n")
        start = next((number for number, line in enumerate(lines) if line.startswith(">>>")), None)
        if start is None:
            blocks.append(block)
        else:
            before = [*lines[:start], ""] if start else []
            blocks.append("\n".join([*before, "```pycon", *lines[start:], "```"]))
    return "\n\n".join(blocks)
