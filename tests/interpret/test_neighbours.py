"""Planted structure is found, and only planted structure: words, neighbours, directions."""

import pytest
import torch

from practicum.errors import ConfigError, DataError
from practicum.interpret.directions import (
    agreement,
    along,
    direction,
    each_other,
    judged,
    plane,
    random_directions,
    unrelated_directions,
)
from practicum.interpret.neighbours import Words, nearest
from practicum.seeding import stream
from practicum.tokenizers.bpe_training import train_bpe

SINGULAR = ["cat", "dog", "tree", "house", "river", "stone"]
PLURAL = [word + "s" for word in SINGULAR]
PAIRS = list(zip(SINGULAR, PLURAL, strict=True))


@pytest.fixture(scope="module")
def words() -> Words:
    text = " ".join(["a", *SINGULAR, *PLURAL]) + " "
    tokenizer = train_bpe([text * 20], vocab=290)
    table = torch.randn(tokenizer.size + 5, 24, generator=stream(0, "table"))
    found = Words(table, tokenizer)
    table[:, 0] = 0
    for one, many in PAIRS:
        table[found.id(many)] = table[found.id(one)]
        table[found.id(many), 0] = 3.0
    return found


def test_words_are_tokens_with_their_space(words):
    assert set(SINGULAR + PLURAL) <= set(words.ids)
    assert words.tokenizer.decode([words.id("cats")]) == " cats"
    assert "elephant" not in words
    with pytest.raises(DataError, match="'elephant' is not one token"):
        words.vector("elephant")


def test_the_nearest_are_those_of_the_largest_cosine(words):
    found = words.nearest(words.vector("dog"), 2)
    assert found[0].id == words.id("dog")
    assert found[0].cosine == pytest.approx(1.0)
    assert found[1].id == words.id("dogs")
    cosine = torch.nn.functional.cosine_similarity(words.vector("dog"), words.vector("dogs"), dim=0)
    assert found[1].cosine == pytest.approx(float(cosine))
    other = words.nearest(words.vector("dog"), 1, without=[words.id("dog")])
    assert other[0].id == words.id("dogs")
    assert len(nearest(words.table[:3], words.table[:1], 9)[0]) == 3


def test_an_analogy_excludes_what_it_is_made_of(words):
    assert words.analogy("cat", "cats", "tree", 1) == ["trees"]


def test_a_direction_separates_what_differs_along_it(words):
    u = direction(words, PAIRS[0])
    assert agreement(words, PAIRS[1:], u) == 1.0
    assert torch.all(each_other(words, PAIRS) == 1.0)
    shares = agreement(words, PAIRS, random_directions(24, 400, generator=stream(1, "u")))
    assert shares.shape == (400,)
    assert 0.4 < shares.mean() < 0.6  # a coin per direction here: all pairs differ alike
    numbers = along(words, SINGULAR, u)
    torch.testing.assert_close(numbers, words.vectors(SINGULAR) @ u)
    unrelated = unrelated_directions(words, SINGULAR, 50, generator=stream(2, "pairs"))
    assert torch.all(unrelated[:, 0] == 0)
    assert torch.all(unrelated.norm(dim=1) > 0)
    with pytest.raises(ConfigError, match="1 different words"):
        unrelated_directions(words, ["cat", "cat"], 3, generator=stream(2, "pairs"))


def test_a_direction_is_judged_beside_controls(words):
    found = judged(words, PAIRS[1:], direction(words, PAIRS[0]), count=300, seed=4)
    assert found.share == found.each_other == found.each_other_least == 1.0
    assert found.random_high == 1.0, "one shared difference: half of all directions separate all"
    assert not found.stands_out
    assert 0.4 < found.random < 0.6
    assert found.unrelated == 0.0
    assert found == judged(words, PAIRS[1:], direction(words, PAIRS[0]), count=300, seed=4)


def test_a_slice_keeps_lengths_within_it():
    axes = torch.tensor([[2.0, 0, 0], [5.0, 1, 0]])
    placed = plane(torch.tensor([[3.0, 4.0, 7.0], [-1.0, 0.0, 2.0]]), axes)
    torch.testing.assert_close(placed, torch.tensor([[3.0, 4.0], [-1.0, 0.0]]))
    cloud = torch.randn(40, 6, generator=stream(3, "cloud")) * torch.tensor([9, 4, 1, 1, 1, 0.5])
    spread = plane(cloud).var(0)
    assert spread[0] > spread[1] > 4
