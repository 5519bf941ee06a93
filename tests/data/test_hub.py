"""Hub names are taken apart rightly; a stand-in for the package `datasets` answers."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from practicum.data.files import read_corpus
from practicum.errors import DataError


class Rows(list):
    info = SimpleNamespace(license="cc0")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the stand-in was asked for."""
    calls: list[Any] = []

    def load_dataset(name: str, configuration: str | None, *, split: str) -> Rows:
        calls.append((name, configuration, split))
        if name == "no/such":
            raise FileNotFoundError("Dataset 'no/such' doesn't exist\non the hub")
        return Rows([{"text": "one", "body": "eins"}, {"text": "two", "body": "zwei"}])

    module = ModuleType("datasets")
    vars(module).update(load_dataset=load_dataset, disable_progress_bars=lambda: None)
    monkeypatch.setitem(sys.modules, "datasets", module)
    return calls


@pytest.mark.parametrize(
    ("reference", "call", "first"),
    [
        ("hf:me/set", ("me/set", None, "train"), "me/set:train:0 one"),
        ("hf:me/set:en", ("me/set", "en", "train"), "me/set:train:0 one"),
        ("hf:me/set::test", ("me/set", None, "test"), "me/set:test:0 one"),
        ("hf:me/set::train[:2]:body", ("me/set", None, "train[:2]"), "me/set:train:0 eins"),
        ("hf:set::train[5:7]", ("set", None, "train[5:7]"), "set:train[5:7]:0 one"),
    ],
)
def test_a_name_says_configuration_split_and_column(asked, reference, call, first):
    found = read_corpus(reference)
    assert asked == [call]
    assert f"{found.documents[0].id} {found.documents[0].text}" == first
    assert len(found.documents) == 2
    assert found.licence == "cc0"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("hf:", "is not hf:NAME"),
        ("hf:a:b:c:d:e", "is not hf:NAME"),
        ("hf:no/such", "cannot bring hf:no/such split 'train': Dataset 'no/such' doesn't exist$"),
        ("hf:me/set:::title", "row 0 has no 'title'; it has text, body"),
    ],
)
def test_what_cannot_be_brought_is_said_in_one_line(asked, reference, message):
    with pytest.raises(DataError, match=message) as caught:
        read_corpus(reference)
    assert "\n" not in str(caught.value)


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match="pip install datasets"):
        read_corpus("hf:me/set")
