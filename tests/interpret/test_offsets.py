"""A head that looks at one offset is found, whatever the others do."""

import pytest
import torch

from practicum.errors import ConfigError
from practicum.interpret.offsets import favourites, offset_shares


def looking(offset: int, length: int = 6) -> torch.Tensor:
    """Weights of a head that looks `offset` away, and where that lies outside, at itself."""
    place = torch.arange(length)
    there = place + offset
    there = torch.where((there < 0) | (there >= length), place, there)
    return torch.nn.functional.one_hot(there, length).float()


def test_a_positional_head_has_all_its_weight_at_its_offset():
    even = torch.full((6, 6), 1 / 6)
    weights = torch.stack([looking(-2), looking(1), even]).expand(3, 3, 6, 6)
    shares = offset_shares(weights, reach=3)
    assert shares.shape == (3, 7)
    torch.testing.assert_close(shares[0, 1], torch.tensor(1.0))
    torch.testing.assert_close(shares[1, 4], torch.tensor(1.0))
    torch.testing.assert_close(shares[2], torch.full((7,), 1 / 6))
    found = favourites(shares)
    assert found.offsets[:2].tolist() == [-2, 1]
    assert found.positional() == 2


def test_a_reach_beyond_the_row_is_refused():
    with pytest.raises(ConfigError, match="a reach of 6 in rows of 6; expected 0 to 5"):
        offset_shares(torch.ones(1, 1, 6, 6), reach=6)
