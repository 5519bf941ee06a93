"""Tasks about verses: no verse twice, nothing of them in the plain text, answers as told."""

import pytest

from practicum.data.corpora import corpus
from practicum.data.fetch import locate
from practicum.data.verse_tasks import TASKS, VerseTasks
from practicum.errors import ConfigError, DataError

ANY_TEXT = VerseTasks(old="topics", new="topics")  # lines instead of verses, of no book


def here(*names: str) -> None:
    for name in names:
        if locate(name) is None:
            pytest.skip(f"{name} is not on this machine: practicum data add {name}")


def test_the_sets_are_of_these_sizes_and_no_verse_is_in_two():
    sets = ANY_TEXT.draw((20, 10, 5), seed=0)
    assert [[len(one[task]) for task in TASKS] for one in sets] == [[n] * 3 for n in (20, 10, 5)]
    asked = [pair.source for one in sets for pair in one["book"]]
    assert len(asked) == 35
    again, other = ANY_TEXT.draw((20, 10, 5), seed=0), ANY_TEXT.draw((20, 10, 5), seed=1)
    assert sets == again
    assert sets != other


def test_a_verse_to_be_mended_misses_so_many_words_and_keeps_the_order_of_others():
    for source, verse in ANY_TEXT.draw((50,), seed=2)[0]["fix"]:
        left = source.removeprefix("fix: ").split()
        words = iter(verse.split())
        assert len(left) == len(verse.split()) - ANY_TEXT.dropped
        assert all(word in words for word in left)  # each is found behind the one before it


def test_verses_are_short_and_have_words_enough():
    for verse in ANY_TEXT.verses():
        assert len(verse.old) <= 100
        assert len(verse.old.split()) > 8


def test_the_plain_text_has_no_document_that_tasks_are_made_of():
    plain = "".join(document.text for document in ANY_TEXT.plain(("topics",)))
    held_out = [d for d in corpus("topics").documents if d.text not in plain]
    assert 0 < len(held_out) < len(corpus("topics").documents)
    assert len(ANY_TEXT.plain(("topics",))) + len(held_out) == len(corpus("topics").documents)


def test_verses_of_the_two_bibles_know_their_part():
    here("kjv", "web")
    verses = VerseTasks(held_out=0.999).verses()
    parts = {verse.new: verse.part for verse in verses}
    assert len(set(parts.values())) == 10
    assert parts["In the beginning God created the heavens and the earth."] == "law"
    assert parts["Then Joshua commanded the officers of the people, saying,"] == "history"
    assert parts["There were born to him seven sons and three daughters."] == "wisdom"
    gomer = (
        "So he went and took Gomer the daughter of Diblaim; and she conceived, and bore him a son."
    )
    assert parts[gomer] == "minor prophets"
    first = "The book of the generation of Jesus Christ, the son of David, the son of Abraham."
    assert parts[first] == "gospels"


def test_too_many_verses_and_numbers_that_are_none_are_refused():
    with pytest.raises(DataError, match=r"1000000 verses are asked for; topics has \d+"):
        ANY_TEXT.draw((1_000_000,), seed=0)
    with pytest.raises(ConfigError, match="a share between 0 and 1"):
        VerseTasks(held_out=1.0)
