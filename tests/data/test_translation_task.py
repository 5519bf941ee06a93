"""Tasks of translation: the toy pair with its links, and the two English bibles."""

import pytest

from practicum.data.fetch import locate
from practicum.data.toy_translation import ToyTranslation
from practicum.data.translation_task import BiblePairs, ToyPairs
from practicum.data.word_links import Link
from practicum.errors import ConfigError


def test_every_toy_word_has_a_sure_link_and_an_article_a_possible_one_to_its_noun():
    language = ToyTranslation(words=20, shortest=3, longest=12)
    task = ToyPairs(language=language, train=30, test=40).task(seed=1)
    assert (len(task.train), len(task.test)) == (30, 40)
    assert not set(task.train) & set(task.test)
    assert task.links is not None
    for number, ((source, target), links) in enumerate(zip(task.test, task.links, strict=True)):
        assert {link.target for link in links.sure} == set(range(len(target)))
        assert {link.source for link in links.sure} == set(range(len(source)))
        shown_source, shown_target = task.shown(number)
        assert [len(shown_source), len(shown_target)] == [len(source), len(target)]
        for place, word in links.sure:
            assert shown_target[word].startswith(shown_source[place].upper())
        articles = [Link(*link) for link in links.sure if shown_source[link.source][0] in "ts"]
        assert {link.target for link in links.possible} == {link.target for link in articles}
        for place, word in links.possible:
            noun = language.gender(source[place])
            assert shown_target[word].endswith("fm"[noun])


def test_both_bibles_share_a_vocabulary():
    for name in ("kjv", "web"):
        if locate(name) is None:
            pytest.skip(f"{name} is not on this machine: practicum data add {name}")
    task = BiblePairs(vocab=400, verses=300).task(seed=0)
    assert len(task.train) + len(task.test) == 300
    assert len(task.test) > 10
    assert (task.source_vocab, task.target_vocab) == (400, 400)
    source, target = task.shown(0)
    assert "".join(source) != "".join(target)
    assert task.begin != task.end
    assert task.links is None


def test_a_vocabulary_below_the_bytes_is_refused():
    with pytest.raises(ConfigError, match="BiblePairs.vocab is 10"):
        BiblePairs(vocab=10)
