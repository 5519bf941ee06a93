"""`practicum plan`: how large a network, and on how many tokens, by the user's own scaling runs."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from practicum.cli.render import json_option, print_json, print_table
from practicum.errors import ConfigError, DataError

if TYPE_CHECKING:
    import numpy as np

    from practicum.evaluation.scaling_fit import ScalingLaw, TrainingPlan

COLUMNS = ("parameters", "tokens", "loss")
LAW = ("floor", "size", "size_power", "data", "data_power")
PLAN = (*COLUMNS, "training_flops", "serving_flops", "total_flops")


@click.command()
@click.argument("runs", type=click.Path())
@click.option("--budget", type=float, help="Operations; with --loss of training alone.")
@click.option("--loss", type=float, help="The loss that must be reached.")
@click.option("--serve", default=0.0, help="Tokens that will be read and written in all its use.")
@click.option("--samples", default=100, show_default=True, help="Of the runs, for intervals.")
@click.option("--seed", default=0, show_default=True)
@json_option
def command(
    runs: str,
    budget: float | None,
    loss: float | None,
    serve: float,
    samples: int,
    seed: int,
    as_json: bool,
) -> None:
    """Size and tokens that cost least, by a law fitted to RUNS.

    RUNS is a CSV file with the columns parameters, tokens and loss, a row per trained model;
    fifteen rows or more of several sizes and lengths make a fit worth having. With --loss: what
    reaches it and serves --serve tokens at the least cost altogether. With --budget alone: the
    lowest loss that it pays for, serving included. Intervals are between the 10th and the 90th
    percentile of fits to runs drawn with replacement.
    """
    import numpy as np

    from practicum.evaluation.scaling_fit import fit_law
    from practicum.evaluation.scaling_intervals import plans, resampled_laws

    plan = _planner(budget, loss, serve)
    if not 0 <= samples <= 10_000:
        raise ConfigError(f"--samples is {samples}; expected 0 to 10,000")
    table = _runs(runs)
    law = fit_law(table)
    laws = resampled_laws(table, samples, np.random.default_rng(seed)) if samples else []
    chosen, others = plan(law), plans(laws, plan)
    rows = {
        "law": [_row(name, law, laws, samples) for name in LAW],
        "plan": [_row(name, chosen, others, samples) for name in PLAN],
    }
    if as_json:
        return print_json({"runs": len(table), **rows})
    print_table(rows["law"], title=f"L(N, D) = floor + size/N^a + data/D^b of {len(table)} runs")
    print_table(
        rows["plan"], title=f"the plan: {chosen.tokens / chosen.parameters:.3g} tokens each"
    )
    _warn(chosen, table)
    return None


def _planner(
    budget: float | None, loss: float | None, serve: float
) -> "Callable[[ScalingLaw], TrainingPlan]":
    import math

    from practicum.evaluation.scaling_fit import cheapest, within

    for name, value in (("--budget", budget), ("--loss", loss)):
        if value is not None and not (value > 0 and math.isfinite(value)):
            raise ConfigError(f"{name} is {value}; expected a number above 0")
    if not (serve >= 0 and math.isfinite(serve)):
        raise ConfigError(f"--serve is {serve}; expected 0 tokens or more")
    if loss is not None:
        return lambda law: cheapest(law, loss, serve, budget or math.inf)
    if budget is None:
        raise ConfigError("what is asked? give --loss, the loss to reach, or --budget, or both")
    return lambda law: within(law, budget, serve)


def _runs(place: str) -> "np.ndarray":
    import numpy as np

    from practicum.data.table import read_table

    table = read_table(place)
    columns = [table.column(name) for name in COLUMNS]
    for name, column in zip(COLUMNS, columns, strict=True):
        if not isinstance(column, np.ndarray):
            strange = next(word for word in column if not _is_number(word))
            raise DataError(f"{place}: {name} is {strange!r} in a row; expected a number")
    return np.stack([np.asarray(column) for column in columns], axis=1)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _row(name: str, chosen: Any, others: Sequence[Any], samples: int) -> dict[str, Any]:
    from practicum.evaluation.scaling_intervals import interval

    low, high = interval([getattr(other, name) for other in others], samples) or (None, None)
    return {"what": name, "value": getattr(chosen, name), "low": low, "high": high}


def _warn(chosen: "TrainingPlan", table: "np.ndarray") -> None:
    """A fit says little far from what it was fitted to."""
    for column, name in enumerate(("parameters", "tokens")):
        least, most = table[:, column].min(), table[:, column].max()
        value = getattr(chosen, name)
        if not least / 10 <= value <= most * 10:
            click.echo(
                f"note: {value:.3g} {name} are far from the runs' {least:.3g} to {most:.3g}; "
                "train something nearer before you trust this",
                err=True,
            )
