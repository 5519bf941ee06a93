"""Listeners at the places of one stack: they fill a trace, and make the edits."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from practicum.errors import ModelError
from practicum.interpret.edits import AnyEdit, Edit, PatternEdit, other_weights
from practicum.interpret.kept import Keep, Trace
from practicum.interpret.watching import Attended, WatchedPast, watched
from practicum.nn.attention import AttentionLayer
from practicum.nn.source import Source
from practicum.nn.stack import BlockLayer, StackLayer
from practicum.nn.state import Past, Reading


class Recorder:
    """Listens to one stack and fills a trace; also makes the edits."""

    def __init__(
        self,
        stack: StackLayer,
        ids: Int[Tensor, "b t"],
        keep: Keep,
        edits: Sequence[AnyEdit],
    ) -> None:
        depth = len(stack.blocks)
        self.stack, self.what = stack, frozenset(keep.what)
        self.trace = Trace(
            ids=ids,
            layers=keep.chosen_layers(depth),
            positions=keep.chosen_positions(ids.shape[1]),
        )
        self.everywhere = keep.positions is None
        here = [replace(e, layers=Keep(layers=e.layers).chosen_layers(depth)) for e in edits]
        self.edits = [edit for edit in here if isinstance(edit, Edit)]
        self.patterns = [edit for edit in here if isinstance(edit, PatternEdit)]
        for edit in self.patterns:
            self._check_heads(edit)

    def past(self, past: Past) -> Past:
        """`past`, watched in the blocks where what attention does is kept or changed."""
        wanted = {"queries", "keys", "values", "weights"} & self.what
        layers = self._attended(bool(wanted), cross=False)
        return _WatchedBlocks(past, self._attend, layers) if layers else past

    def sources(self, sources: Sequence[Source | None]) -> list[Source | None]:
        """`sources`, watched in the blocks where the look at them is kept or changed."""
        layers = self._attended("cross_weights" in self.what, cross=True)
        listened = watched(sources, self._look)
        return [listened[i] if i in layers else source for i, source in enumerate(sources)]

    @contextmanager
    def listening(self, embedding: nn.Module, positions: nn.Module | None) -> Iterator[None]:
        """Within the block, what is asked for is kept and edits are made."""
        handles = [self._after(embedding, "token", None)]
        if positions is not None:
            handles.append(self._after(positions, "place", None))
        for layer, block in enumerate(self.stack.blocks):
            assert isinstance(block, BlockLayer), type(block)
            handles += [
                self._before(block, "input", layer),
                self._gathered(block.mixer, layer),
                self._after(block.mixer, "attention", layer),
                self._after(block, "output", layer),
            ]
            if block.cross is not None:  # whose `look` is no `forward`
                handles.append(self._after(block.cross.out, "cross", layer))
            if block.ffn is not None:
                handles.append(self._after(block.ffn, "mlp", layer))
        handles.append(self._after(self.stack, "final", None))
        try:
            yield
        finally:
            for handle in handles:
                if handle is not None:
                    handle.remove()

    def score(self, hidden: Float[Tensor, "b t d"], score: Callable[[Tensor], Tensor]) -> None:
        """Keep the logits, of the chosen positions alone."""
        if "logits" in self.what:
            self.trace.kept["logits", None] = score(self._chosen(hidden, 1))

    def _attended(self, wanted: bool, *, cross: bool) -> set[int]:
        layers = set(self.trace.layers) if wanted else set()
        for edit in self.patterns:
            if edit.cross == cross:
                layers |= {layer for layer in range(len(self.stack.blocks)) if edit.at(layer)}
        return layers

    def _attend(self, attended: Attended) -> Tensor | None:
        layer = attended.layer
        edits = [edit for edit in self.patterns if edit.at(layer) and not edit.cross]
        other = other_weights(attended, edits)
        self._keep("queries", layer, attended.queries, 2)
        self._keep("keys", layer, attended.keys, None)
        self._keep("values", layer, attended.values, None)
        self._keep("weights", layer, attended.weights if other is None else other, 2)
        return other

    def _look(self, attended: Attended) -> Tensor | None:
        layer = attended.layer
        other = other_weights(attended, [e for e in self.patterns if e.at(layer) and e.cross])
        self._keep("cross_weights", layer, attended.weights if other is None else other, 2)
        return other

    def _keep(self, what: str, layer: int | None, value: Tensor, axis: int | None) -> None:
        """Keep what was asked for; `axis` is the one of positions, None where all stay."""
        if what in self.what and (layer is None or layer in self.trace.layers):
            chosen = value if axis is None else self._chosen(value, axis)
            # a view would hold all that it is a view of
            self.trace.kept[what, layer] = chosen.clone() if chosen._is_view() else chosen

    def _chosen(self, value: Tensor, axis: int) -> Tensor:
        if self.everywhere:
            return value
        return value.index_select(axis, torch.tensor(self.trace.positions, device=value.device))

    def _met(self, what: str, layer: int | None, value: Tensor, axis: int = 1) -> Tensor | None:
        """The value in place of `value`, if another one; it is kept as it then is."""
        new = value
        for edit in self.edits:
            if edit.what == what and edit.at(layer):
                new = edit.change(new)
        self._keep(what, layer, new, axis)
        return None if new is value else new

    def _asked(self, what: str, layer: int | None) -> bool:
        kept = what in self.what and (layer is None or layer in self.trace.layers)
        return kept or any(edit.what == what and edit.at(layer) for edit in self.edits)

    def _after(self, module: nn.Module, what: str, layer: int | None) -> Any:
        def hook(_module: nn.Module, _inputs: tuple[Any, ...], value: Any) -> Tensor | None:
            return self._met(what, layer, value)

        return module.register_forward_hook(hook) if self._asked(what, layer) else None

    def _before(self, module: nn.Module, what: str, layer: int) -> Any:
        def hook(_module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
            new = self._met(what, layer, inputs[0])
            return None if new is None else (new, *inputs[1:])

        return module.register_forward_pre_hook(hook) if self._asked(what, layer) else None

    def _gathered(self, mixer: nn.Module, layer: int) -> Any:
        """`mixed`, as it goes into the output matrix: after edits of patterns."""
        if not isinstance(mixer, AttentionLayer) or not self._asked("mixed", layer):
            return None

        def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor] | None:
            mixed = rearrange(inputs[0], "b t (h c) -> b h t c", h=mixer.heads)
            new = self._met("mixed", layer, mixed, 2)
            return None if new is None else (rearrange(new, "b h t c -> b t (h c)"),)

        return mixer.out.register_forward_pre_hook(hook)

    def _check_heads(self, edit: PatternEdit) -> None:
        for layer, block in enumerate(self.stack.blocks):
            attention = block.cross if edit.cross else block.mixer
            heads = attention.heads if isinstance(attention, AttentionLayer) else 0
            for head in edit.heads or ():
                if edit.at(layer) and not -heads <= head < heads:
                    raise ModelError(f"no head {head}: layer {layer} has heads 0 to {heads - 1}")


class _WatchedBlocks(WatchedPast):
    """A past that is watched in some blocks."""

    def __init__(
        self, past: Past, listener: Callable[[Attended], Tensor | None], layers: set[int]
    ) -> None:
        super().__init__(past, listener)
        self.layers = layers

    def of_block(self, index: int) -> Reading:
        return super().of_block(index) if index in self.layers else self.past.of_block(index)
