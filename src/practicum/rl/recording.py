"""One episode to look at: as a moving GIF, and as an SVG strip of its moments.

How a moment looks is chosen in this order: a painter of ours for the environment's id, pixels that
it gives itself ("rgb_array"), its observation if that is pixels, else lines of all that happened.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import gymnasium
import numpy as np
from PIL import Image

from practicum import events
from practicum.lab.folder import run_folder
from practicum.lab.kept import keep_file
from practicum.rl.agent import Actor
from practicum.rl.environments import Environment, Observations, actions_of, observations_of
from practicum.rl.painters import MOST_LINES, PAINTERS, draw_lines
from practicum.rl.scene import Photo, Scene, Text, beside, to_image, to_svg

End = Literal["terminated", "truncated", "cut"]
Camera = Callable[[], np.ndarray]
LIMIT = 500  # steps of the longest recording
FRAMES = 100  # of a GIF at most; of longer episodes every second, third, … moment is shown
STILLS = 8  # of a strip
WIDTH = 300  # pixels of a frame that the environment gives, at most
CAPTION = 20  # pixels below a still


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What happened, and how each moment looks: `draw(0)` is before the first action."""

    seed: int
    actions: tuple[Any, ...]
    rewards: tuple[float, ...]
    end: End
    draw: Callable[[int], Scene] = field(repr=False)
    whole: bool  # the last moment shows the others too

    @property
    def total(self) -> float:
        """The return of the episode."""
        return sum(self.rewards)


def record(
    actor: Actor, environment: Environment, *, seed: int = 0, limit: int = LIMIT
) -> Recording:
    """Play one episode from `seed`, at most `limit` steps of it."""
    env, camera = _opened(environment, seed)
    seen, takes = observations_of(env), actions_of(env)
    observation = seen.encode(env.reset(seed=seed)[0])
    past = _Past([observation], [camera()] if camera else [])
    end: End = "cut"
    while len(past.actions) < limit and end == "cut":
        action = takes.for_environment(actor.act(observation[None]))[0]
        shown, reward, terminated, truncated, _ = env.step(action)
        observation = seen.encode(shown)
        past.observations.append(observation)
        past.actions.append(action)
        past.rewards.append(float(reward))
        if camera:
            past.photos.append(camera())
        end = "terminated" if terminated else "truncated" if truncated else "cut"
    draw, whole = _drawing(environment, env, past)
    return Recording(
        seed=seed,
        actions=tuple(past.actions),
        rewards=tuple(past.rewards),
        end=end,
        draw=draw,
        whole=whole,
    )


@dataclass
class _Past:
    """What has happened so far."""

    observations: list[np.ndarray]  # one more than actions
    photos: list[np.ndarray]  # as many as observations, or none
    actions: list[Any] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)


def _opened(environment: Environment, seed: int) -> tuple[gymnasium.Env, Camera | None]:
    """A copy, and what photographs it where no painter of ours does and it can be photographed."""
    env = environment.make()
    if environment.id in PAINTERS or "rgb_array" not in env.metadata.get("render_modes", ()):
        return env, None
    try:
        photographed = environment.make(render="rgb_array")
        photographed.reset(seed=seed)

        def camera() -> np.ndarray:
            return _photo(photographed.render())

        camera()
    except gymnasium.error.DependencyNotInstalled:
        return env, None
    except Exception as problem:  # somebody else's drawing shall not cost the learning before it
        said = f"{environment.id} cannot draw itself ({type(problem).__name__}: {problem})"
        events.emit(events.Note(text=f"{said}; its observations are drawn instead"))
        return env, None
    return photographed, camera


def _photo(pixels: Any) -> np.ndarray:
    """At most WIDTH wide, whatever the environment gave."""
    image = Image.fromarray(np.asarray(pixels, np.uint8)).convert("RGB")
    if image.width > WIDTH:
        image = image.resize((WIDTH, max(1, image.height * WIDTH // image.width)))
    return np.asarray(image)


def _drawing(
    environment: Environment, env: gymnasium.Env, past: _Past
) -> tuple[Callable[[int], Scene], bool]:
    """How a step is drawn, and whether its picture holds all steps before it."""
    painter, seen = PAINTERS.get(environment.id), observations_of(env)
    if painter is not None:
        return lambda step: painter(env, past.observations[step]), False
    if past.photos:
        return lambda step: _framed(past.photos[step]), False
    if seen.dtype == np.uint8 and len(seen.shape) in (2, 3):
        return lambda step: _framed(_as_pixels(past.observations[step])), False
    tracks = _tracks(seen, past)
    return lambda step: draw_lines(tracks, step, len(past.actions)), True


def _framed(photo: np.ndarray) -> Scene:
    height, width = photo.shape[:2]
    return Scene(width=width, height=height, shapes=(Photo(pixels=photo),))


def _as_pixels(observation: np.ndarray) -> np.ndarray:
    """An observation of grey or coloured pixels, of stacked ones the latest, twice as large."""
    image = observation
    if image.ndim == 3 and image.shape[-1] not in (1, 3):
        image = image[-1]
    if image.ndim == 2:
        image = image[..., None]
    larger = np.repeat(np.repeat(image, 2, axis=0), 2, axis=1)
    return np.ascontiguousarray(np.broadcast_to(larger, (*larger.shape[:2], 3)))


def _tracks(seen: Observations, past: _Past) -> dict[str, list[float]]:
    """Everything that happened as named series: the state or its first numbers, action, reward."""
    table = np.stack(past.observations).reshape(len(past.observations), -1)
    if seen.states:
        table = seen.states_of(table)[:, None].astype(float)
    tracks = {f"seen {n}": table[:, n].tolist() for n in range(min(MOST_LINES, table.shape[1]))}
    acted = np.asarray(past.actions, float).reshape(len(past.actions), -1)
    names = ["action"] if acted.shape[1] == 1 else [f"action {n}" for n in range(acted.shape[1])]
    for n, name in enumerate(names[:MOST_LINES]):
        tracks[name] = [*acted[:, n].tolist(), acted[-1, n].item()]  # the last has no follower
    tracks["reward"] = [0.0, *past.rewards]
    return tracks


def write_gif(recording: Recording, path: Path, *, most: int = FRAMES) -> Path:
    """A moving picture of about twenty moments a second, at most `most` of them."""
    last = len(recording.actions)
    every = max(1, -(-last // most))
    steps = [*range(0, last, every), last]
    images = [to_image(recording.draw(step)).quantize(64) for step in steps]
    pause = 50 if last > 60 else 250  # milliseconds
    images[0].save(
        path,
        save_all=True,
        append_images=images[1:],
        duration=[pause] * (len(images) - 1) + [1500],
        loop=0,
    )
    return path


def write_strip(recording: Recording, path: Path, *, stills: int = STILLS) -> Path:
    """Moments side by side, evenly apart, the first and the last among them, as SVG."""
    last = len(recording.actions)
    if recording.whole:
        path.write_text(to_svg(recording.draw(last)), encoding="utf-8")
        return path
    steps = sorted({round(last * n / (stills - 1)) for n in range(stills)})
    earned = [0.0, *itertools.accumulate(recording.rewards)]
    scenes = [
        _captioned(recording.draw(step), f"step {step}, return {earned[step]:.4g}")
        for step in steps
    ]
    path.write_text(to_svg(beside(scenes)), encoding="utf-8")
    return path


def keep_recording(recording: Recording, name: str) -> None:
    """Write both pictures to the folder of the run that is going on, and tell of them."""
    for ending, write, title in (
        (".gif", write_gif, f"{name}, moving"),
        (".svg", write_strip, name),
    ):
        keep_file(title, write(recording, run_folder() / f"{name}{ending}"))


def _captioned(scene: Scene, words: str) -> Scene:
    caption = Text(at=(4, scene.height + CAPTION / 2), text=words, size=11)
    return replace(scene, height=scene.height + CAPTION, shapes=(*scene.shapes, caption))
