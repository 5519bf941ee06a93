"""The reading list and what its pages say about themselves, without importing a page.

`entries` and `reading_order` read `catalog.toml`; `page_facts` reads a page's syntax tree, so that
listing and showing need neither torch nor the page's rooms. Only `load_page` imports a page.
"""

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from practicum.errors import PracticumError, UnknownName

if TYPE_CHECKING:
    from practicum.lab.paper import Paper

FOLDER = Path(__file__).parent
TIERS = ("1", "2", "3", "4+")
SIGNALS = ("supervised", "self-supervised", "reinforcement", "none")
TECHNIQUES = ("symbolic", "classical", "deep")
SUPPORT = frozenset(
    {"lab", "config", "errors", "events", "home", "seeding"}
)  # judge, not implement


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of the list."""

    slug: str
    title: str
    section: str
    tier: str
    new: bool  # added to the list after 2024-04-01
    signal: tuple[str, ...]  # of `SIGNALS`: what is learned from
    technique: tuple[str, ...]  # of `TECHNIQUES`: what acts on it
    url: str  # the list's own link
    nickname: str = ""
    video: str = ""
    link_note: str = ""  # why `url` is not the work
    work_url: str = ""  # where the work is, when `url` leads elsewhere

    @property
    def link(self) -> str:
        """Where the work itself is."""
        return self.work_url or self.url


@dataclass(frozen=True, kw_only=True)
class ClaimFacts:
    """A claim or validity rule as its page writes it."""

    text: str
    threshold: str  # such as "at least 0.8"
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A file of practicum, relative to the package, and what the page takes from it."""

    file: str
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PageFacts:
    """What a page says of itself."""

    citation: str
    idea: tuple[str, ...]  # the paragraphs between citation and claim
    equations: tuple[str, ...]  # the lines of `idea` that hold an equation
    claim: str
    setup: tuple[tuple[str, str], ...]  # field and its value, as written
    arms: tuple[str, ...]
    presets: tuple[str, ...]
    claims: tuple[ClaimFacts, ...]
    validity: tuple[ClaimFacts, ...]
    parts: tuple[Part, ...]  # the files that implement it, in the order the page imports them


@cache
def entries() -> tuple[Entry, ...]:
    """Every entry, as the list prints them."""
    table = tomllib.loads((FOLDER / "catalog.toml").read_text(encoding="utf-8"))
    return tuple(
        Entry(**{**row, "signal": tuple(row["signal"]), "technique": tuple(row["technique"])})
        for row in table["entry"]
    )


def reading_order() -> tuple[Entry, ...]:
    """Tier 1 of all topics, then tier 2, and so on; within a tier as the list prints them."""
    return tuple(sorted(entries(), key=lambda entry: TIERS.index(entry.tier)))


def entry(slug: str) -> Entry:
    """The entry called `slug`. Raises UnknownName with the nearest ones."""
    for candidate in entries():
        if candidate.slug == slug:
            return candidate
    raise UnknownName("entry", slug, [e.slug for e in entries()], "(practicum list shows all)")


def page_path(slug: str) -> Path:
    """Where the page of the entry `slug` is, or would be."""
    return FOLDER / f"{entry(slug).slug.replace('-', '_')}.py"


def has_page(slug: str) -> bool:
    """The entry `slug` has been built."""
    return page_path(slug).is_file()


def load_page(slug: str) -> "Paper":
    """Import the page of `slug` and take its PAPER. Raises PracticumError when there is none."""
    return import_module(f"practicum.papers.{_written(slug).stem}").PAPER


@cache
def page_facts(slug: str) -> PageFacts:
    """What the page of `slug` says, from its syntax tree. Raises PracticumError without a page."""
    tree = ast.parse(_written(slug).read_text(encoding="utf-8"))
    citation, idea, claim = _docstring(ast.get_docstring(tree) or "")
    lines = [line.strip() for paragraph in idea for line in paragraph.splitlines()]
    return PageFacts(
        citation=citation,
        idea=tuple(" ".join(paragraph.split()) for paragraph in idea),
        equations=tuple(line for line in lines if any(sign in line for sign in "=≈∝≤≥")),
        claim=" ".join(claim.split()),
        setup=tuple(_setup(tree)),
        arms=_keys(tree, _assigned(tree, "ARMS")),
        presets=_keys(tree, _keyword(tree, "Paper", "presets")),
        claims=tuple(_claims(tree, "Claim")),
        validity=tuple(_claims(tree, "Validity")),
        parts=tuple(_parts(tree)),
    )


def _written(slug: str) -> Path:
    path = page_path(slug)
    if not path.is_file():
        built = [e.slug for e in entries() if has_page(e.slug)]
        which = f"; entries with a page: {', '.join(built)}" if built else ""
        raise PracticumError(f"entry '{slug}' has no page yet{which}")
    return path


def _docstring(text: str) -> tuple[str, list[str], str]:
    """Citation (first paragraph), the paragraphs that explain, and what stands after "Claim:"."""
    citation, _, rest = text.partition("\n\n")
    before, marker, after = rest.partition("Claim:")
    claim, _, tail = after.partition("\n\n") if marker else ("", "", "")
    idea = [paragraph for paragraph in (*before.split("\n\n"), tail) if paragraph.strip()]
    return " ".join(citation.split()), idea, claim


def _assigned(tree: ast.Module, name: str) -> ast.expr | None:
    """The value given to the module's variable `name`."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        else:
            continue
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return node.value
    return None


def _calls(tree: ast.Module, name: str) -> Iterator[ast.Call]:
    """Calls of `name` in the order they stand in the file."""
    found = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == name]
    return iter(sorted(found, key=lambda call: (call.lineno, call.col_offset)))


def _keyword(tree: ast.Module, call: str, name: str) -> ast.expr | None:
    for node in _calls(tree, call):
        for keyword in node.keywords:
            if keyword.arg == name:
                return keyword.value
    return None


def _keys(tree: ast.Module, value: ast.expr | None) -> tuple[str, ...]:
    """Keys of a dict, items of a tuple, followed through module variables."""
    if isinstance(value, ast.Name):
        return _keys(tree, _assigned(tree, value.id))
    if isinstance(value, ast.Dict):
        pairs = zip(value.keys, value.values, strict=True)
        inner = (_keys(tree, item) if key is None else (_text(key),) for key, item in pairs)
        return tuple(name for names in inner for name in names)
    if isinstance(value, ast.Tuple | ast.List):
        return tuple(_text(item) for item in value.elts)
    return () if value is None else (ast.unparse(value),)


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return ast.unparse(node)


def _setup(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "Setup":
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    value = field.value if field.value is not None else field.annotation
                    yield field.target.id, ast.unparse(value)


def _claims(tree: ast.Module, name: str) -> Iterator[ClaimFacts]:
    for call in _calls(tree, name):
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        text = call.args[0] if call.args else given.get("text", ast.Constant(""))
        bounds = ("at_least", "at_most", "above", "below")
        yield ClaimFacts(
            text=_text(text),
            threshold=" and ".join(
                f"{bound.replace('_', ' ')} {ast.unparse(given[bound])}"
                for bound in bounds
                if bound in given
            ),
            source=_text(given.get("source", ast.Constant(""))),
        )


def _parts(tree: ast.Module) -> Iterator[Part]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or node.module is None:
            continue
        package, *rooms = node.module.split(".")
        if package == "practicum" and rooms and rooms[0] not in SUPPORT:
            file = "/".join(rooms) + ".py"
            if not (FOLDER.parent / file).is_file():  # `from practicum.room import file`
                file = "/".join(rooms) + "/"
            yield Part(file=file, names=tuple(alias.name for alias in node.names))
