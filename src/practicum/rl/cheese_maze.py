"""The mouse and the cheeses: a small maze with +1 near the start and +1000 far away.

The picture of Simonini's introduction (2020) for two questions. Exploration: a mouse that only
exploits what it knows keeps eating the crumbs beside it. Discounting: with the nearest small cheese
d_near steps away and the large one d_far, the best first move leads to the large one exactly when
γ^(d_far − d_near) > near/far, so it flips at γ* = (near/far)^(1/(d_far − d_near)).

With `cat` above 0 a cat strikes at every step with that probability, before the mouse has bitten.
A reward k steps away is then reached with probability (1 − cat)^k: the danger discounts exactly as
γ does, and the flip lies where γ(1 − cat) = γ*.
"""

from collections import deque
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.toy_text.utils import categorical_sample
from PIL import Image, ImageDraw

from practicum.errors import ConfigError

MAZE = """
#########
#c.S....#
#.###.#.#
#c#...#.#
#.###.#.#
#...#.#.#
###...#C#
#########
"""
MOVES = ((0, -1), (1, 0), (0, 1), (-1, 0))  # left, down, right, up: rows and columns
CELL = 24  # pixels


class CheeseMaze(gymnasium.Env[Any, Any]):
    """A maze drawn in text: # wall, S start, c small cheese, C large cheese, anything else floor.

    Observed is the number of the mouse's cell, row by row; the four actions are left, down, right
    and up, and a wall leaves the mouse where it is. A bite ends the episode. `P` and
    `initial_state_distrib` say all of this as Gymnasium's own small worlds do.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 4}

    def __init__(
        self,
        maze: str = MAZE,
        near: float = 1.0,
        far: float = 1000.0,
        cat: float = 0.0,
        render_mode: str | None = None,
    ) -> None:
        if not 0 <= cat < 1:
            raise ConfigError(
                f"the cat strikes with probability {cat}; expected at least 0, below 1"
            )
        self.rows = _rows(maze)
        self.near, self.far, self.cat = near, far, cat
        self.render_mode = render_mode
        self.columns = len(self.rows[0])
        self.first = "".join(self.rows).index("S")
        self.state, self.eaten = self.first, False
        states = len(self.rows) * self.columns
        self.observation_space = spaces.Discrete(states)
        self.action_space = spaces.Discrete(len(MOVES))
        self.initial_state_distrib = np.eye(states)[self.first]
        self.P = {s: {a: self._outcomes(s, a) for a in range(len(MOVES))} for s in range(states)}

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.state, self.eaten = self.first, False
        return self.state, {}

    def step(self, action: int | np.integer) -> tuple[int, float, bool, bool, dict[str, Any]]:
        outcomes = self.P[self.state][int(action)]
        drawn = categorical_sample([chance for chance, *_ in outcomes], self.np_random)
        _, self.state, reward, terminated = outcomes[drawn]
        self.eaten = terminated and reward == 0.0
        return self.state, reward, terminated, False, {}

    def render(self) -> np.ndarray | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The maze from above, (height, width, 3) bytes; the mouse is red once the cat has it."""
        if self.render_mode != "rgb_array":
            return None
        picture = Image.new("RGB", (self.columns * CELL, len(self.rows) * CELL), "#f3ecdc")
        draw = ImageDraw.Draw(picture)
        for cell, letter in enumerate("".join(self.rows)):
            _draw_cell(draw, self._corner(cell), letter)
        x, y = self._corner(self.state)
        color = "#c0392b" if self.eaten else "#6b7280"
        draw.ellipse((x + 5, y + 7, x + CELL - 5, y + CELL - 3), fill=color)
        draw.ellipse((x + 3, y + 3, x + 11, y + 11), fill=color)
        draw.ellipse((x + CELL - 11, y + 3, x + CELL - 3, y + 11), fill=color)
        return np.asarray(picture)

    def distance(self, cheese: str) -> int:
        """Steps from the start to the nearest cell with this letter, past no other cheese."""
        reached, waiting = {self.first}, deque([(self.first, 0)])
        while waiting:
            cell, steps = waiting.popleft()
            if self._letter(cell) == cheese:
                return steps
            if self._letter(cell) in "cC":
                continue
            for action in range(len(MOVES)):
                after = self._after(cell, action)
                if after not in reached:
                    reached.add(after)
                    waiting.append((after, steps + 1))
        raise ConfigError(f"no way leads from the start to a '{cheese}' in this maze")

    @property
    def flip(self) -> float:
        """γ* = (near/far)^(1/(d_far − d_near)): above it the large cheese is worth the way.

        With a cat, γ* is divided by 1 − cat; a flip above 1 never comes.
        """
        further = self.distance("C") - self.distance("c")
        if further <= 0 or not 0 < self.near < self.far:
            raise ConfigError("γ flips the choice only where the larger cheese is further away")
        return (self.near / self.far) ** (1 / further) / (1 - self.cat)

    def _outcomes(self, state: int, action: int) -> list[tuple[float, int, float, bool]]:
        """(probability, next cell, reward, terminated) of every outcome."""
        if self._letter(state) in "cC#":
            return [(1.0, state, 0.0, True)]  # nobody ever stands here at the start of a step
        after = self._after(state, action)
        letter = self._letter(after)
        reward = {"c": self.near, "C": self.far}.get(letter, 0.0)
        moved = (1.0 - self.cat, after, reward, letter in "cC")
        return [moved] if self.cat == 0 else [moved, (self.cat, after, 0.0, True)]

    def _letter(self, cell: int) -> str:
        return self.rows[cell // self.columns][cell % self.columns]

    def _after(self, cell: int, action: int) -> int:
        down, right = MOVES[action]
        after = cell + down * self.columns + right
        return cell if self._letter(after) == "#" else after

    def _corner(self, cell: int) -> tuple[int, int]:
        return cell % self.columns * CELL, cell // self.columns * CELL


def _rows(maze: str) -> tuple[str, ...]:
    """The rows of a drawing, checked: one rectangle with one start, closed by walls all round."""
    rows = tuple(maze.split())
    if not rows or len({len(row) for row in rows}) > 1:
        raise ConfigError("the rows of a maze must be equally long; draw floor as dots")
    whole = "".join(rows)
    if whole.count("S") != 1:
        raise ConfigError(f"a maze has one start S; this one has {whole.count('S')}")
    border = rows[0] + rows[-1] + "".join(row[0] + row[-1] for row in rows)
    if set(border) != {"#"}:
        raise ConfigError("a maze is closed by walls (#) on all four sides")
    return rows


def _draw_cell(draw: ImageDraw.ImageDraw, corner: tuple[int, int], letter: str) -> None:
    x, y = corner
    if letter == "#":
        draw.rectangle((x, y, x + CELL - 1, y + CELL - 1), fill="#3f3a34")
    elif letter in "cC":
        edge = 8 if letter == "c" else 2
        wedge = [(x + edge, y + CELL - edge), (x + CELL - edge, y + CELL - edge)]
        draw.polygon([*wedge, (x + CELL - edge, y + edge)], fill="#f2c230", outline="#a9841a")
