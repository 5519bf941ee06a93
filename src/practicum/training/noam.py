"""The learning rate of the Transformer, which its code calls by the name of Noam Shazeer.

    rate(s) = factor · d^−½ · min(s^−½, s · w^−3/2)      (Vaswani et al. 2017, eq. 3)

at update s = 1, 2, …, with a width of d and a warm-up of w updates. As a peak and a schedule: a
line to factor · (d · w)^−½ at update w, then times √(w/s), which is `InverseSqrt`.
"""

from practicum.errors import ConfigError
from practicum.training.budget import Budget
from practicum.training.optimiser import AdamW
from practicum.training.schedules import InverseSqrt

ADAM = AdamW(betas=(0.9, 0.98), eps=1e-9, decay=0.0)  # §5.3


def noam_rate(step: int, *, width: int, warmup: int, factor: float = 1.0) -> float:
    """The equation, for `step` from 1."""
    return factor * width**-0.5 * min(step**-0.5, step * warmup**-1.5)


def noam(*, width: int, warmup: int, steps: int, batch: int, factor: float = 1.0) -> Budget:
    """A budget of `steps` updates with these rates, the paper's Adam, and no clipping.

    Raises ConfigError for a width or a warm-up below 1.
    """
    if width < 1 or warmup < 1:
        raise ConfigError(f"a width of {width} and a warm-up of {warmup}; both must be at least 1")
    reached = min(warmup, steps)  # the peak may lie beyond the last update
    return Budget(
        steps=steps,
        batch=batch,
        rate=noam_rate(reached, width=width, warmup=warmup, factor=factor),
        schedule=InverseSqrt(),
        warmup=reached / steps,
        optimiser=ADAM,
        clip=None,
    )
