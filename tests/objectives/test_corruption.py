"""Changes of examples: as large as declared, each example by itself, nothing around the edges."""

import pytest
import torch

from practicum.errors import ConfigError
from practicum.objectives.corruption import (
    Borrowed,
    Gaps,
    InTurn,
    Moved,
    Noise,
    Turned,
    within,
)

PICTURE = torch.tensor([[1.0, 2, 3, 4, 5, 6, 7, 8, 9]])


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_noise_has_its_deviation():
    changed = Noise(std=0.5)(torch.ones(100, 100), generator())
    assert float(changed.std()) == pytest.approx(0.5, rel=0.03)
    assert float(changed.mean()) == pytest.approx(1, abs=0.02)


def test_gaps_are_as_frequent_as_their_share():
    changed = Gaps(share=0.25, mark=-1)(torch.ones(100, 100), generator())
    assert float((changed == -1).float().mean()) == pytest.approx(0.25, abs=0.02)


def test_borrowed_values_come_from_the_same_column():
    x = torch.arange(50).repeat(20, 1) * 100 + torch.arange(20)[:, None]  # column · 100 + row
    changed = Borrowed(share=0.5)(x, generator())
    assert torch.equal(changed // 100, x // 100)
    assert 0.3 < float((changed != x).float().mean()) < 0.5  # some borrow what they had


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        ((1, 0), [0, 1, 2, 0, 4, 5, 0, 7, 8]),
        ((-1, 0), [2, 3, 0, 5, 6, 0, 8, 9, 0]),
        ((0, 1), [0, 0, 0, 1, 2, 3, 4, 5, 6]),
        ((1, -1), [0, 4, 5, 0, 7, 8, 0, 0, 0]),
    ],
)
def test_what_leaves_a_picture_does_not_come_back(move, expected):
    assert Moved(moves=(move,))(PICTURE, generator())[0].tolist() == expected


def test_every_picture_has_a_move_of_its_own():
    moved = Moved(moves=within(1))(PICTURE.repeat(300, 1), generator())
    assert len({tuple(row) for row in moved.tolist()}) == 9
    assert len(within(2)) == 25


def test_four_quarters_are_none():
    turn = Turned(quarters=1)
    assert turn(PICTURE, generator())[0].tolist() == [3, 6, 9, 2, 5, 8, 1, 4, 7]
    assert torch.equal(InTurn(changes=(turn,) * 4)(PICTURE, generator()), PICTURE)


def test_a_change_leaves_its_input_alone():
    before = PICTURE.clone()
    for change in (Noise(std=1), Gaps(share=1), Moved(moves=((1, 1),)), Turned(quarters=2)):
        change(PICTURE, generator())
    assert torch.equal(PICTURE, before)


def test_impossible_changes_are_refused():
    with pytest.raises(ConfigError, match=r"Noise\.std is -1"):
        Noise(std=-1)
    with pytest.raises(ConfigError, match=r"Borrowed\.share is 2"):
        Borrowed(share=2)
    with pytest.raises(ConfigError, match="one move or more"):
        Moved(moves=())
    with pytest.raises(ConfigError, match="only square pictures"):
        Moved(moves=((1, 0),))(torch.zeros(1, 5), generator())
