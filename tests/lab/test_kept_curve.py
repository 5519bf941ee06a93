"""Points are told in the order given, under one name."""

from practicum import events
from practicum.lab.kept_curve import keep_curve


def test_every_point_is_told():
    heard: list[events.Event] = []
    with events.listening(heard.append):
        keep_curve("share", {5: 0.5, 1: 0.25})
        keep_curve("nothing", {})
    assert heard == [
        events.Metric(name="share", value=0.5, step=5),
        events.Metric(name="share", value=0.25, step=1),
    ]
