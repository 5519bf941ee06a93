"""A model with its tokenizer: likelihoods of text, and text from prompts.

This is what evaluation, voting or a page see of a model in memory; they use nothing else of it, so
that an engine or a server can stand in its place.
"""

from collections.abc import Collection, Iterator, Sequence

from practicum.decoding.generate import Chunk, Completion, Request, write
from practicum.decoding.likelihood import Likelihood, likelihoods
from practicum.decoding.model import CausalModel, Reach
from practicum.decoding.sampling import Sampling
from practicum.decoding.windows import Pair
from practicum.errors import ConfigError, ModelError
from practicum.tokenizers.chat import ChatTemplate, Message
from practicum.tokenizers.tokenizer import Tokenizer

Chat = list[Message]  # what was said so far; the model speaks next
Prompt = str | Chat


class LanguageModel:
    """Implements the scorer that evaluation asks for, on a model in this process."""

    def __init__(
        self,
        model: CausalModel,
        tokenizer: Tokenizer,
        chat_template: ChatTemplate | None = None,
        *,
        ends: Collection[int] | None = None,  # tokens that end a text; None: the tokenizer's
        reach: Reach | None = None,
    ) -> None:
        vocabulary = model.description.vocab
        if tokenizer.size > vocabulary:
            raise ModelError(
                f"a tokenizer of {tokenizer.size} tokens is not that of a model of {vocabulary}; "
                "load both from one place"
            )
        self.model = model
        self.tokenizer = tokenizer
        self.chat_template = chat_template
        if ends is None:
            ends = () if tokenizer.end is None else (tokenizer.end,)
        self.ends = frozenset(ends)
        self.reach = reach or Reach()

    @property
    def context(self) -> int:
        """The most tokens the model reads at once."""
        return self.model.description.context

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> list[Likelihood]:
        """log P(continuation | context) of each (context, continuation), natural logarithm.

        The two are encoded as one text, as the model has seen text; the continuation is scored from
        the token that holds its first byte on. Where that token begins in the context (a space
        before a word, usually) it is scored whole, so let candidates, not contexts, carry the
        space between them. Before the context stands the tokenizer's begin token where it has one;
        an empty context is that token, or the end token, which separates documents in training.

        A text beyond the model's context is read in windows: every token of the continuation is
        scored once, by the first window that reaches it.
        """
        return likelihoods(self.model, [self._pair(*pair) for pair in pairs], self.reach)

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling | Sequence[Sampling]
    ) -> Iterator[Completion]:
        """A `Completion` for each prompt as it finishes; `index` says whose it is.

        `sampling` is one for all or one for each. Equal prompts with equal seeds say the same: ask
        with several seeds for several answers.
        """
        for piece in self.write(prompts, sampling):
            if isinstance(piece, Completion):
                yield piece

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[str]:
        """The text that follows `prompt`, as it is written."""
        for piece in self.write([prompt], sampling):
            if isinstance(piece, Chunk):
                yield piece.text

    def write(
        self, prompts: Sequence[Prompt], sampling: Sampling | Sequence[Sampling]
    ) -> Iterator[Chunk | Completion]:
        """`generate` and `stream` in one: chunks of all texts, each followed by its completion."""
        samplings = [sampling] * len(prompts) if isinstance(sampling, Sampling) else list(sampling)
        if len(samplings) != len(prompts):
            raise ConfigError(
                f"{len(samplings)} samplings for {len(prompts)} prompts; give one or one for each"
            )
        requests = [
            Request(index=i, ids=tuple(self.encode_prompt(prompt)), sampling=one)
            for i, (prompt, one) in enumerate(zip(prompts, samplings, strict=True))
        ]
        return write(
            self.model,
            self.tokenizer,
            requests,
            ends=self.ends,
            reach=self.reach,
        )

    def encode_prompt(self, prompt: Prompt) -> list[int]:
        """The ids that generation starts from: a chat is rendered, plain text begins a document.

        Special strings count as tokens in a chat (its template writes them), never in plain text.
        """
        if isinstance(prompt, str):
            return self._after_start(self.tokenizer.encode(prompt))
        if self.chat_template is None:
            raise ModelError(
                "this model has no chat template; give plain text, or use a model made for chat"
            )
        return self.tokenizer.encode(self.chat_template.render(prompt), specials=True)

    def _after_start(self, ids: list[int]) -> list[int]:
        begin = self.tokenizer.begin
        if begin is not None:
            return [begin, *ids]
        if not ids and self.tokenizer.end is not None:
            return [self.tokenizer.end]
        return ids

    def _pair(self, context: str, continuation: str) -> Pair:
        ids, offsets = self.tokenizer.encode_with_offsets(context + continuation)
        seam = len(context.encode())
        before = sum(end <= seam for _, end in offsets) if context else 0
        read = self._after_start(ids[:before])
        if not read and continuation:
            raise ModelError(
                "nothing stands before the first token to be scored and the tokenizer has no begin "
                "or end token; give a context"
            )
        return Pair(ids=(*read, *ids[before:]), start=len(read))
