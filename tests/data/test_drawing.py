"""A drawing lands where the training set's ink lies, however large and wherever it was drawn."""

import numpy as np
import pytest

from practicum.data.drawing import Framing, drawn, framed, framing, sketched
from practicum.data.images import Images, images
from practicum.errors import DataError

DIGITS = images("digits")
OWN = framing(DIGITS)


def enlarged(row: np.ndarray, times: int, margins: tuple[int, int, int, int]) -> np.ndarray:
    top, bottom, left, right = margins
    big = np.kron(row.reshape(8, 8), np.ones((times, times)))
    return np.pad(big, ((top, bottom), (left, right)))


def circle(middle: tuple[float, float], radius: float) -> list[tuple[float, float]]:
    turns = np.linspace(0, 2 * np.pi, 40)
    return [(middle[0] + radius * np.cos(t), middle[1] + radius * np.sin(t)) for t in turns]


def test_the_digits_fill_their_height_in_the_middle():
    assert (OWN.side, OWN.size, OWN.middle, OWN.down, OWN.right) == (8, 8.0, "box", 4.0, 4.0)
    assert 1 < OWN.pen < 2


def test_a_training_image_comes_back_as_it_was():
    back = []
    for row in DIGITS.pixels[:300]:
        big = enlarged(row, 7, (30, 5, 50, 11))
        back.append(np.abs(framed(big, OWN) - row).mean())
    assert np.median(back) < 0.02  # images whose ink lies elsewhere are moved


def test_place_and_size_of_the_drawing_do_not_matter():
    small = drawn([circle((0.3, 0.3), 0.1)], pen=16, side=400)
    large = drawn([circle((0.5, 0.5), 0.2)], pen=32, side=400)
    np.testing.assert_allclose(framed(small, OWN), framed(large, OWN), atol=0.03)
    np.testing.assert_allclose(
        sketched([circle((0.2, 0.2), 0.05)], OWN),
        sketched([circle((60.0, 50.0), 35.0)], OWN),
        atol=0.02,
    )


def test_a_set_centred_by_mass_is_recognised_and_followed():
    generator, pixels = np.random.default_rng(0), np.zeros((40, 20, 20), np.float32)
    for picture in pixels:  # an L whose foot has another length each time, its weight in the middle
        foot = int(generator.integers(3, 8))
        mass = (sum(range(8)) + 7 * foot) / (8 + foot), sum(range(1, foot + 1)) / (8 + foot)
        top, left = round(9.5 - mass[0]), round(9.5 - mass[1])
        picture[top : top + 8, left] = picture[top + 7, left : left + foot + 1] = 1.0
    like = framing(Images(pixels.reshape(40, -1), np.zeros(40, np.int64)))
    assert like.middle == "mass"
    assert like.down == pytest.approx(10, abs=0.3)
    stick = np.zeros((100, 100))
    stick[10:60, 20:25] = 1.0
    row = framed(stick, like).reshape(20, 20)
    assert row.sum(axis=1) @ np.arange(0.5, 20) / row.sum() == pytest.approx(like.down, abs=1e-4)


def test_the_pen_of_a_set_is_about_as_thick_as_its_strokes():
    for pen in (2.0, 3.0):
        sheets = [drawn([[(0.2, 0.2), (0.5, 0.9)], [(0.2, 0.6), (0.8, 0.6)]], pen=pen, side=28)]
        pixels = np.stack(sheets).astype(np.float32).reshape(1, -1)
        assert framing(Images(pixels, np.zeros(1, np.int64))).pen == pytest.approx(pen, rel=0.25)


def test_sketches_are_read_by_a_classifier_of_the_training_set():
    from sklearn.neighbors import KNeighborsClassifier

    reader = KNeighborsClassifier(3).fit(DIGITS.pixels, DIGITS.labels)
    sketches = {
        0: [circle((0.5, 0.5), 0.3)],
        1: [[(0.42, 0.3), (0.55, 0.15), (0.55, 0.85)]],
        3: [
            [(0.3, 0.1), (0.7, 0.1), (0.7, 0.4), (0.45, 0.45)],
            [(0.45, 0.45), (0.7, 0.55), (0.7, 0.85), (0.3, 0.9)],
        ],
        4: [[(0.5, 0.1), (0.2, 0.6), (0.8, 0.6)], [(0.65, 0.4), (0.6, 0.95)]],
        7: [[(0.25, 0.1), (0.75, 0.1), (0.45, 0.9)], [(0.35, 0.5), (0.75, 0.5)]],
    }
    for digit, strokes in sketches.items():
        assert reader.predict(sketched(strokes, OWN)[None]) == [digit]


def test_a_dot_and_a_sheet_smaller_than_a_picture_are_no_trouble():
    assert sketched([[(0.5, 0.5)]], OWN).max() > 0.5
    tiny = np.zeros((3, 3))
    tiny[1, 1] = 1.0
    assert framed(tiny, OWN).min() >= 0


@pytest.mark.parametrize(
    ("drawing", "why"),
    [
        (np.zeros((9, 9)), "empty"),
        (np.full((9, 9), 255.0), "outside"),
        (1 - drawn([[(0.5, 0.2), (0.5, 0.8)]], pen=9, side=99), "dark ink"),
        (np.full((9, 9), np.nan), "outside"),
    ],
)
def test_what_is_no_drawing_is_refused(drawing: np.ndarray, why: str):
    with pytest.raises(DataError, match=why):
        framed(drawing, OWN)


def test_strokes_without_points_and_sets_without_ink_are_refused():
    for strokes, why in (([], "empty"), ([[]], "empty"), ([[(0.5, np.nan)]], "no numbers")):
        with pytest.raises(DataError, match=why):
            sketched(strokes, OWN)
    with pytest.raises(DataError, match="no ink"):
        framing(Images(np.zeros((3, 16), np.float32), np.zeros(3, np.int64)))
    assert isinstance(OWN, Framing)
