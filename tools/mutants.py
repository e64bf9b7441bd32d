"""The small changes that tools/mutate.py makes: each as the whole source of the module with one of them."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_RECKONED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
# Left alone: what is said to people and to the log, what a type checker reads, what states the impossible.
_WORDS = {"tr", "trn"}
_UNREAD = (ast.Assert, ast.Import, ast.ImportFrom, ast.JoinedStr)
_NOT_RUN = {"annotation", "returns", "decorator_list", "type_comment", "bases"}


@dataclass(frozen=True)
class Mutant:
    """A module's source with one change; `inside` a function, so that only some tests reach it."""

    module: str
    name: str
    line: int
    end: int
    inside: bool
    source: str


def mutants(path: Path, module: str) -> Iterator[Mutant]:
    """All mutants of the file, from top to bottom."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named: Counter[str] = Counter()
    for parent, field, place, node, where in list(_nodes(tree, "")):
        for changed in _changes(node):
            before, after = ast.unparse(node), ast.unparse(changed)
            _put(parent, field, place, ast.copy_location(changed, node))
            source = ast.unparse(ast.fix_missing_locations(tree))
            _put(parent, field, place, node)
            name = f"{where or 'module'}: {_short(before)} → {_short(after)}"
            named[name] += 1
            name += f" #{named[name]}" if named[name] > 1 else ""
            yield Mutant(module, name, node.lineno, node.end_lineno or node.lineno, bool(where), source)


def _put(parent: ast.AST, field: str, place: int | None, node: ast.AST) -> None:
    if place is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[place] = node


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 70 else f"{text[:50]} … {text[-15:]}"


def _nodes(parent: ast.AST, where: str) -> Iterator[tuple[ast.AST, str, int | None, ast.AST, str]]:
    """Every statement and expression that may be changed, with its place in the tree and the function it is in."""
    if _is_left_alone(parent):
        return
    inner = parent.name if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef) else where
    for field, value in ast.iter_fields(parent):
        if field in _NOT_RUN:
            continue
        for place, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(node, ast.stmt | ast.expr) and not _is_docstring(node):
                yield parent, field, place, node, inner
            if isinstance(node, ast.AST):
                yield from _nodes(node, inner)


def _is_left_alone(node: ast.AST) -> bool:
    words = _is_said(node.value if isinstance(node, ast.Expr) else node)
    protocol = isinstance(node, ast.ClassDef) and any(
        isinstance(b, ast.Name) and b.id == "Protocol" for b in node.bases
    )
    return words or protocol or _is_docstring(node) or isinstance(node, _UNREAD)


def _is_said(node: ast.AST) -> bool:
    match node:
        case ast.Call(ast.Name(name)):
            return name in _WORDS
        case ast.Call(ast.Attribute(ast.Name("log"), _level)):
            return True
    return False


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    if _is_left_alone(node):
        return
    match node:
        case ast.Constant():
            yield from _constants(node)
        case ast.Call(_func, args, keywords):
            yield from _calls(node, args, keywords)
        case ast.If(_test, body, orelse):
            yield ast.If(ast.Constant(True), body, orelse)
            yield ast.If(ast.Constant(False), body, orelse)
        case ast.Return(ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield ast.Return(ast.Constant(None))
        case ast.Raise() | ast.Expr() | ast.AugAssign() | ast.Break() | ast.Continue():
            yield ast.Pass()
        case ast.expr():
            yield from _operations(node)


def _operations(node: ast.expr) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(left, [op], right) if type(op) in _COMPARED:
            yield ast.Compare(left, [_COMPARED[type(op)]()], right)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            for left_out in range(len(values)):
                kept = [value for place, value in enumerate(values) if place != left_out]
                yield kept[0] if len(kept) == 1 else ast.BoolOp(op, kept)
        case ast.UnaryOp(ast.Not(), operand):
            yield operand
        case ast.BinOp(left, op, right) if type(op) in _RECKONED:
            yield ast.BinOp(left, _RECKONED[type(op)](), right)
        case ast.IfExp(_test, body, orelse):
            yield body
            yield orelse


def _constants(node: ast.Constant) -> Iterator[ast.AST]:
    match node.value:
        case bool():
            yield ast.Constant(not node.value)
        case int() | float():
            yield ast.Constant(node.value + 1)
        case str() if node.value:
            yield ast.Constant("")
        case str():
            yield ast.Constant("mutant")
        case None:
            pass


def _calls(node: ast.Call, args: list[ast.expr], keywords: list[ast.keyword]) -> Iterator[ast.AST]:
    """A call without its effect on its one argument, and without each of its keywords."""
    if len(args) == 1 and not keywords and not isinstance(args[0], ast.Starred | ast.GeneratorExp):
        yield args[0]
    for left_out in range(len(keywords)):
        yield ast.Call(node.func, args, [one for place, one in enumerate(keywords) if place != left_out])
