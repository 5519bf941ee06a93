"""The released Gemmas have their published numbers of parameters."""

import pytest

from practicum.models.build import parameters_of
from practicum.models.families.gemma import SIZES


@pytest.mark.parametrize("name", SIZES)
def test_a_size_has_its_number_of_parameters(name: str):
    description, count = SIZES[name]
    assert parameters_of(description) == count
