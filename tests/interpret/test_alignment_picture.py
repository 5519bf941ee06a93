"""Fig. 3's kind of picture."""

from pathlib import Path

import numpy as np
import pytest

from practicum.data.word_links import from_pharaoh
from practicum.errors import DataError
from practicum.interpret.alignment_picture import alignment_picture


def test_weights_words_and_right_links_are_drawn(tmp_path: Path):
    weights = np.array([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5]])
    source, target = ["the", "$1", "moves_"], ["N1", "V"]
    figure = alignment_picture(
        weights, source, target, gold=from_pharaoh("0-0 2-1 1p1"), title="a sentence"
    )
    (axes,) = figure.axes
    np.testing.assert_array_equal(axes.images[0].get_array(), weights)
    assert [tick.get_text() for tick in axes.get_xticklabels()] == source
    assert [tick.get_text() for tick in axes.get_yticklabels()] == target
    assert {(box.get_x() + 0.5, box.get_y() + 0.5) for box in axes.patches} == {
        (0, 0),
        (2, 1),
        (1, 1),
    }
    figure.savefig(tmp_path / "alignment.png")


def test_weights_of_other_sentences_are_refused():
    with pytest.raises(DataError, match="weights of 2 by 3 for 2 target and 2 source words"):
        alignment_picture(np.ones((2, 3)), ["a", "b"], ["c", "d"])
