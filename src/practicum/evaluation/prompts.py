"""Tasks asked as text to continue, and what of the continuation is the answer.

The forms are those of Radford et al. 2019: summaries after "TL;DR:" (§3.6), translation after pairs
`a = b` (§3.7), questions after answered questions (§3.8), a conversation about a document (§3.5).
Answers come in the order of what was asked. No prompt ends in a space.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from practicum.decoding.sampling import Sampling
from practicum.evaluation.scorer import Scorer, texts

# A sentence ends with its mark, closing quotes and brackets included, before white space.
_SENTENCE = re.compile(r"""\s*.+?(?:[.!?…][)\]"'”’»]*(?=\s|$)|[。！？]|\n|$)""", re.DOTALL)

SUMMARY = Sampling(top_k=2, max_tokens=100)  # "k = 2 … reduces repetition" (§3.6)
LINE = Sampling(temperature=0.0, max_tokens=64, stop=("\n",))


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A question about a document and what was answered."""

    question: str
    answer: str


def first_sentences(text: str, count: int) -> str:
    """The first `count` sentences of `text`, or all where there are fewer."""
    sentences = [match.group() for match in _SENTENCE.finditer(text.strip()) if match.group()]
    return "".join(sentences[:count]).strip()


def summarise(
    scorer: Scorer, documents: Sequence[str], *, sampling: Sampling = SUMMARY, sentences: int = 3
) -> list[str]:
    """The first sentences of 100 tokens drawn from the two likeliest each, after "TL;DR:"."""
    prompts = [f"{document.rstrip()}\nTL;DR:" for document in documents]
    return [first_sentences(text, sentences) for text in texts(scorer, prompts, sampling)]


def translate(
    scorer: Scorer,
    pairs: Sequence[tuple[str, str]],
    sources: Sequence[str],
    *,
    sampling: Sampling = LINE,
) -> list[str]:
    """What follows `source =` after a context of `a = b` lines; greedy, the first sentence."""
    context = "".join(f"{source} = {target}\n" for source, target in pairs)
    prompts = [f"{context}{source} =" for source in sources]
    return [first_sentences(text, 1) for text in texts(scorer, prompts, sampling)]


def answer_questions(
    scorer: Scorer,
    examples: Sequence[tuple[str, str]],
    questions: Sequence[str],
    *,
    sampling: Sampling = LINE,
) -> list[str]:
    """Short answers, in the manner of the answered `examples`; greedy, the first line."""
    context = "".join(f"Q: {question}\nA: {answer}\n\n" for question, answer in examples)
    prompts = [f"{context}Q: {question}\nA:" for question in questions]
    return [text.strip() for text in texts(scorer, prompts, sampling)]


def converse(
    scorer: Scorer,
    document: str,
    turns: Sequence[Turn],
    question: str,
    *,
    sampling: Sampling = LINE,
) -> str:
    """The answer to `question` about `document` after the conversation so far; greedy."""
    history = "".join(f"Q: {turn.question}\nA: {turn.answer}\n" for turn in turns)
    prompt = f"{document.rstrip()}\n\n{history}Q: {question}\nA:"
    return texts(scorer, [prompt], sampling)[0].strip()
