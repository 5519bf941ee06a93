"""Looking ahead: minimax and alpha–beta, the machinery of chess programs before learning.

A position is worth what the best move makes of it, when the other player answers as well:
    V(s) = result(s) at the end,  else  max over moves m of −V(after(s, m))   (von Neumann 1928)
in the form for one side at a time (negamax: Knuth & Moore 1975, §2). Alpha–beta gives the same
value, but leaves a branch once the other player would not let the game come there (§3). With a
limit of depth, an evaluation written by hand stands in for the rest of the game.
"""

import math
from typing import Generic, final

from practicum.symbolic.game import P, Position, Value


@final
class Minimax(Generic[P]):
    """V of positions by looking at every end of the game; each position is looked at once."""

    def __init__(self) -> None:
        self.known: dict[P, float] = {}

    def __call__(self, position: P) -> float:
        if position not in self.known:
            result = position.result
            if result is None:
                result = max(-self(position.after(move)) for move in position.moves)
            self.known[position] = result
        return self.known[position]


def alpha_beta(
    position: Position,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    depth: int | None = None,
    evaluation: Value | None = None,
) -> float:
    """V(position) where it lies between `low` and `high`; else a bound on its side of them.

    After `depth` moves (None: at the end only) `evaluation` is asked, or 0 where there is none.
    """
    result = position.result
    if result is not None:
        return result
    if depth == 0:
        return 0.0 if evaluation is None else evaluation(position)
    best, below = -math.inf, None if depth is None else depth - 1
    for move in position.moves:
        after = position.after(move)
        worth = -alpha_beta(after, -high, -max(low, best), depth=below, evaluation=evaluation)
        best = max(best, worth)
        if best >= high:  # the other player has a better way than to let this happen
            break
    return best


@final
class LookAhead:
    """Alpha–beta to a depth as a `Value`, remembering what it has once worked out."""

    def __init__(self, depth: int | None = None, evaluation: Value | None = None) -> None:
        self.depth, self.evaluation = depth, evaluation
        self.known: dict[Position, float] = {}

    def __call__(self, position: Position) -> float:
        if position not in self.known:
            self.known[position] = alpha_beta(
                position, depth=self.depth, evaluation=self.evaluation
            )
        return self.known[position]
