"""HTML pages from the templates beside this file, written as files that need nothing else."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

TEMPLATES = Path(__file__).parent / "templates"
Filters = Mapping[str, Callable[[Any], str]]


def filled(template: str, *, filters: Filters = MappingProxyType({}), **values: Any) -> str:
    """The template of this name with its values, escaped; `filters` are for its own use."""
    from jinja2 import Environment, FileSystemLoader

    found = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True)
    found.filters.update(filters)
    return found.get_template(template).render(**values)


def write_page(place: Path, text: str) -> None:
    """Write a page, and the folders that lead to it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
