"""Three small tasks on English words that a model of real text may know, pairs and descriptions."""

from dataclasses import dataclass

from practicum.data.demonstrations import Demonstrations
from practicum.data.word_pairs import Pair, word_pairs


@dataclass(frozen=True, kw_only=True)
class WordTask:
    """`pairs` of a word and what becomes of it."""

    name: str
    description: str
    pairs: tuple[Pair, ...]


def word_tasks() -> tuple[WordTask, ...]:
    """Capitals, plurals and opposites."""
    told = {task.name: task.items for task in Demonstrations().tasks(seed=0)}
    return (
        WordTask(
            name="capitals",
            description="Every word in capital letters.",
            pairs=told["capitals"],
        ),
        WordTask(
            name="plurals",
            description="The plural of every noun.",
            pairs=word_pairs().plurals,
        ),
        WordTask(
            name="opposites",
            description="The opposite of every word.",
            pairs=told["opposite"],
        ),
    )
