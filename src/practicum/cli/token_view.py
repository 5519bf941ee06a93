"""The pieces of a text in colours: in the terminal, and as a page that needs nothing beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from practicum.cli.pages import filled, write_page
from practicum.cli.render import console

if TYPE_CHECKING:
    from practicum.interpret.token_picture import Cut, Piece

BORDER = "│"  # between pieces where there are no colours
MOST = 20_000  # characters of a text that a page shows: a megabyte of HTML for each tokenizer


def print_pieces(cuts: "Sequence[Cut]") -> None:
    """Each cut below its name: neighbours in different colours, or with lines between them."""
    from rich.text import Text

    from practicum.interpret.token_picture import TINTS

    terminal = console()
    for one in cuts:
        text = Text()
        for number, piece in enumerate(one.pieces):
            style = f"black on {TINTS[number % len(TINTS)]}"
            if number and not terminal.color_system:
                text.append(BORDER)
            # What is no text by itself, or more than its text, is told apart by its letters.
            text.append(_lines(piece), style if _plain(piece) else f"{style} italic")
        if len(cuts) > 1:
            terminal.print(one.summary, style="dim", markup=False)
        terminal.print(text, soft_wrap=True)


def _lines(piece: "Piece") -> str:
    """A piece as a terminal may show it: line ends are seen, and control characters do nothing."""
    text = piece.shown if piece.whole else f"⟨{piece.shown}⟩"
    shown = (c if c.isprintable() or c == "\n" else _visible(c) for c in text)
    return "".join(shown).replace("\n", "↵\n")


def _visible(character: str) -> str:
    return {"\t": "⇥", "\r": "␍"}.get(character, f"⟨U+{ord(character):04X}⟩")


def _plain(piece: "Piece") -> bool:
    return piece.whole and not piece.special


def write_tokens(
    place: Path,
    cuts: "Sequence[Cut]",
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    title: str,
    cut_short: bool,
) -> None:
    """Write the page: `tables` by their titles, and the cuts of a text, or its beginning."""
    from practicum.interpret.token_picture import TINTS

    page = filled(
        "tokens.html",
        filters={"lines": _lines, "cell": _cell},
        title=title,
        cuts=cuts,
        tables=tables,
        tints=TINTS,
        cut_short=cut_short,
    )
    write_page(place, page)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
