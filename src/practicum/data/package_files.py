"""The Python files of an installed package, read and not imported.

A sandbox shows programs the standard library alone; with these files in its folder a program can
import a package that is pure Python, for what that costs: a second for one of four megabytes.
"""

import importlib.util
import sys
import tokenize
from contextlib import suppress
from pathlib import Path

from practicum.data.standard_library import LEFT_OUT
from practicum.errors import DataError


def package_files(package: str) -> dict[str, str]:
    """Text by path, such as "networkx/classes/graph.py", of all but the package's tests.

    Raises DataError for a package that is not installed as Python source.
    """
    spec = None
    if package.isidentifier() and package not in sys.builtin_module_names:
        spec = importlib.util.find_spec(package)  # of an outermost package: imports nothing
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise DataError(f"no package '{package}' with Python source here; pip install it first")
    origin = Path(spec.origin)
    alone = spec.submodule_search_locations is None
    root = origin.parent if alone else origin.parent.parent
    paths = [origin] if alone else sorted(origin.parent.rglob("*.py"))
    found = {}
    for path in paths:
        name = path.relative_to(root)
        if LEFT_OUT.isdisjoint(name.parts):
            with suppress(SyntaxError, UnicodeDecodeError), tokenize.open(path) as file:
                found[name.as_posix()] = file.read()
    return found
