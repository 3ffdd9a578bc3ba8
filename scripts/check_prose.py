"""Checks that texts and names are plain English: docs, messages, comments and names without the words of prose.yaml.

`python scripts/check_prose.py` checks the project, `python scripts/check_prose.py PATH...` some of its files or folders.
`--count` prints how often each word occurs instead of where. Strings of tests are data and are not read, apart from docstrings.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import attrs
import yaml

ROOT = Path(__file__).parents[1]
WORDS = Path(__file__).with_name("prose.yaml")
CHECKED = (
    *("AGENTS.md", "CHANGELOG.md", "CONTRIBUTING.md", "README.md", "SECURITY.md", "llms.txt"),
    *("Makefile", "mkdocs.yml", "pyproject.toml", ".pre-commit-config.yaml", ".ci", ".devcontainer", ".github"),
    *("src", "plugins", "tests", "examples", "benchmarks", "scripts", "docs", "skills"),
)
SUFFIXES = {"", ".css", ".html", ".jinja", ".js", ".json", ".md", ".py", ".sh", ".toml", ".txt", ".yaml", ".yml"}
SKIPPED = ("record/schema1", "record/test_schema1", "tests/test_prose.py", "scripts/prose.yaml", "__pycache__")
"""Old records and their reader, and the list itself."""
GAP = r"(?:\s+(?:(?:#|//|\*)\s*)?|_)"  # between two words: a line break in a comment too, or the underscore of a name
STRINGS = {"STRING", "FSTRING_MIDDLE"}


@attrs.frozen
class Rule:
    """One entry of the word list; `scope` is its `in`."""

    avoid: list[str]
    instead: str
    allow: list[str] = attrs.field(factory=list)
    scope: str = "text"
    case: bool = False

    def candidates(self, words: set[str]) -> re.Pattern[str] | None:
        """Match those phrases whose words are all among the given ones; None where there are none."""
        phrases = [phrase for phrase in self.avoid if words.issuperset(re.findall("[a-z]+", phrase.lower()))]
        pattern = "|".join(re.escape(phrase).replace(r"\ ", GAP) for phrase in phrases)
        flags = 0 if self.case else re.IGNORECASE
        return re.compile(rf"(?<![A-Za-z0-9])(?:{pattern})(?![A-Za-z0-9])", flags) if phrases else None

    def occurs(self, pattern: re.Pattern[str], text: str) -> bool:
        """Whether a text may have findings: it has the words or, if they are names of variables, binds them."""
        if self.scope == "whole":
            binding = rf"(?:^[ \t]*|\bfor |\bas |[(,*] ?){pattern.pattern}(?:\s*[:=,)]| in\b)"
            return bool(re.search(binding, text, pattern.flags | re.MULTILINE))
        return any(self.findings(pattern, text))

    def findings(self, pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
        """Yield the pattern's matches outside of the uses that are allowed."""
        allowed = [use.span() for allow in self.allow for use in re.finditer(allow, text)]
        for match in pattern.finditer(text):
            if not any(start <= match.start() and match.end() <= end for start, end in allowed):
                yield match


@attrs.frozen(order=True)
class Problem:
    """A word to replace, and where it is."""

    path: str
    line: int
    word: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: '{self.word}' -> {self.instead}"


def main(arguments: list[str]) -> int:
    """Print the problems of the named files, or of the whole project; return 1 where there are any."""
    paths = [Path(text) for text in arguments if not text.startswith("-")] or [ROOT / name for name in CHECKED]
    rules = load_rules()
    problems = sorted(problem for path in files_in(paths) for problem in check(path, rules))
    if "--count" in arguments:
        for word, count in Counter(problem.word.lower() for problem in problems).most_common():
            print(f"{count:6} {word}")
    else:
        for problem in problems:
            print(problem)
    if problems:
        print(f"{len(problems)} words or phrases to replace; the list is {WORDS.relative_to(ROOT)}", file=sys.stderr)
    return 1 if problems else 0


def load_rules() -> list[Rule]:
    """Read the word list."""
    entries = yaml.safe_load(WORDS.read_text(encoding="utf-8"))
    return [Rule(**{"scope" if key == "in" else key: value for key, value in entry.items()}) for entry in entries]


def files_in(paths: list[Path]) -> Iterator[Path]:
    """Yield the files below the paths that hold words of our own."""
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            name = _name_of(file)
            if file.is_file() and file.suffix in SUFFIXES and not any(part in name for part in SKIPPED):
                yield file


def check(path: Path, rules: list[Rule]) -> Iterator[Problem]:
    """Yield what the rules find in a file."""
    text = path.read_text(encoding="utf-8")
    split = _split_camel(text)
    words = set(re.findall("[a-z]+", split.lower()))
    candidates = [
        (rule, pattern) for rule in rules if (pattern := rule.candidates(words)) and rule.occurs(pattern, split)
    ]
    if not candidates:  # most files end here, which is quicker than parsing them
        return
    try:
        prose, names = _parse(text, is_test="tests" in path.parts) if path.suffix == ".py" else (text, [])
    except SyntaxError as exc:
        yield Problem(
            _name_of(path), exc.lineno or 1, "syntax error", "valid Python; the rest of the file is not checked"
        )
        return
    for rule, pattern in candidates:
        for match in rule.findings(pattern, prose) if rule.scope == "text" else ():
            line = prose.count("\n", 0, match.start()) + 1
            yield Problem(_name_of(path), line, " ".join(match[0].split()), rule.instead)
        for line, name in names:
            if pattern.fullmatch(name) if rule.scope == "whole" else any(rule.findings(pattern, _split_camel(name))):
                yield Problem(_name_of(path), line, name, rule.instead)


def _parse(text: str, *, is_test: bool) -> tuple[str, list[tuple[int, str]]]:
    """Return a module's prose, on the lines where it stands, and its own names with their lines."""
    tree = ast.parse(text)
    docstrings = set(_docstrings(tree)) if is_test else set()
    lines = [""] * (text.count("\n") + 2)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        is_string = tokenize.tok_name[token.type] in STRINGS and (not is_test or token.start in docstrings)
        if is_string or token.type == tokenize.COMMENT:
            for number, line in enumerate(token.string.split("\n"), token.start[0]):
                lines[number] += f" {line}"
    return "\n".join(lines[1:]), sorted(set(_own_names(tree, is_test=is_test)))


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, int]]:
    """Yield where docstrings start: line and column."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node
        ):
            yield node.body[0].lineno, node.body[0].col_offset


def _own_names(tree: ast.Module, *, is_test: bool) -> Iterator[tuple[int, str]]:
    """Yield the names that a module defines, with their lines; of a test module, those of functions and classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name
        elif is_test:
            continue
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr


def _split_camel(text: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)


def _name_of(path: Path) -> str:
    return path.resolve().relative_to(ROOT).as_posix() if path.resolve().is_relative_to(ROOT) else str(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
