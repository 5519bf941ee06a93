"""Which shapes fit together, said before a library says it in its own words."""

from practicum.errors import ConfigError

Shape = tuple[int, ...]
Axes = int | tuple[int, ...] | None


def axes_of(axis: Axes, shape: Shape) -> tuple[int, ...]:
    """The named axes as places from the front, in order; all of them if None."""
    count = len(shape)
    if axis is None:
        return tuple(range(count))
    axes = axis if isinstance(axis, tuple) else (axis,)
    if any(not -count <= place < count for place in axes):
        raise ConfigError(f"an array of shape {shape} has no axis {axis}")
    return tuple(sorted({place % count for place in axes}))


def kept(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """`shape` with length 1 in place of every axis that is reduced."""
    return tuple(1 if place in axes else length for place, length in enumerate(shape))


def dropped(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """`shape` without the axes that are reduced."""
    return tuple(length for place, length in enumerate(shape) if place not in axes)


def check_broadcast(gate: str, a: Shape, b: Shape) -> None:
    """Raises ConfigError unless lengths, compared from the last, are equal or one of them 1."""
    for one, two in zip(reversed(a), reversed(b), strict=False):
        if one != two and 1 not in (one, two):
            raise ConfigError(f"shapes {a} and {b} do not broadcast in {gate}")


def check_copies(old: Shape, new: Shape) -> None:
    """Raises ConfigError unless copies along missing axes and lengths of 1 make `new` of `old`."""
    tail = new[len(new) - len(old) :] if len(old) <= len(new) else ()
    if len(tail) != len(old) or any(
        one not in (1, two) for one, two in zip(old, tail, strict=True)
    ):
        raise ConfigError(f"an array of shape {old} cannot be broadcast to {new}")


def check_order(order: Shape, shape: Shape) -> None:
    """Raises ConfigError unless `order` names every axis of `shape` once."""
    if sorted(order) != list(range(len(shape))):
        raise ConfigError(f"the axes of an array of shape {shape} cannot be ordered as {order}")


def check_product(a: Shape, b: Shape) -> None:
    """Raises ConfigError unless the columns of `a` are as many as the rows of `b`."""
    if len(a) < 2 or len(b) < 2 or a[-1] != b[-2]:
        raise ConfigError(
            f"shapes {a} and {b} do not fit @: columns of the first, rows of the second"
        )
    check_broadcast("@", a[:-2], b[:-2])


def check_reshape(old: Shape, new: Shape) -> None:
    """Raises ConfigError unless both hold as many numbers; one length of `new` may be −1."""
    have, want = 1, 1
    for length in old:
        have *= length
    for length in new:
        want *= length if length != -1 else 1
    fits = have == want if -1 not in new else new.count(-1) == 1 and want and have % want == 0
    if not fits or any(length < -1 for length in new):
        raise ConfigError(f"an array of shape {old} cannot be reshaped to {new}")
