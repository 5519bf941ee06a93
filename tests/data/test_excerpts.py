"""Excerpts are as long as asked, of equal parts, and of one side."""

from practicum.data.corpora import corpus
from practicum.data.excerpts import excerpt, up_to


def size(documents) -> int:
    return sum(len(document.text.encode()) for document in documents)


def test_corpora_give_equal_parts_of_what_is_asked():
    found = list(excerpt(("topics", "docstrings"), 40_000, seed=3))
    topics = [document for document in found if document.id.startswith("topic:")]
    assert 20_000 <= size(topics) < 30_000
    assert 40_000 <= size(found) < 60_000
    assert len({document.id for document in found}) == len(found)


def test_an_excerpt_is_of_one_side_and_of_its_seed():
    sides = corpus("topics").split()
    whole = {document.id for document in sides.held_out}
    held_out = [d.id for d in excerpt(("topics",), 9000, seed=1, held_out=True)]
    assert {name.partition("#")[0] for name in held_out} <= whole
    train = [d.id for d in excerpt(("topics",), 9000, seed=1)]
    assert not {name.partition("#")[0] for name in train} & whole
    assert train == [d.id for d in excerpt(("topics",), 9000, seed=1)]
    assert train != [d.id for d in excerpt(("topics",), 9000, seed=2)]


def test_documents_are_taken_until_there_is_enough():
    documents = corpus("topics").documents
    assert list(up_to(0, documents)) == []
    assert list(up_to(1, documents)) == [documents[0]]
