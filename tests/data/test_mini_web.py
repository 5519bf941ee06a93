"""The small web's halves, and that what is measured on was never read."""

from practicum.data.mini_web import MiniWeb

WEB = MiniWeb(real=("topics",), half=40_000, held_out=8_000)


def size(documents) -> int:
    return sum(len(document.text.encode()) for document in documents)


def test_half_of_the_text_is_real():
    documents = WEB.documents(seed=0)
    procedural = [d for d in documents if d.source == "demonstrations"]
    assert 40_000 <= size(procedural) < 42_000
    assert 40_000 <= size(documents) - size(procedural) < 52_000  # whole pieces


def test_measured_text_is_from_documents_that_are_never_read():
    read = {document.id.partition("#")[0] for document in WEB.documents(seed=0)}
    measured = {document.id.partition("#")[0] for document in WEB.unseen(seed=0)}
    assert measured
    assert not read & measured


def test_deleted_demonstrations_are_replaced_by_as_much_prose():
    whole, deleted = size(WEB.documents(seed=0)), size(WEB.documents(seed=0, answers="deleted"))
    assert abs(whole - deleted) < 0.15 * whole
