"""One moment of an episode as a picture, for environments whose own drawing needs more libraries.

`PAINTERS` has a painter for each environment that is known here, by its id. Any other is drawn by
itself where it can give pixels; else its observations are, if they are pixels, and otherwise the
lines of everything that happened (`draw_lines`).
"""

import math
from collections.abc import Callable, Mapping, Sequence

import gymnasium
import numpy as np

from practicum.rl.grids import cliff, draw_grid, frozen_lake
from practicum.rl.scene import Disc, Line, Polygon, Scene, Shape, Text, rectangle

Painter = Callable[[gymnasium.Env, np.ndarray], Scene]  # (environment, encoded observation)
WIDTH, HEIGHT = 300, 200
BODY, PART, GROUND = "#0072B2", "#D55E00", "#999999"
LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MOST_LINES = 6  # of an observation with more numbers, only the first so many are drawn


def cart_pole(env: gymnasium.Env, seen: np.ndarray) -> Scene:
    """The cart on its track (±2.4) and the pole at its angle."""
    x, angle = float(seen[0]), float(seen[2])
    centre, floor = WIDTH / 2 + x / 2.4 * WIDTH * 0.42, HEIGHT * 0.75
    tip = (centre + 90 * math.sin(angle), floor - 12 - 90 * math.cos(angle))
    return _scene(
        Line(points=((0, floor + 12), (WIDTH, floor + 12)), colour=GROUND, width=2),
        rectangle(centre - 24, floor - 12, 48, 24, BODY),
        Line(points=((centre, floor - 12), tip), colour=PART, width=6),
        Disc(centre=(centre, floor - 12), radius=4, fill="#333333"),
    )


def pendulum(env: gymnasium.Env, seen: np.ndarray) -> Scene:
    """The rod at (cos θ, sin θ); upright is θ = 0."""
    cosine, sine = float(seen[0]), float(seen[1])
    hub = (WIDTH / 2, HEIGHT / 2)
    tip = (hub[0] - 80 * sine, hub[1] - 80 * cosine)
    return _scene(
        Line(points=(hub, tip), colour=PART, width=12),
        Disc(centre=tip, radius=6, fill=PART),
        Disc(centre=hub, radius=5, fill="#333333"),
    )


def mountain_car(env: gymnasium.Env, seen: np.ndarray) -> Scene:
    """The car on the hill y = sin 3x between −1.2 and 0.6, and the flag at 0.5."""

    def at(x: float) -> tuple[float, float]:
        return ((x + 1.2) / 1.8 * WIDTH, HEIGHT * 0.6 - math.sin(3 * x) * HEIGHT * 0.3)

    flag, car = at(0.5), at(float(seen[0]))
    return _scene(
        Line(points=tuple(at(x) for x in np.linspace(-1.2, 0.6, 60)), colour=GROUND, width=2),
        Line(points=(flag, (flag[0], flag[1] - 30)), colour="#333333", width=2),
        rectangle(flag[0], flag[1] - 30, 16, 10, PART),
        Disc(centre=(car[0], car[1] - 8), radius=8, fill=BODY),
    )


def acrobot(env: gymnasium.Env, seen: np.ndarray) -> Scene:
    """Two links, hanging down at θ₁ = θ₂ = 0, and the height that the tip has to reach."""
    first = math.atan2(float(seen[1]), float(seen[0]))
    second = first + math.atan2(float(seen[3]), float(seen[2]))
    hub, length = (WIDTH / 2, HEIGHT / 2), 45
    elbow = (hub[0] + length * math.sin(first), hub[1] + length * math.cos(first))
    tip = (elbow[0] + length * math.sin(second), elbow[1] + length * math.cos(second))
    return _scene(
        Line(points=((0, hub[1] - length), (WIDTH, hub[1] - length)), colour=GROUND, width=1),
        Line(points=(hub, elbow), colour=BODY, width=8),
        Line(points=(elbow, tip), colour=PART, width=8),
        Disc(centre=hub, radius=5, fill="#333333"),
        Disc(centre=elbow, radius=5, fill="#333333"),
    )


def on_the_lake(env: gymnasium.Env, seen: np.ndarray) -> Scene:
    """FrozenLake's map and the actor in its cell."""
    return draw_grid(frozen_lake(env), int(seen.argmax()))


def at_the_cliff(env: gymnasium.Env, seen: np.ndarray) -> Scene:
    """CliffWalking's map and the actor in its cell."""
    return draw_grid(cliff(env), int(seen.argmax()))


PAINTERS: dict[str, Painter] = {
    "CartPole-v0": cart_pole,
    "CartPole-v1": cart_pole,
    "Pendulum-v1": pendulum,
    "MountainCar-v0": mountain_car,
    "MountainCarContinuous-v0": mountain_car,
    "Acrobot-v1": acrobot,
    "FrozenLake-v1": on_the_lake,
    "FrozenLake8x8-v1": on_the_lake,
    "CliffWalking-v0": at_the_cliff,
    "CliffWalking-v1": at_the_cliff,
    "CliffWalkingSlippery-v1": at_the_cliff,
}


def draw_lines(tracks: Mapping[str, Sequence[float]], upto: int, total: int) -> Scene:
    """Named series over the steps 0 … total, each in a strip of its own, drawn as far as `upto`."""
    shapes: list[Shape] = []
    strip = 44
    for index, (name, values) in enumerate(tracks.items()):
        top, colour = index * strip + 4, LINES[index % len(LINES)]
        low, high = min(values), max(values)
        span = (high - low) or 1.0
        points = tuple(
            (
                70 + (WIDTH - 80) * step / max(1, total),
                top + (strip - 10) * (0.5 if high == low else (high - value) / span),
            )
            for step, value in enumerate(values[: upto + 1])
        )
        shapes.append(rectangle(70, top - 1, WIDTH - 80, strip - 6, "#F4F4F4"))
        shapes.append(Text(at=(4, top + 12), text=name, size=10, colour=colour))
        shapes.append(Text(at=(4, top + 26), text=f"{low:.3g} … {high:.3g}", size=8))
        shapes += [Line(points=points, colour=colour, width=1.5)] if len(points) > 1 else []
        shapes += [Disc(centre=point, radius=2.5, fill=colour) for point in points[-1:]]
    height = strip * len(tracks) + 18
    shapes.append(Text(at=(70, height - 8), text=f"step {upto} of {total}", size=9))
    return Scene(width=WIDTH, height=height, shapes=tuple(shapes))


def _scene(*shapes: Line | Polygon | Disc) -> Scene:
    return Scene(width=WIDTH, height=HEIGHT, shapes=shapes)
