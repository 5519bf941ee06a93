"""Tasks about verses: no verse twice, nothing of them in the plain text, answers as told."""

import pytest

from practicum.data.corpora import corpus
from practicum.data.fetch import locate
from practicum.data.verse_tasks import TASKS, VerseTasks
from practicum.errors import ConfigError, DataError

ANY_TEXT = VerseTasks(old="topics", new="topics")  # lines instead of verses


def test_the_sets_are_of_these_sizes_and_no_verse_is_in_two():
    sets = ANY_TEXT.draw((20, 10, 5), seed=0)
    assert [[len(one[task]) for task in TASKS] for one in sets] == [[n] * 3 for n in (20, 10, 5)]
    places = {verse.old: place for place, verse in enumerate(ANY_TEXT.verses())}
    asked = [pair.source.removeprefix("modern: ") for one in sets for pair in one["modern"]]
    assert len({places[verse] for verse in asked}) > 30  # a line may occur twice in the text
    again, other = ANY_TEXT.draw((20, 10, 5), seed=0), ANY_TEXT.draw((20, 10, 5), seed=1)
    assert sets == again
    assert sets != other


def test_the_answer_fills_the_gaps_of_a_verse():
    whole = {" ".join(verse.old.split()) for verse in ANY_TEXT.verses()}
    for source, answer in ANY_TEXT.draw((50,), seed=2)[0]["fix"]:
        words, missing = source.removeprefix("fix: ").split(), iter(answer.split())
        assert words.count("_") == ANY_TEXT.missing
        assert " ".join(next(missing) if word == "_" else word for word in words) in whole


def test_verses_are_short_and_have_words_enough():
    for _, old, new in ANY_TEXT.verses():
        assert max(len(old), len(new)) <= 100
        assert len(old.split()) > 8


def test_the_plain_text_has_no_document_that_tasks_are_made_of():
    split = corpus("topics").split(ANY_TEXT.held_out)
    assert split.held_out
    assert {document.id for document in ANY_TEXT.plain()} == {
        document.id for document in split.train
    }


def test_a_verse_is_the_same_one_in_both_bibles_and_knows_its_part():
    for name in ("kjv", "web"):
        if locate(name) is None:
            pytest.skip(f"{name} is not on this machine: practicum data add {name}")
    verses = VerseTasks().verses()
    assert 2000 < len(verses) < 3000
    shared = [len({*verse.old.split()} & {*verse.new.split()}) for verse in verses]
    assert sum(count > 1 for count in shared) > 0.97 * len(verses)
    assert len({verse.part for verse in verses}) == 10
    parts = {verse.old: verse.part for verse in verses}
    first = "The book of the generation of Jesus Christ, the son of David, the son of Abraham."
    joshua = "Then Joshua commanded the officers of the people, saying,"
    for verse, part in ((first, "gospels"), (joshua, "history")):
        assert parts.get(verse, part) == part  # its chapter may not be held out


def test_too_many_verses_and_numbers_that_are_none_are_refused():
    with pytest.raises(DataError, match=r"1000000 verses are asked for; topics has \d+"):
        ANY_TEXT.draw((1_000_000,), seed=0)
    with pytest.raises(ConfigError, match="a share between 0 and 1"):
        VerseTasks(held_out=1.0)
