"""An expression, lines of assignments or a Python function, read into a straight line of gates.

    (x + y) * z   →   s1 = x + y,  s2 = s1 * z

Every variable is written once, also where the program writes it twice. Nothing is executed: the
text is parsed, and what is not made of gates (loops, conditions, indexing) is refused by its line.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from practicum.errors import ConfigError

Argument = str | float  # a variable or a constant
OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
}
UNARY = {"exp": "exp", "log": "log", "tanh": "tanh", "relu": "relu", "sigmoid": "σ", "σ": "σ"}
LARGER = ("max", "maximum")
ALLOWED = "+ - * / ** and exp, log, sqrt, tanh, relu, sigmoid, max of numbers by name"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One gate: `target = gate(arguments)`."""

    target: str
    gate: str  # + - * ** max neg 1/x exp log tanh relu σ
    arguments: tuple[Argument, ...]
    label: str  # the name that the program gives it, or the expression


@dataclass(frozen=True, kw_only=True)
class StraightLine:
    """Lines in the order of their execution, each reading only inputs and earlier lines."""

    inputs: tuple[str, ...]
    lines: tuple[Line, ...]
    output: str

    def computed(
        self, inputs: Mapping[str, Any], gates: Mapping[str, Callable[..., Any]]
    ) -> dict[str, Any]:
        """Every variable by name, by these gates, from whatever numbers they take."""
        found = {name: inputs[name] for name in self.inputs}
        for line in self.lines:
            operands = (found[a] if isinstance(a, str) else a for a in line.arguments)
            found[line.target] = gates[line.gate](*operands)
        return found


Program = str | Callable[..., object] | StraightLine


def straight_line(program: Program, *, fuse: bool = True) -> StraightLine:
    """`program` gate by gate.

    With `fuse` a sigmoid is one gate, also where it is written as 1/(1 + exp(-x)); without, four.

    Raises ConfigError, naming the line, for what is not made of gates.
    """
    if isinstance(program, StraightLine):
        return program
    parameters, body = _statements(program)
    try:
        return _Reader(parameters, body, fuse).program()
    except RecursionError:
        raise ConfigError("the expression is nested too deeply; name its parts on lines") from None


def _statements(program: str | Callable[..., object]) -> tuple[list[str] | None, list[ast.stmt]]:
    """The parameters, None for plain text, and the body."""
    if isinstance(program, str):
        return None, _parsed(program)
    try:
        body = _parsed(inspect.getsource(program))
    except (OSError, TypeError):
        raise ConfigError(f"the source of {program!r} is not to be had; give its text") from None
    found = [
        node
        for statement in body
        for node in ast.walk(statement)
        if isinstance(node, ast.FunctionDef | ast.Lambda)
    ]
    if not found or (isinstance(found[0], ast.Lambda) and len(found) > 1):
        raise ConfigError(f"which lambda of its line {program!r} is cannot be told; give its text")
    node = found[0]
    given = node.args
    names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    if isinstance(node, ast.Lambda):
        return names, [ast.copy_location(ast.Return(value=node.body), node.body)]
    return names, node.body[1:] if ast.get_docstring(node) is not None else node.body


def _parsed(text: str) -> list[ast.stmt]:
    try:
        return ast.parse(textwrap.dedent(text).strip()).body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as problem:
        reason = getattr(problem, "msg", None) or type(problem).__name__
        raise ConfigError(f"'{text.strip():.60}' is no Python expression: {reason}") from None


class _Reader:
    """Turns statements into lines; `meaning` maps each name to what it now stands for."""

    def __init__(self, parameters: list[str] | None, body: list[ast.stmt], fuse: bool) -> None:
        self.body, self.fuse = body, fuse
        self.open = parameters is None  # then whatever is read before it is written is an input
        self.inputs = list(parameters or ())
        self.meaning: dict[str, Argument] = {name: name for name in self.inputs}
        self.lines: list[Line] = []
        names = (node.id for each in body for node in ast.walk(each) if isinstance(node, ast.Name))
        self.mentioned = set(names)
        self.written = set(self.inputs)

    def program(self) -> StraightLine:
        result: Argument | None = None
        for statement in self.body:
            last = statement is self.body[-1]
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    result = self.meaning[name] = self.read(value, name)
                case ast.AugAssign(target=ast.Name(id=name) as left, op=op, value=value):
                    sum_of = ast.BinOp(left=ast.Name(id=name), op=op, right=value)
                    result = self.meaning[name] = self.read(ast.copy_location(sum_of, left), name)
                case ast.Expr(value=value) if last:
                    result = self.read(value)
                case ast.Return(value=ast.expr() as value) if last:
                    result = self.read(value)
                case _:
                    raise _refused(statement)
        if not isinstance(result, str):
            raise ConfigError("the expression has no variable, so there is no gradient to take")
        return StraightLine(inputs=tuple(self.inputs), lines=tuple(self.lines), output=result)

    def read(self, node: ast.expr, name: str = "") -> Argument:
        """The variable or constant with the value of `node`; its last gate writes to `name`."""
        match node:
            case ast.Constant(value=bool()):
                raise _refused(node)
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=variable):
                return self.variable(variable)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.read(operand, name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.gate("neg", self.read(operand), node=node, name=name)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                return self.binary(node, OPERATORS[type(op)], left, right, name)
            case ast.Call(func=function, args=arguments, keywords=[]):
                called = ast.unparse(function).rpartition(".")[2]
                return self.call(node, called, arguments, name)
            case _:
                raise _refused(node)

    def variable(self, name: str) -> Argument:
        if name not in self.meaning:
            if not self.open:
                raise ConfigError(f"'{name}' is not a parameter and not computed before it is used")
            self.inputs.append(name)
            self.written.add(name)
            self.meaning[name] = name
        return self.meaning[name]

    def binary(
        self, node: ast.expr, operator: str, left: ast.expr, right: ast.expr, name: str
    ) -> Argument:
        if self.fuse and (inner := _inside_sigmoid(node)) is not None:
            return self.gate("σ", self.read(inner), node=node, name=name)
        a, b = self.read(left), self.read(right)
        if operator == "**" and isinstance(b, str):
            raise ConfigError(f"the exponent of '{ast.unparse(node)}' must be a number")
        if operator != "/":
            return self.gate(operator, a, b, node=node, name=name)
        if a == 1.0:
            return self.gate("1/x", b, node=node, name=name)
        return self.gate("*", a, self.gate("1/x", b, node=_inverse(right)), node=node, name=name)

    def call(self, node: ast.Call, called: str, given: list[ast.expr], name: str) -> Argument:
        if called in LARGER and len(given) == 2:
            return self.gate("max", *map(self.read, given), node=node, name=name)
        if len(given) != 1 or called not in {*UNARY, "sqrt"}:
            raise _refused(node)
        if called in ("sigmoid", "σ") and not self.fuse:
            return self.read(_spelled_out(given[0]), name)
        x = self.read(given[0])
        if called == "sqrt":
            return self.gate("**", x, 0.5, node=node, name=name)
        return self.gate(UNARY[called], x, node=node, name=name)

    def gate(self, gate: str, *arguments: Argument, node: ast.expr, name: str = "") -> Argument:
        """A new line; or a number, where a number is all it takes."""
        if gate == "neg" and isinstance(arguments[0], float):
            return -arguments[0]
        if gate == "1/x" and arguments[0] == 0.0:
            raise ConfigError(f"'{ast.unparse(node)}' divides by 0")
        if gate == "1/x" and isinstance(arguments[0], float):
            return 1.0 / arguments[0]
        if not any(isinstance(argument, str) for argument in arguments):
            raise ConfigError(f"'{ast.unparse(node)}' has no variable; write its value instead")
        target = self.free(name)
        label = name or ast.unparse(node)
        self.lines.append(Line(target=target, gate=gate, arguments=arguments, label=label))
        self.written.add(target)
        return target

    def free(self, name: str) -> str:
        """`name`, or the first of name_2, name_3, … or s1, s2, … that nothing is called yet."""
        if name and name not in self.written:
            return name
        stem, number = (f"{name}_", 2) if name else ("s", 1)
        while f"{stem}{number}" in self.written | self.mentioned:
            number += 1
        return f"{stem}{number}"


def _inside_sigmoid(node: ast.expr) -> ast.expr | None:
    """The x of 1/(1 + exp(-x)), in either order; None for anything else."""
    match node:
        case ast.BinOp(
            left=ast.Constant(value=1 | 1.0),
            op=ast.Div(),
            right=ast.BinOp(left=left, op=ast.Add(), right=right),
        ):
            for one, call in ((left, right), (right, left)):
                match one, call:
                    case (
                        ast.Constant(value=1 | 1.0),
                        ast.Call(func=f, args=[ast.UnaryOp(op=ast.USub(), operand=x)], keywords=[]),
                    ) if ast.unparse(f).rpartition(".")[2] == "exp":
                        return x
    return None


def _inverse(node: ast.expr) -> ast.expr:
    return ast.BinOp(left=ast.Constant(value=1), op=ast.Div(), right=node)


def _spelled_out(x: ast.expr) -> ast.expr:
    """The sigmoid of `x` as 1/(1 + exp(-x))."""
    power = ast.Call(
        func=ast.Name(id="exp"), args=[ast.UnaryOp(op=ast.USub(), operand=x)], keywords=[]
    )
    below = ast.BinOp(left=ast.Constant(value=1), op=ast.Add(), right=power)
    return ast.fix_missing_locations(ast.copy_location(_inverse(below), x))


def _refused(node: ast.stmt | ast.expr) -> ConfigError:
    said = ast.unparse(node).splitlines()[0]
    return ConfigError(
        f"line {node.lineno}: '{said:.60}' is not made of gates, which are {ALLOWED}"
    )
