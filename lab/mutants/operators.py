"""The changes: small mistakes that a programmer could make."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Optional, Union

COMPARED: dict[type, type] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
COMPUTED: dict[type, type] = {ast.Add: ast.Sub, ast.Sub: ast.Add}
DROPPED = (ast.Expr, ast.Assign, ast.AugAssign, ast.Delete, ast.Raise)
"""Statements without which a function may seem to work."""


@dataclass(frozen=True)
class Mutant:
    """A change of one module.

    Attributes:
        module: the module's file name.
        function: the function that is changed, or ``<module>``.
        line: the line.
        last: the last line of what runs with it.
        lines: those of the function that it is part of, or of the statement.
        names: what the module is given by the statement that is changed.
        change: what is changed, and into what.
        repeated: how many of the same are before it in the function.
        around: a digest of the function that it is part of, or of the statement. A
            result is good as long as that is the same.
        source: the text of the changed module.
    """

    module: str
    function: str
    line: int
    last: int
    lines: range
    names: frozenset[str]
    change: str
    repeated: int
    around: str
    source: bytes

    @property
    def key(self) -> str:
        """What says which change it is, whatever its line."""
        repeated = f" ({self.repeated + 1})" if self.repeated else ""
        return f"{self.module}: {self.function}: {self.change}{repeated}"

    @property
    def id(self) -> str:
        """What says which change of which code it is, whatever the module."""
        return f"{self.around} {self.key.partition(': ')[2]}"


def mutants_of(module: str, source: bytes) -> Iterator[Mutant]:
    """Yield every change of a module, in the order of its lines."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    seen: Counter[tuple[str, str]] = Counter()
    for top in filter(_is_code, ast.parse(source).body):
        for function, inside, ran, node, text in _changes(top, "<module>", top):
            start, end = _extent(node, starts)
            before, after = source[start:end].decode(), text
            change = f"{' '.join(before.split())} -> {' '.join(after.split())}"
            changed = source[:start] + after.encode() + source[end:]
            try:
                compile(changed, module, "exec")
            except SyntaxError:
                continue
            number = seen[function, change]
            seen[function, change] += 1
            lines = range(inside.lineno, inside.end_lineno + 1)
            place = function, node.lineno, ran.end_lineno, lines, _bound(top)
            yield Mutant(module, *place, change, number, _digest(inside), changed)


def _bound(statement: ast.stmt) -> frozenset[str]:
    """Return the names to which *statement* of a module assigns."""
    targets = getattr(statement, "targets", None) or [getattr(statement, "target", 0)]
    return frozenset(each.id for each in targets if isinstance(each, ast.Name))


def uses_of(names: frozenset[str], tree: ast.AST) -> set[int]:
    """Return the lines of *tree* that read one of *names*, as an attribute, too."""
    return {
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, (ast.Name, ast.Attribute))
        and isinstance(node.ctx, ast.Load)
        and (node.id if isinstance(node, ast.Name) else node.attr) in names
    }


def _digest(code: ast.AST) -> str:
    """Return a digest of *code*, whatever its comments and documentation."""
    code = copy.deepcopy(code)
    for node in ast.walk(code):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = filter(_is_code, body)
    return sha256(ast.dump(code).encode()).hexdigest()[:16]


def _extent(node: Any, starts: list[int]) -> tuple[int, int]:
    first = getattr(node, "decorator_list", None) or [node]
    return (
        starts[first[0].lineno - 1] + first[0].col_offset,
        starts[node.end_lineno - 1] + node.end_col_offset,
    )


Change = tuple[str, Any, Any, Any, str]


def _changes(node: Any, function: str, inside: Any) -> Iterator[Change]:
    """Yield every change of *node*, which is in *function*, whose code is *inside*.

    Each with the function, its code, what runs with it, the node to be replaced and
    its new text.
    """
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        outer = "" if function == "<module>" else f"{function}."
        function, inside = f"{outer}{node.name}", node
        for decorator in node.decorator_list:
            # Its line is left with one that does nothing.
            yield function, inside, decorator, decorator, "(lambda same: same)"
    for changed, text in _own_changes(node):
        yield function, inside, changed, changed, text
    for child in _children(node):
        in_class = isinstance(node, ast.ClassDef)
        within = child if in_class else inside
        for name, code, ran, changed, text in _changes(child, function, within):
            simple = isinstance(node, ast.stmt) and not hasattr(node, "body")
            yield name, code, node if simple else ran, changed, text


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is looked at: no annotations, no types, and no documentation."""
    if _is_type_checking(node):
        yield from getattr(node, "orelse", ())
        return
    if isinstance(node, (ast.JoinedStr, ast.Import, ast.ImportFrom)):
        return
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal":
        return
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("cast", "ContextVar"):
        yield from node.args[1:]  # not what only type checkers and people read
        return
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "ctx", "op", "ops"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and _is_code(child):
                yield child


def _is_type_checking(node: Any) -> bool:
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    return isinstance(node, ast.Assign) and ast.unparse(node).startswith(
        "TYPE_CHECKING ="
    )


def _is_code(node: ast.AST) -> bool:
    return not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _negated(test: ast.expr) -> Iterator[tuple[Any, str]]:
    """Yield *test* negated, unless that is a change of its own."""
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return
    if not isinstance(test, ast.UnaryOp):
        yield test, _text(ast.UnaryOp(ast.Not(), test))


def _own_changes(node: Any) -> Iterator[tuple[Any, str]]:
    """Yield what of *node* itself can be changed: a node, and its new text."""
    if _is_type_checking(node):
        return
    if isinstance(node, (ast.If, ast.While, ast.IfExp)):
        yield from _negated(node.test)
    elif isinstance(node, ast.comprehension):
        for test in node.ifs:
            yield from _negated(test)
    elif isinstance(node, ast.BoolOp):
        other: ast.boolop = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield node, _text(ast.BoolOp(other, node.values))
        for index in range(len(node.values)):
            rest = node.values[:index] + node.values[index + 1 :]
            yield node, _text(rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest))
    elif isinstance(node, ast.Compare):
        for index, compared in enumerate(node.ops):
            yield node, _with(node, "ops", index, COMPARED[type(compared)]())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node, _text(node.operand)
    elif isinstance(node, ast.BinOp) and type(node.op) in COMPUTED:
        changed = copy.copy(node)
        changed.op = COMPUTED[type(node.op)]()
        yield node, _text(changed)
    elif isinstance(node, ast.Constant):
        value = _other_value(node.value)
        if value is not None:
            yield node, _text(ast.Constant(value))
    elif isinstance(node, ast.Call):
        for index in range(len(node.keywords)):
            yield node, _with(node, "keywords", index, None)
    elif isinstance(node, ast.Return) and node.value is not None:
        if not isinstance(node.value, ast.Constant):
            yield node, "return None"
    elif isinstance(node, (ast.Break, ast.Continue)):
        yield node, "continue" if isinstance(node, ast.Break) else "break"
    elif isinstance(node, (ast.With, ast.AsyncWith)):
        if len(node.items) == 1 and node.items[0].optional_vars is None:
            item = node.items[0].context_expr
            yield item, "__import__('contextlib').nullcontext()"
    elif isinstance(node, ast.ExceptHandler) and node.type is not None:
        yield node.type, "ZeroDivisionError"
        name = ast.unparse(node.type)
        if name in ("Exception", "BaseException"):
            other_name = "Exception" if name == "BaseException" else "BaseException"
            yield node.type, other_name
    if isinstance(node, DROPPED):
        yield node, "pass"


def _other_value(value: object) -> Union[str, int, None]:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int) and value < 1000:
        return value + 1  # a larger one, or a part of a second, is a mere limit
    if isinstance(value, str):
        return f"X{value}"
    return None


def _text(node: ast.AST) -> str:
    return f"({ast.unparse(ast.fix_missing_locations(copy.deepcopy(node)))})"


def _with(node: Any, field: str, index: int, value: Optional[ast.AST]) -> str:
    """Return *node* with another element in one of its lists, or with none."""
    changed = copy.copy(node)
    elements = list(getattr(node, field))
    elements[index : index + 1] = [] if value is None else [value]
    setattr(changed, field, elements)
    return _text(changed)
