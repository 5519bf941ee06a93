"""How large the house is: lines per room, the longest files and functions, what each page reaches.

Nothing here fails. A file past 300 lines, a function past 40 or a page that reaches forty files is
marked with an asterisk: worth a look.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import grimp

SOURCE = Path(__file__).parent.parent / "src" / "practicum"
LONG_FILE, LONG_FUNCTION, FAR_REACH = 300, 40, 40
SHOWN = 5


def main() -> None:
    files = {path: path.read_text(encoding="utf-8") for path in sorted(SOURCE.rglob("*.py"))}
    print("size report")
    for room, (count, lines) in lines_per_room(files).items():
        print(f"  {room:<14}{count:>4} files {lines:>7,} lines")
    total = sum(text.count("\n") for text in files.values())
    print(f"  {'all':<14}{len(files):>4} files {total:>7,} lines")
    _print_longest("files", ((text.count("\n"), _name(path)) for path, text in files.items()))
    _print_longest("functions", functions(files))
    _print_longest("reach of pages, in files", reach_of_pages())


def lines_per_room(files: dict[Path, str]) -> dict[str, tuple[int, int]]:
    """Files and lines of each room, the foundation's own files together as one."""
    rooms: dict[str, tuple[int, int]] = {}
    for path, text in files.items():
        parts = path.relative_to(SOURCE).parts
        room = f"{parts[0]}/" if len(parts) > 1 else "foundation"
        count, lines = rooms.get(room, (0, 0))
        rooms[room] = (count + 1, lines + text.count("\n"))
    return rooms


def functions(files: dict[Path, str]) -> Iterator[tuple[int, str]]:
    """Lines and place of every function."""
    for path, text in files.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                yield length, f"{_name(path)}:{node.lineno} {node.name}"


def reach_of_pages() -> Iterator[tuple[int, str]]:
    """How many files of practicum each page imports, directly or through others.

    The rooms' own `__init__.py` files hold no code and do not count.
    """
    graph = grimp.build_graph("practicum", cache_dir=None)
    for page in sorted(graph.find_children("practicum.papers") - {"practicum.papers.catalog"}):
        reached = graph.find_upstream_modules(page)
        yield sum(not graph.find_children(module) for module in reached), page.rpartition(".")[2]


def _print_longest(title: str, sizes: Iterator[tuple[int, str]]) -> None:
    limits = {"files": LONG_FILE, "functions": LONG_FUNCTION}
    limit = limits.get(title, FAR_REACH)
    print(f"longest {title}" if title in limits else title)
    for size, name in sorted(sizes, reverse=True)[:SHOWN]:
        print(f"  {size:>5}{'*' if size > limit else ' '} {name}")


def _name(path: Path) -> str:
    return str(path.relative_to(SOURCE))


if __name__ == "__main__":
    main()
