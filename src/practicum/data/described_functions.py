"""Every function of a Python file, cut so that its docstring can be read, or put in.

    signature    all lines up to the docstring's place: decorators, `def`, to the colon's line end
    body         all lines after it

Methods and inner functions count too, and each is moved to the left margin, where a model has met
most functions. Left out are functions on one line, those that share a docstring's line with other
code, and those that have nothing but a docstring: there is no place, or nothing to describe.
`function_source` tells besides what the outermost functions need of their module.
"""

import ast
import inspect
import tokenize
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from textwrap import wrap

from practicum.data.function_parts import Asked, FunctionParts
from practicum.data.standard_library import BLOCKS
from practicum.data.syntax import collector_paused, source_lines
from practicum.errors import DataError

Defined = ast.FunctionDef | ast.AsyncFunctionDef
QUOTES = '"""'
WIDTH = 88  # columns, beyond which a line of a docstring is broken


@dataclass(frozen=True, kw_only=True)
class DescribedFunction:
    """One function of a text, at the left margin, its line ends "\\n"."""

    name: str  # with the classes and functions around it, such as "Heap.push"
    line: int  # of `def`, from 1
    signature: str
    docstring: str | None  # as help() shows it
    body: str
    margin: str  # what stands before `def` in its file
    indent: str  # of the body beyond that
    place: tuple[int, int]  # the lines of the text, from 0, that a docstring replaces
    remark: str  # after the docstring on its last line, such as a comment

    @property
    def prompt(self) -> str:
        """Signature and body, and the quotes after which the docstring's words are to follow."""
        return f"{self.signature}{self.body}{self.indent}{QUOTES}"

    @property
    def words_from_code(self) -> Asked:
        """`prompt`, and its docstring's words with the quotes that end them (Chen et al., §5)."""
        parts = FunctionParts(
            signature=self.signature,
            docstring=quoted(self.docstring or "", self.indent),
            body=self.body,
        )
        asked = parts.words_from_code
        return Asked(self.prompt, asked.answer.removeprefix(self.indent + QUOTES))


def described_functions(text: str) -> list[DescribedFunction]:
    """In the order of their lines. Raises SyntaxError or ValueError where `text` is no Python."""
    lines = source_lines(text)
    with collector_paused():
        found = [_function(node, name, lines) for node, name in _definitions(_parsed(text))]
    return sorted((one for one in found if one is not None), key=lambda one: one.line)


def with_docstrings(text: str, said: Mapping[DescribedFunction, str]) -> str:
    """`text` with these docstrings in place of what its functions had; its line ends are kept.

    Raises DataError where anything but docstrings of functions would change.
    """
    lines = source_lines(text)
    for function, words in sorted(said.items(), key=lambda pair: -pair[0].line):
        start, end = function.place
        before = lines[start - 1]
        line_end = before[len(before.rstrip("\r\n")) :]
        docstring = quoted(words, function.margin + function.indent)
        docstring = docstring.removesuffix("\n") + function.remark + "\n"
        lines[start:end] = [docstring.replace("\n", line_end)]
    changed = "".join(lines)
    try:
        same = _without_docstrings(changed) == _without_docstrings(text)
    except (SyntaxError, ValueError, RecursionError):
        same = False
    if not same:
        raise DataError("more than docstrings would change")
    return changed


def quoted(words: str, indent: str) -> str:
    """The lines of a docstring that says `words`, at this indentation.

    What would end it, or be an escape, is escaped; lines that are too long are broken.
    """
    room = max(20, WIDTH - len(indent.expandtabs()))
    broken = [part for line in inspect.cleandoc(words).splitlines() for part in _broken(line, room)]
    escaped = "\n".join(broken).strip().replace("\\", "\\\\").replace(QUOTES, r"\"\"\"")
    if escaped.endswith('"'):
        escaped = escaped[:-1] + r"\""
    first, *rest = escaped.split("\n")
    if not rest:
        return f"{indent}{QUOTES}{first}{QUOTES}\n"
    following = [f"{indent}{line}" if line else "" for line in (*rest, QUOTES)]
    return "\n".join([f"{indent}{QUOTES}{first}", *following, ""])


def unquoted(source: str) -> str:
    """The words of a docstring whose source stands between the quotes, as help() shows them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as in `_parsed`
            words = ast.literal_eval(f"{QUOTES}{source}{QUOTES}")
    except (SyntaxError, ValueError):
        words = source
    return inspect.cleandoc(words).strip()


def _broken(line: str, room: int) -> list[str]:
    indent = line[: len(line) - len(line.lstrip())]
    if len(line) <= room:
        return [line.rstrip()]
    return wrap(
        line,
        room,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _parsed(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as an invalid escape in somebody's string
        return ast.parse(text)


def _definitions(tree: ast.Module) -> Iterator[tuple[Defined, str]]:
    """Each with its name, in any order. Not by recursion: a chain of `elif` is as deep as long."""
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        node, around = waiting.pop()
        if isinstance(node, Defined):
            yield node, f"{around}{node.name}"
        if isinstance(node, Defined | ast.ClassDef):
            around += f"{node.name}."
        below = ast.iter_child_nodes(node)
        waiting += [(child, around) for child in below if isinstance(child, BLOCKS)]


def _function(node: Defined, name: str, lines: list[str]) -> DescribedFunction | None:
    words, first = ast.get_docstring(node, clean=True), node.body[0]
    if words is None:
        start = end = _header_end(lines, node.lineno)
        rest, remark = node.body, ""
    else:
        start, end = first.lineno - 1, first.end_lineno or first.lineno
        rest, last = node.body[1:], lines[end - 1].encode()
        remark = last[first.end_col_offset :].decode().rstrip()
    opens = lines[node.lineno - 1]
    margin = opens[: len(opens) - len(opens.lstrip())]
    opens = lines[first.lineno - 1]
    indent = opens[: len(opens) - len(opens.lstrip())].removeprefix(margin)
    on_its_own = first.lineno > node.lineno and bool(indent)
    if not rest or not on_its_own or _first_line(rest[0]) <= end:
        return None
    return DescribedFunction(
        name=name,
        line=node.lineno,
        signature=_moved(lines[_first_line(node) - 1 : start], margin),
        docstring=words,
        body=_moved(lines[end : node.end_lineno], margin),
        margin=margin,
        indent=indent,
        place=(start, end),
        remark=remark,
    )


def _header_end(lines: list[str], line: int) -> int:
    """The number of the line with the colon that ends the `def` on this line."""
    for token in tokenize.generate_tokens(iter(lines[line - 1 :]).__next__):
        if token.type == tokenize.NEWLINE:
            return line - 1 + token.start[0]
    raise AssertionError(f"the definition on line {line} does not end its line")


def _first_line(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)])


def _moved(lines: list[str], margin: str) -> str:
    return "".join(line.rstrip("\r\n").removeprefix(margin) + "\n" for line in lines)


def _without_docstrings(text: str) -> str:
    tree = _parsed(text)
    for node in ast.walk(tree):
        if isinstance(node, Defined) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return ast.dump(tree)
