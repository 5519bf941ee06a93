"""What a look at a model shows: the question, and the collected answer as data.

Everything here is numbers and text, so that a page, pictures and JSON can be made of it and nothing
else of the model is needed. An answer is as large as what was asked for; patterns are by far the
largest part of it.
"""

import base64
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float

from practicum.errors import ConfigError, UnknownName

SECTIONS = ("attention", "stream", "lens", "next", "neighbours", "steps", "beam", "tally")
LARGEST = 48 * 2**20  # bytes of patterns in a page, two for each weight
LEVELS = 65_535  # a packed weight w is the whole number next to w · LEVELS


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What is to be shown, of which layers and positions."""

    what: tuple[str, ...] = SECTIONS
    layers: tuple[int, ...] | None = None  # None: all
    positions: tuple[int, ...] | None = None  # None: all
    top: int = 10  # tokens in every table
    temperature: float = 1.0  # of the next-token tables and of the continuation; 0 is greedy
    steps: int = 12  # tokens of the continuation
    beam: int = 3  # width of the searched tree
    seed: int = 0  # of the continuation

    def __post_init__(self) -> None:
        for name in self.what:
            if name not in SECTIONS:
                raise UnknownName("part of a look", name, SECTIONS)
        for name, least in (("top", 1), ("steps", 1), ("beam", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; expected at least {least}")
        if not 0 <= self.temperature < float("inf"):
            raise ConfigError(f"temperature is {self.temperature}; expected 0 or more")


@dataclass(frozen=True, kw_only=True)
class Token:
    """One token of a text."""

    id: int
    text: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Patterns:
    """The weights of one kind of attention."""

    name: str
    queries: str  # whose tokens the rows are: a key of `Contents.texts`
    keys: str
    layers: tuple[int, ...]
    positions: tuple[int, ...]  # of the rows
    weights: Float[np.ndarray, "l h p s"]
    entropy: Float[np.ndarray, "l h"]  # in nats, averaged over the rows


@dataclass(frozen=True, kw_only=True, eq=False)
class Stream:
    """The length of what flows through the blocks, at each position."""

    layers: tuple[int, ...]
    positions: tuple[int, ...]
    norms: dict[str, Float[np.ndarray, "l p"]]  # by part: input, attention, …, output


@dataclass(frozen=True, kw_only=True, eq=False)
class LensTable:
    """What would be said after each block."""

    layers: tuple[int, ...]
    positions: tuple[int, ...]
    tokens: list[list[list[Token]]]  # by layer, position, rank
    probabilities: Float[np.ndarray, "l p top"]
    kl: Float[np.ndarray, "l p"]
    agrees: Bool[np.ndarray, "l p"]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A token that may come next."""

    token: Token
    probability: float  # at the asked temperature
    logit: float


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A token whose vector lies near."""

    token: Token
    cosine: float


@dataclass(frozen=True, kw_only=True)
class Step:
    """A token of the continuation, and the likeliest at its place (at temperature 1)."""

    chosen: Token
    probability: float
    candidates: list[Neighbour] | list[Candidate]


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A node of the beam's tree."""

    token: Token | None  # None: the root
    logprob: float
    fate: Literal["kept", "finished", "dropped"]
    best: bool
    children: list["Branch"]


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Parameters of one category, or of one place in the network."""

    name: str
    weights: int
    times: int  # matrices, or equal places


@dataclass(frozen=True, kw_only=True)
class TallyTable:
    """Where the parameters sit."""

    categories: list[Weights]
    rest: list[Weights]
    places: list[Weights]
    shared: int
    parameters: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Contents:
    """Everything that a look found; None or empty is what was not asked for."""

    model: str
    facts: list[tuple[str, str]]
    texts: dict[str, list[Token]]  # "text", or "source", "target" and "written"
    reading: str  # the text whose tokens the positions are
    temperature: float
    patterns: list[Patterns]
    stream: Stream | None = None
    lens: LensTable | None = None
    next: dict[int, list[Candidate]] | None = None  # by position
    neighbours: dict[int, list[Neighbour]] | None = None  # by token
    steps: list[Step] | None = None
    beam: Branch | None = None
    answers: list[str] | None = None  # of the beam, the best first
    tally: TallyTable | None = None


def as_data(value: Any, *, packed: bool = False) -> Any:
    """`value` as JSON data; `packed` writes patterns as base64 of 16-bit numbers."""
    if is_dataclass(value):
        pairs = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {name: as_data(inner, packed=packed) for name, inner in pairs}
    if isinstance(value, dict):
        return {str(key): as_data(inner, packed=packed) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_data(inner, packed=packed) for inner in value]
    if isinstance(value, np.ndarray):
        if packed and value.ndim == 4:
            whole = np.rint(value * LEVELS).astype("<u2")
            text = base64.b64encode(whole.tobytes()).decode()
            return {"shape": list(value.shape), "base64": text}
        return _rounded(value.tolist())
    return _rounded(value)


def _rounded(value: Any) -> Any:
    """Six significant digits: more would be shown to nobody, and doubles a file."""
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def check_size(layers: int, heads: int, rows: int, columns: int) -> None:
    """Raises ConfigError where the patterns would not fit a page, before any is made."""
    size = 2 * layers * heads * rows * columns
    if size > LARGEST:
        raise ConfigError(
            f"the patterns of {layers} layers, {heads} heads and {rows} × {columns} tokens fill "
            f"{size / 2**20:,.0f} MB of a page, which may hold {LARGEST // 2**20}; ask for fewer "
            "layers or positions, or leave attention out"
        )
