"""Games of two players who see everything and leave nothing to chance: positions, players, play.

Worth is always told from the side of the player whose turn it is: what is +1 to one is −1 to the
other. Games of chance, hidden cards, or more than two players do not fit.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, final

import numpy as np

P = TypeVar("P", bound="Position")
P_contra = TypeVar("P_contra", bound="Position", contravariant=True)


class Position(ABC):
    """Where a game stands; frozen, so that it can be remembered."""

    @property
    @abstractmethod
    def moves(self) -> Sequence[int]:
        """What the player whose turn it is may do; nothing once the game is over."""

    @property
    @abstractmethod
    def result(self) -> float | None:
        """What the end is worth to the player whose turn it would be; None while the game goes on.

        From −1, lost, to 1, won.
        """

    @abstractmethod
    def after(self: P, move: int) -> P:
        """The position after `move`, with the other player's turn."""


Value = Callable[[P], float]  # what a position is worth to the player whose turn it is


class Player(Protocol[P_contra]):
    """Whoever can move: a search, a learned policy, a person at a keyboard."""

    def move(self, position: P_contra) -> int:
        """One of the position's moves."""
        ...


@final
class AtRandom:
    """Every move as likely as any other."""

    def __init__(self, generator: np.random.Generator) -> None:
        self.generator = generator

    def move(self, position: Position) -> int:
        return position.moves[int(self.generator.integers(len(position.moves)))]


@final
@dataclass(frozen=True)
class ByWorth:
    """The move after which the other player is worst off; of equal ones the first."""

    value: Value

    def move(self, position: Position) -> int:
        return min(position.moves, key=lambda move: self.value(position.after(move)))


@dataclass(frozen=True)
class Tally:
    """How many games the first named player won, drew and lost."""

    won: int
    drawn: int
    lost: int


def play(start: P, first: Player[P], second: Player[P]) -> list[P]:
    """The positions of one game, from `start` to the end."""
    game = [start]
    while game[-1].result is None:
        player = second if len(game) % 2 == 0 else first
        game.append(game[-1].after(player.move(game[-1])))
    return game


def match(start: P, player: Player[P], other: Player[P], games: int) -> Tally:
    """`games` games from `start`, in every second of which `other` has the first move."""
    worths = []
    for number in range(games):
        pair = (player, other) if number % 2 == 0 else (other, player)
        game = play(start, *pair)
        worth = game[-1].result or 0.0
        turn = (len(game) - 1 + number) % 2  # 0: it would be `player` who moves next
        worths.append(worth if turn == 0 else -worth)
    return Tally(
        won=sum(worth > 0 for worth in worths),
        drawn=sum(worth == 0 for worth in worths),
        lost=sum(worth < 0 for worth in worths),
    )
