"""The lists hold what they say, and no word stands twice in one of them."""

from practicum.data.word_pairs import word_pairs


def test_the_lists_are_whole():
    lists = word_pairs()
    for pairs in (lists.plurals, lists.genders):
        assert (
            len({first for first, _ in pairs}) == len({second for _, second in pairs}) == len(pairs)
        )
    assert len(lists.plurals) >= 100
    assert lists.plurals[0] == ("bear", "bears")
    assert ("cat", "cats") not in lists.plurals, "it is the direction"
    assert not {"king", "queen", "man", "woman"} & {w for pair in lists.genders for w in pair}
    assert lists.analogies[0] == ("France", "Paris", "Germany", "Berlin")
    assert len(lists.numbers) == 9
    assert len({text.split()[-1] for text in lists.contexts}) == 1
    assert len(set(lists.texts)) == 20
    assert len(set(lists.prompts)) == 16
    assert all(word.isalpha() for word in lists.words)
