"""YAML as specifications use it: JSON's kinds of values, keys that occur once, and a clear error for everything else."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from llmops_sdk.errors import SpecError

if TYPE_CHECKING:
    import yaml

DEEPEST = 50
"""How deep lists and mappings may be nested."""

MOST_VALUES = 200_000
"""The most values a text may have once its aliases are expanded."""

_TAG = "tag:yaml.org,2002:"
_KNOWN_TAGS = {_TAG + name for name in ("str", "int", "float", "bool", "null", "seq", "map", "merge")}
_FLOAT = re.compile(
    r"[-+]?([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_INTEGER = re.compile(r"[-+]?(0b[01][01_]*|0x[0-9a-fA-F][0-9a-fA-F_]*|0o[0-7][0-7_]*|[0-9][0-9_]*)")
_LARGEST_INTEGER = 2**63
_MOST_DIGITS = 100


def parse_yaml(text: str, where: str) -> Any:
    """Return the data of a YAML text: mappings, lists, texts, numbers, booleans and None.

    Unlike YAML 1.1, `1e-4` is a number, and dates and times such as `12:30` are text.

    Args:
        text: The text.
        where: How error messages start: the file's name, or the option.

    Raises:
        SpecError: It is not such a text; the message names the line.
    """
    import yaml

    loader = _loader_class()(text) if _is_readable(text, where) else None
    try:
        node = loader.get_single_node() if loader else None
        if node is None or loader is None:
            return None
        _Checker(where).check(node, depth=0)
        return loader.construct_document(node)
    except RecursionError:
        message = f"{where} is nested too deep: more than {DEEPEST} levels"
        raise SpecError(message) from None
    except yaml.YAMLError as exc:
        raise SpecError(_explain(exc, text, where)) from None
    finally:
        if loader is not None:
            loader.dispose()


def dump_yaml(data: Any) -> str:
    """Return data as YAML that `parse_yaml` reads back: a text that looks like a number is quoted."""
    import yaml

    text: str = yaml.dump(data, Dumper=_dumper_class(), sort_keys=False, allow_unicode=True, width=100)
    return text


@cache
def _dumper_class() -> Any:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Quotes what YAML 1.1 or 1.2 would read as something other than text."""

    for tag, pattern in (("int", _INTEGER), ("float", _FLOAT)):
        Dumper.add_implicit_resolver(_TAG + tag, re.compile(f"^(?:{pattern.pattern})$"), list("-+0123456789."))
    return Dumper


@cache
def _loader_class() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads numbers as YAML 1.2 does, and dates as text."""

    tags = {_TAG + name for name in ("timestamp", "float", "int", "value")}
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in tags]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver(_TAG + "int", re.compile(f"^(?:{_INTEGER.pattern})$"), list("-+0123456789"))
    Loader.add_implicit_resolver(_TAG + "float", re.compile(f"^(?:{_FLOAT.pattern})$"), list("-+0123456789."))
    Loader.add_constructor(_TAG + "int", lambda _, node: _integer(node.value))
    Loader.add_constructor(_TAG + "float", lambda _, node: float(node.value.replace("_", "").lower()))
    Loader.add_constructor(_TAG + "str", lambda _, node: _joined(node.value))
    return Loader


class _Checker:
    """Checks the nodes of a text before values are made of them; aliases make one node appear in several places."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._open: set[int] = set()
        self._sizes: dict[int, int] = {}

    def check(self, node: yaml.Node, *, depth: int) -> int:
        """Return the number of values in a node, its aliases expanded."""
        if id(node) in self._open:
            self._refuse(node, "a value contains itself through an alias")
        if depth > DEEPEST:
            self._refuse(node, f"values are nested too deep: more than {DEEPEST} levels")
        if id(node) in self._sizes:
            return self._sizes[id(node)]
        if node.tag not in _KNOWN_TAGS:
            tag = node.tag.replace(_TAG, "!!")
            self._refuse(node, f"the tag {tag!r} is not known: specifications have texts, numbers, lists and mappings")
        self._open.add(id(node))
        size = 1 + sum(self.check(child, depth=depth + 1) for child in self._children(node))
        self._open.discard(id(node))
        if size > MOST_VALUES:
            self._refuse(node, f"its aliases expand to more than {MOST_VALUES:,} values")
        self._sizes[id(node)] = size
        return size

    def _children(self, node: yaml.Node) -> list[yaml.Node]:
        import yaml

        kind = "map" if isinstance(node, yaml.MappingNode) else "seq" if isinstance(node, yaml.SequenceNode) else ""
        if node.tag.removeprefix(_TAG) != kind and (kind or node.tag.removeprefix(_TAG) in ("map", "seq")):
            self._refuse(node, f"the tag {node.tag.replace(_TAG, '!!')!r} does not fit the value")
        if isinstance(node, yaml.MappingNode):
            self._check_keys(node)
            return [child for pair in node.value for child in pair]
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        self._check_scalar(node)
        return []

    def _check_keys(self, node: yaml.MappingNode) -> None:
        import yaml

        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._refuse(key, "a key is a list or a mapping; quote a text that starts with '{' or '['")
            if key.value in lines:
                self._refuse(key, f"the key {_short(key.value)} is given twice, first in line {lines[key.value]}")
            lines[key.value] = _line(key)

    def _check_scalar(self, node: yaml.Node) -> None:
        problem = _SCALARS[node.tag](node.value) if node.tag in _SCALARS else ""
        if problem:
            self._refuse(node, problem)

    def _refuse(self, node: yaml.Node, problem: str) -> None:
        message = f"{self._where}, line {_line(node)}: {problem}"
        raise SpecError(message)


def _is_readable(text: str, where: str) -> bool:
    """Check the characters of a text, before the YAML reader sees it."""
    import yaml

    bad = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if bad is not None:
        line = text.count("\n", 0, bad.start()) + 1
        message = f"{where}, line {line}: the character U+{ord(bad[0]):04X} may not stand in YAML"
        raise SpecError(message)
    return True


def _text_problem(value: str) -> str:
    try:
        _joined(value).encode()
    except UnicodeError:
        return "a text has half of a surrogate pair, which is no character"
    return "a text has a NUL character" if "\0" in value else ""


def _boolean_problem(value: str) -> str:
    import yaml

    return "" if value.lower() in yaml.SafeLoader.bool_values else f"{_short(value)} is neither true nor false"


def _integer_problem(value: str) -> str:
    if not _INTEGER.fullmatch(value):
        return f"{_short(value)} is no whole number"
    if len(value) > _MOST_DIGITS or abs(_integer(value)) >= _LARGEST_INTEGER:
        return f"the number {_short(value)} is too large; quote it if it is text"
    return ""


def _float_problem(value: str) -> str:
    if not _FLOAT.fullmatch(value):
        return f"{_short(value)} is no number"
    number = float(value.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
    return "" if math.isfinite(number) else f"the number {_short(value)} is not finite; quote it if it is text"


_SCALARS: dict[str, Callable[[str], str]] = {
    _TAG + "str": _text_problem,
    _TAG + "bool": _boolean_problem,
    _TAG + "int": _integer_problem,
    _TAG + "float": _float_problem,
}
"""What is wrong with a scalar, by its tag; an empty text if nothing is."""


def _integer(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-").replace("_", "").lower()
    if digits.startswith(("0x", "0b", "0o")):
        return sign * int(digits, 0)
    return sign * int(digits or "0")


def _joined(text: str) -> str:
    """Join the surrogate pairs that JSON writes for one character; half a pair stays."""
    if not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _explain(error: Any, text: str, where: str) -> str:
    """Return in one line what is wrong with a text, and where."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = f"{where}, line {mark.line + 1}" if mark else where
    problem = getattr(error, "problem", None) or str(error)
    context = getattr(error, "context", None)
    reason = " ".join(f"{problem} {context or ''}".split())
    lines = text.splitlines()
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    hint = "; indent with spaces, not with tabs" if "\t" in line[: len(line) - len(line.lstrip())] else ""
    if not hint and ("mapping values are not allowed" in reason or "expected <block end>" in reason):
        hint = "; put a text with ': ' or brackets in quotes, and align the keys of a mapping"
    return f"{place} is not valid YAML: {reason}{hint}"


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")  # noqa: PLR2004 - enough to recognize it
