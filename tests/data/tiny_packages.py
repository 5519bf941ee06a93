"""Tiny packages for the tests of assets: a wheel, a source distribution, an installed package."""

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from practicum.data.assets import Asset, Source

CONTENT = {"tiny_texts/a.txt": b"first\n", "tiny_texts/b.txt": b"second\n"}
METADATA = b"Metadata-Version: 2.1\nName: tiny-texts\nVersion: 1.0\n"
INFO = "tiny_texts-1.0.dist-info"


def _with_info(content: Mapping[str, bytes]) -> dict[str, bytes]:
    tag = b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {**content, f"{INFO}/METADATA": METADATA, f"{INFO}/WHEEL": tag}
    names = "".join(f"{name},,\n" for name in [*files, f"{INFO}/RECORD"])
    return {**files, f"{INFO}/RECORD": names.encode()}


def make_wheel(folder: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    path = folder / "tiny_texts-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, data in _with_info(content).items():
            wheel.writestr(name, data)
    return path


def make_sdist(folder: Path, content: Mapping[str, bytes] = CONTENT, setup: str = "") -> Path:
    path = folder / "tiny_texts-1.0.tar.gz"
    files = {
        **content,
        "PKG-INFO": METADATA,
        "setup.py": f"{setup}\nimport setuptools\n"
        "setuptools.setup(name='tiny-texts', version='1.0', packages=[])\n".encode(),
    }
    with tarfile.open(path, "w:gz") as sdist:
        for name, data in files.items():
            member = tarfile.TarInfo(f"tiny_texts-1.0/{name}")
            member.size = len(data)
            sdist.addfile(member, io.BytesIO(data))
    return path


def install(folder: Path, content: Mapping[str, bytes] = CONTENT) -> None:
    """What pip leaves behind in a folder on sys.path."""
    for name, data in _with_info(content).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def tiny_asset(
    file: Path, *members: str, free: bool = True, digest: str | None = None, joined: str = ""
) -> Asset:
    """The catalogue's row for the members of `file`, a wheel or source distribution as above."""
    chosen = {name: data for name, data in CONTENT.items() if name in members} or CONTENT
    hashes = {Path(name).name: hashlib.sha256(data) for name, data in chosen.items()}
    lines = "".join(f"{value.hexdigest()}  {name}\n" for name, value in hashes.items())
    whole = b"".join(chosen.values()) if joined or len(chosen) == 1 else lines.encode()
    source = Source(
        package="tiny-texts",
        version="1.0",
        file=file.name,
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        download=file.stat().st_size,
        members=members or ("tiny_texts/*.txt",),
    )
    return Asset(
        name="tiny",
        what="two lines of text",
        licence="Some Terms",
        terms="https://example.org/terms",
        free=free,
        parser="plain text",
        size=sum(map(len, chosen.values())),
        digest=digest or hashlib.sha256(whole).hexdigest(),
        sources=(source,),
        joined=joined,
    )
