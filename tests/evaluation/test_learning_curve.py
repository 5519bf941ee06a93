"""A curve over examples seen: its points, when it stood high enough, and a model left as it was."""

import pytest
from torch import nn

from practicum import events
from practicum.errors import ConfigError
from practicum.evaluation.learning_curve import LearningCurve


def test_points_are_counted_in_examples():
    heights = iter([0.2, 0.9, 0.7, 0.95])
    curve = LearningCurve(lambda model: next(heights), batch=32, every=5, name="accuracy")
    heard: list[events.Event] = []
    with events.listening(heard.append):
        for step in range(1, 21):
            curve(step, nn.Identity())
    assert curve.points == [(160, 0.2), (320, 0.9), (480, 0.7), (640, 0.95)]
    assert heard == [events.Metric(name="accuracy", value=v, step=s) for s, v in curve.points]
    assert (curve.reached(0.8), curve.reached(0.92), curve.reached(0.99)) == (320, 640, None)


@pytest.mark.parametrize("learning", [True, False])
def test_the_model_is_measured_in_evaluation_mode_and_goes_on_as_before(learning):
    model, seen = nn.Dropout().train(learning), []
    curve = LearningCurve(lambda m: float(seen.append(m.training) or 0), batch=1, every=1)
    curve(1, model)
    assert seen == [False]
    assert model.training is learning


def test_a_curve_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="every 0 steps"):
        LearningCurve(lambda model: 0.0, batch=1, every=0)
