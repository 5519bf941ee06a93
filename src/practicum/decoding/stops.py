"""Stop strings in a stream: what may be shown now, and where the text ends.

The text ends before the stop string that is complete first (of several that end at one place, the
longest). So the result depends on the text alone, never on how tokens cut it.
"""

from collections.abc import Sequence


class StopStrings:
    """Feed text with `push`; it returns what is safe to show. `hit` says that the end was found."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.hit = False

    def push(self, text: str) -> str:
        """The next text that belongs to no stop string, not even as its possible beginning."""
        if not self._stops:
            return text
        if self.hit:
            return ""
        self._held += text
        ends = [(at + len(stop), at) for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if ends:
            self.hit = True
            shown, self._held = self._held[: min(ends)[1]], ""
            return shown
        keep = max(_overlap(self._held, stop) for stop in self._stops)
        cut = len(self._held) - keep
        shown, self._held = self._held[:cut], self._held[cut:]
        return shown

    def finish(self) -> str:
        """What was held back for a stop string that never came."""
        shown, self._held = self._held, ""
        return shown


def _overlap(text: str, stop: str) -> int:
    """Length of the longest proper beginning of `stop` that `text` ends with."""
    for size in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:size]):
            return size
    return 0
