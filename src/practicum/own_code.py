"""Somebody's own code by name: `module:name` or `file.py:name`, loaded, or refused in one line."""

import importlib
import importlib.util
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from practicum.errors import ConfigError, PracticumError, UnknownName


def target_called(text: str) -> tuple[ModuleType, Any]:
    """The module or file, and what in it is called so; `name` may be dotted.

    Raises ConfigError when the code cannot be imported, UnknownName when it has no such name.
    """
    place, colon, name = text.rpartition(":")
    if not colon or not place or not name:
        raise ConfigError(f"'{text}' names nothing; expected module:name or file.py:name")
    module = module_called(place)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = [each for each in dir(found) if not each.startswith("_")]
            raise UnknownName(f"name in {place}", part, known)
        found = getattr(found, part)
    return module, found


def module_called(place: str) -> ModuleType:
    """The module of a dotted name, or the file whose path ends in .py.

    Raises ConfigError when it cannot be imported.
    """
    with blaming(f"'{place}' cannot be imported"):
        return _from_file(place) if place.endswith(".py") else _from_path(place)


@contextmanager
def blaming(what: str) -> Iterator[None]:
    """Within the block an error of somebody's own code becomes a line that says where it arose."""
    try:
        yield
    except PracticumError:
        raise
    except (Exception, SystemExit) as problem:
        frames = traceback.extract_tb(problem.__traceback__)
        own = [frame for frame in frames if not _of_libraries(frame.filename)]
        where = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
        said = " ".join(str(problem).split()) or "no message"
        raise ConfigError(f"{what}: {type(problem).__name__}: {said:.300}{where}") from problem


def _of_libraries(path: str) -> bool:
    ours = str(Path(__file__).parent)
    return path.startswith((ours, "<frozen", sysconfig.get_path("stdlib"))) or "-packages" in path


def _from_path(name: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")  # the working folder, as `python -m` has it
    return importlib.import_module(name)


def _from_file(place: str) -> ModuleType:
    path = Path(place).expanduser().resolve()
    if not path.is_file():
        raise ConfigError(f"there is no file '{place}'")
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))  # for what it imports from beside it
    name = f"own_code_{path.stem}"  # no file of somebody's may stand in for an installed module
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, place
    assert spec.loader is not None, place
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # data classes look their module up by name
    spec.loader.exec_module(module)
    return module
