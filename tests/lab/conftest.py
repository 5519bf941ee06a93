"""A home of its own for each test, and the toy page importable here and in workers."""

from pathlib import Path

import pytest

from practicum.lab.store import Store


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("PRACTICUM_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PRACTICUM_STORE", raising=False)
    return tmp_path / "home"


@pytest.fixture
def toy(monkeypatch):
    """The module of the toy page; workers find it by the same path."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "pages"))
    import toy

    return toy


@pytest.fixture
def store(home):
    with Store() as opened:
        yield opened
