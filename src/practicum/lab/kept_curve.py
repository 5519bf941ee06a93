"""A whole curve of a run at once, where its points are known only at the end."""

from collections.abc import Mapping

from practicum import events


def keep_curve(name: str, points: Mapping[int, float]) -> None:
    """Keep every point, step → value, in the order given; `Rows.curves` has them by this name."""
    for step, value in points.items():
        events.emit(events.Metric(name=name, value=value, step=step))
