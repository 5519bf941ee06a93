"""A server under load, drawn: what it writes, and how long its clients wait (matplotlib)."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from practicum.lab.plots import COLOURS
from practicum.serving.stated_load import PERCENTILES, Measured

TIMES = {"first_text": "to the first text", "between_pieces": "between pieces"}


def load_picture(found: Sequence[Measured]) -> Figure:
    """Tokens a second, and percentiles of times, against the number of clients."""
    clients = [one.load.clients for one in found]
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    speed, *waits = figure.subplots(1, 1 + len(TIMES))
    speed.plot(clients, [one.tokens_per_second for one in found], "o-", color=COLOURS[0])
    speed.set_ylabel("tokens a second")
    speed.set_ylim(bottom=0)
    for axes, (name, what) in zip(waits, TIMES.items(), strict=True):
        for at, percent in enumerate(PERCENTILES):
            values = [getattr(one, name)[at] for one in found if getattr(one, name)]
            with_values = [one.load.clients for one in found if getattr(one, name)]
            axes.plot(with_values, values, "o-", color=COLOURS[at], label=f"{percent} %")
        axes.set_ylabel(f"seconds {what}")
        axes.set_yscale("log")
        axes.legend(title="of them within")
    for axes in (speed, *waits):
        axes.set_xlabel("clients")
        axes.set_xscale("log", base=2)
        axes.set_xticks(clients, [str(count) for count in clients])
        axes.grid(alpha=0.3)
    load = found[0].load
    figure.suptitle(f"Prompts of {load.words} words, answers of {load.tokens} tokens at most")
    return figure
