"""The part of a file that a function uses: what changes another function of the file repeats no work of this one."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from llmops_sdk.functions.imports import imports_in, own_files
from llmops_sdk.functions.sources import parse
from llmops_sdk.values.serial import digest

_DYNAMIC = {"globals", "locals", "vars", "eval", "exec", "compile"}
"""Names by which code reaches what it does not name."""

_DECLARATIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


def code_of(files: Mapping[str, str], file: str, name: str) -> str:
    """Return the hash of the code that a function uses.

    That is its own lines; the definitions, assignments and imports of its file whose names it uses, and what these use;
    every statement of the file that is none of those, or that calls code of the user's own when the file is imported, as
    `@register` above a function does; and the files of its folder that all this imports, as a whole. Of a file that reaches
    names in other ways (`globals()`, `from helpers import *`), it is everything.

    Args:
        files: The texts of the file and of what it imports from its folder.
        file: The function's file.
        name: The function's name.
    """
    text = files[file]
    tree = parse(text, file)
    if _is_dynamic(tree):
        return digest(dict(files))
    used = _used(tree, name, _own_names(tree, file, files))
    lines = text.split("\n")  # as Python counts them: a form feed ends no line
    imported = _imported([(file, statement) for statement in used], files)
    return digest([_text(statement, lines) for statement in used], {each: files[each] for each in imported})


def _used(tree: ast.Module, name: str, own: set[str]) -> list[ast.stmt]:
    """Return the statements of a file that decide what a function does, in their order."""
    binding: dict[str, list[int]] = {}
    waiting: list[int] = []
    for place, statement in enumerate(tree.body):
        if _is_main(statement) or _is_docstring(statement):
            continue
        names = list(_bound(statement))
        for each in names:
            binding.setdefault(each, []).append(place)
        if not names or not _is_declaration(statement) or _calls(statement, own):
            waiting.append(place)
    waiting += binding.get(name, [])
    used: set[int] = set()
    while waiting:
        place = waiting.pop()
        if place in used:
            continue
        used.add(place)
        for each in _names(tree.body[place]):
            waiting += binding.get(each, [])
    return [tree.body[place] for place in sorted(used)]


def _own_names(tree: ast.Module, file: str, files: Mapping[str, str]) -> set[str]:
    """Return the names of a file that stand for code of the user's own: what it binds, or imports from its folder."""
    own: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)) and not any(
            own_files(module_import, file, files) for module_import in imports_in(statement)
        ):
            continue
        own.update(_bound(statement))
    return own


def _calls(statement: ast.stmt, own: set[str]) -> bool:
    """Return whether a declaration calls code of the user's own, which may keep it where no name leads to it."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        called = [*statement.decorator_list, *getattr(statement, "bases", [])]
    else:
        called = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return any(isinstance(node, ast.Name) and node.id in own for each in called for node in ast.walk(each))


def _imported(nodes: list[tuple[str, ast.AST]], files: Mapping[str, str]) -> list[str]:
    """Return the files that code imports, and those that these import."""
    imported: dict[str, None] = {}
    while nodes:
        importer, node = nodes.pop()
        for module_import in imports_in(node):
            for name in own_files(module_import, importer, files) or ():
                if name not in imported and name in files:
                    imported[name] = None
                    nodes.append((name, parse(files[name], name)))
    return sorted(imported)


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a module binds."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name
    elif isinstance(statement, (ast.Import, ast.ImportFrom)):
        for alias in statement.names:
            yield alias.asname or alias.name.partition(".")[0]
    else:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, _DECLARATIONS):
                yield from _bound(node)


def _is_declaration(statement: ast.stmt) -> bool:
    """Return whether a statement only gives names: it counts for those who use them."""
    if isinstance(statement, _DECLARATIONS):
        return not (isinstance(statement, ast.ImportFrom) and statement.module == "__future__")
    if isinstance(statement, ast.AnnAssign):
        return isinstance(statement.target, ast.Name)
    return isinstance(statement, ast.Assign) and all(_is_plain(target) for target in statement.targets)


def _is_plain(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) or (isinstance(target, ast.Tuple) and all(map(_is_plain, target.elts)))


def _names(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _text(statement: ast.stmt, lines: list[str]) -> str:
    """Return the lines of a statement, with its decorators."""
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    return "\n".join(lines[first - 1 : statement.end_lineno])


def _is_main(statement: ast.stmt) -> bool:
    """Return whether a statement is `if __name__ == "__main__":`, which does not run where a function is called."""
    test = statement.test if isinstance(statement, ast.If) else None
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
        and not getattr(statement, "orelse", [])
    )


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_dynamic(tree: ast.Module) -> bool:
    return any(
        (isinstance(node, ast.Name) and node.id in _DYNAMIC)
        or (isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names))
        for node in ast.walk(tree)
    )
