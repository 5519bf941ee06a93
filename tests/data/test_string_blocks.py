"""Changes of a string: what each does, by which line, and how it is asked for."""

import numpy as np
import pytest

from practicum.data.chained_blocks import sentence
from practicum.data.string_blocks import BLOCK_OF, BLOCKS, Block


def after(line: str, text: str) -> str:
    """What a line, which this project wrote itself, makes of `s`."""
    scope = {"s": text}
    exec(line, scope)
    return scope["s"]


def test_there_are_the_thirteen_blocks_of_the_appendix():
    assert len({block.name for block in BLOCKS}) == 13
    assert len(BLOCK_OF) == 13 * 9  # no phrase means two of them


def test_a_sentence_is_changed_as_the_appendix_says():
    text = "Who ate the three apples? We did!"
    changed = {block.name: block.does(text) for block in BLOCKS}
    assert changed == {
        "no e": "Who at th thr appls? W did!",
        "exclaimed": "Who!ate!the!three!apples?!We!did!",
        "lower case": "who ate the three apples? we did!",
        "no ends": "o ate the three apples? We di",
        "no vowels": "Wh t th thr ppls? W dd!",
        "no thirds": "Wh ae hetheeaple? e id",
        "first half": "Who ate the thre",
        "spaced": "Who   ate   the   three   apples?   We   did!",
        "words reversed": "did! We apples? three the ate Who",
        "last words": "three apples? We did!",
        "apples": " ".join(f"{word} apples" for word in text.split()),
        "every other upper": "WHo aTe tHe tHrEe aPpLeS? WE DiD!",
        "no marks": "Who ate the three apples We did",
    }


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_a_line_does_what_its_block_does_and_its_mistake_does_not(block: Block):
    for seed in range(20):
        text = sentence(np.random.default_rng(seed))
        assert after(block.line, text) == block.does(text) != after(block.wrong, text)


def test_a_third_of_the_phrases_is_held_out_and_has_every_verb_and_object():
    for block in BLOCKS:
        assert len(block.read) == 6
        assert len(block.asked) == 3
        for half in (*block.verbs, *block.objects):
            assert sum(half in phrase for phrase in block.read) == 2
            assert sum(half in phrase for phrase in block.asked) == 1
