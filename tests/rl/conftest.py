"""What the tests of this room share."""

from pathlib import Path

import pytest

from practicum.rl.environments import Environment

ODD = Path(__file__).with_name("odd.py")


@pytest.fixture
def odd():
    """Gives an environment of odd.py by its name."""

    def called(name, **options):
        return Environment(id=f"{ODD}:{name}", options=tuple(options.items()))

    return called
