"""What stands for an engine where a server has none: it makes vectors alone."""

from dataclasses import fields

from practicum.errors import PracticumError
from practicum.serving.load import Load


class Idle:
    """Never stopped, never at work."""

    problem: PracticumError | None = None
    ready: tuple[int, int] | None = None

    @property
    def load(self) -> Load:
        """Nothing."""
        return Load(**{field.name: 0 for field in fields(Load)})

    def close(self) -> None:
        """There is nothing to end."""
