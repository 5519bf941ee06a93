"""The budget's schedule is the paper's closed form, update by update."""

import pytest

from practicum.errors import ConfigError
from practicum.training.noam import noam, noam_rate
from practicum.training.schedules import factor


@pytest.mark.parametrize(
    ("width", "warmup", "steps", "multiple"),
    [(512, 4000, 20_000, 1.0), (256, 4000, 9_000, 2.0), (128, 400, 1000, 1.0), (512, 3000, 700, 1)],
)
def test_the_schedule_is_the_closed_form(width, warmup, steps, multiple):
    budget = noam(width=width, warmup=warmup, steps=steps, batch=1, factor=multiple)
    assert budget.warmup_steps == min(warmup, steps)
    for step in range(1, steps + 1, max(1, steps // 500)):
        scheduled = budget.rate * factor(
            budget.schedule, step - 1, warmup=budget.warmup_steps, steps=steps
        )
        written = noam_rate(step, width=width, warmup=warmup, factor=multiple)
        assert scheduled == pytest.approx(written, rel=1e-12)


def test_the_paper_reaches_seven_ten_thousandths():
    assert noam(width=512, warmup=4000, steps=100_000, batch=1).rate == pytest.approx(6.99e-4, 1e-3)


def test_a_warm_up_of_no_updates_is_refused():
    with pytest.raises(ConfigError, match="a warm-up of 0"):
        noam(width=512, warmup=0, steps=10, batch=1)
