"""The compiled kernels are there or not, and say which."""

import ctypes
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from practicum.kernels import native


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch):
    """Whatever was found out about this machine, found out anew."""
    monkeypatch.delenv("PRACTICUM_NATIVE", raising=False)
    native._loaded.cache_clear()
    yield
    native._loaded.cache_clear()


def test_who_comes_second_waits_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PRACTICUM_HOME", str(tmp_path))
    if native.built("native").library is None:
        pytest.skip("this machine compiles nothing")
    runs = []
    run = subprocess.run
    monkeypatch.setattr(native.subprocess, "run", lambda *a, **k: runs.append(a[0]) or run(*a, **k))
    with ThreadPoolExecutor(2) as both:  # the lock is one of files, which holds among threads, too
        first, second = both.map(native.built, ["avx2", "avx2"])
    assert first.reason == second.reason
    assert sum("-shared" in command for command in runs) == 1
    made = sorted(place.suffix for place in (tmp_path / "native").iterdir())
    assert made == [".lock", ".lock", ".so", ".so"]


def test_it_can_be_turned_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgotten: None):
    monkeypatch.setenv("PRACTICUM_NATIVE", "0")
    assert native.library() is None
    assert native.available() == "off: PRACTICUM_NATIVE is 0"


def test_without_a_compiler_there_is_none(monkeypatch: pytest.MonkeyPatch, forgotten: None):
    monkeypatch.setattr(native.shutil, "which", lambda name: None)
    assert native.library() is None
    assert native.available().startswith("off: ")


def test_sources_that_do_not_compile_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgotten: None
):
    (tmp_path / "broken.cpp").write_text("this is no C++\n")
    monkeypatch.setattr(native, "_HERE", tmp_path)
    monkeypatch.setattr(native, "HEADERS", ())
    monkeypatch.setattr(native, "SOURCES", ("broken.cpp",))
    monkeypatch.setattr(native, "_processor", lambda: frozenset(native.NEEDED))
    assert native.library() is None
    assert native.available().startswith("off: ")


def test_another_processor_is_told_what_it_lacks(monkeypatch: pytest.MonkeyPatch, forgotten: None):
    monkeypatch.setattr(native, "_processor", lambda: frozenset({"avx2", "fma"}))
    assert native.available() == "off: this processor or system lacks f16c"


def test_a_home_that_cannot_be_written_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgotten: None
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PRACTICUM_HOME", str(tmp_path / "file"))
    assert native.library() is None
    assert native.available().startswith("off: ")


def test_another_library_can_be_taken_for_a_while():
    before = native.available()
    with native.using(native.OFF):
        assert native.library() is None
        assert native.available() != before or before.startswith("off: ")
    assert native.available() == before
    assert native.library() is None or isinstance(native.library(), ctypes.CDLL)
