"""The changes: small mistakes that a programmer could make."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, NamedTuple

PAIRS = (
    *((ast.Eq, ast.NotEq), (ast.Is, ast.IsNot), (ast.In, ast.NotIn)),
    *((ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.And, ast.Or), (ast.Add, ast.Sub)),
)
OTHER: dict[type, Any] = {**dict(PAIRS), **{two: one for one, two in PAIRS}}
"""What an operator is taken for."""

DROPPED = (ast.Expr, ast.Assign, ast.AugAssign, ast.Delete, ast.Raise)
"""Statements without which a function may seem to work."""

SKIPPED = ("annotation", "returns", "decorator_list", "type_params")
"""The parts of a node that are not looked into."""


class Mutant(NamedTuple):
    """A change of one module.

    Attributes:
        module: the module's file name.
        place: the module and the function that is changed, as the ledger names them.
        line: the line.
        change: what is changed, and into what.
        source: the text of the changed module.
        id: the same for the same change of the same function, whatever its line.
    """

    module: str
    place: str
    line: int
    change: str
    source: str
    id: str

    def __str__(self) -> str:
        return f"{self.place}, line {self.line}: {self.change}"


def mutants_of(module: str, source: str) -> Iterator[Mutant]:
    """Yield every change of a module."""
    tree = ast.parse(source)
    for function, inside, siblings, index in slots(tree, "<module>", tree):
        node = siblings[index]
        around = "" if inside is tree else ast.unparse(inside)
        for new in replacements(node):
            change = f"{ast.unparse(node)} -> {ast.unparse(new)}"
            siblings[index] = new
            text = ast.unparse(tree)
            now = change if inside is tree else ast.unparse(inside)
            siblings[index] = node
            identity = sha256(f"{module} {function} {around} {now}".encode())
            place, name = f"{module}: {function}", identity.hexdigest()[:16]
            yield Mutant(module, place, node.lineno, change, text, name)


def slots(node: Any, function: str, inside: Any) -> Iterator[tuple[str, Any, Any, Any]]:
    """Yield where in *node* there is something that may be replaced.

    Each is the name of the function, the function, and a list or an object's
    attributes with an index or a name.
    """
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        outer = "" if function == "<module>" else f"{function}."
        function, inside = f"{outer}{node.name}", node
    for name, value in ast.iter_fields(node):
        if name in SKIPPED:
            continue
        siblings = value if isinstance(value, list) else vars(node)
        for index in range(len(value)) if isinstance(value, list) else [name]:
            child = siblings[index]
            if isinstance(child, ast.AST) and not is_left_alone(child):
                if hasattr(child, "lineno"):
                    yield function, inside, siblings, index
                yield from slots(child, function, inside)


def is_left_alone(node: Any) -> bool:
    """Tell whether *node* is documentation, an import, or for type checkers alone."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, (ast.If, ast.Assign)):
        first = node.test if isinstance(node, ast.If) else node.targets[0]
        return ast.unparse(first) == "TYPE_CHECKING"
    return isinstance(node, (ast.Import, ast.ImportFrom, ast.JoinedStr))


def replacements(node: Any) -> Iterator[ast.AST]:
    """Yield what *node* may be taken for."""
    if isinstance(node, DROPPED):
        yield ast.Pass()
    if isinstance(node, (ast.If, ast.While, ast.IfExp)):
        yield changed(node, test=ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.BoolOp):
        yield changed(node, op=OTHER[type(node.op)]())
        yield from (changed(node, values=rest) for rest in shortened(node.values))
    elif isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            other = OTHER[type(operator)]()
            yield changed(node, ops=[*node.ops[:index], other, *node.ops[index + 1 :]])
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.BinOp) and type(node.op) in OTHER:
        yield changed(node, op=OTHER[type(node.op)]())
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield ast.Constant(not node.value)
        elif isinstance(node.value, int):
            yield ast.Constant(node.value + 1)
        elif isinstance(node.value, str):
            yield ast.Constant(f"X{node.value}")
    elif isinstance(node, ast.Call):
        yield from (changed(node, keywords=rest) for rest in shortened(node.keywords))
    elif isinstance(node, ast.Return) and not isinstance(
        node.value, (ast.Constant, type(None))
    ):
        yield ast.Return()
    elif isinstance(node, ast.ExceptHandler):
        yield changed(node, type=ast.Name("ZeroDivisionError"))


def changed(node: ast.AST, **fields: Any) -> ast.AST:
    """Return a copy of *node* with other *fields*."""
    new = copy.copy(node)
    vars(new).update(fields)
    return new


def shortened(elements: list[Any]) -> Iterator[list[Any]]:
    """Yield *elements* with one of them left out, for each of them."""
    for index in range(len(elements)):
        yield elements[:index] + elements[index + 1 :]
