"""Writing under a constraint, by tiny networks of random weights and by one that has learned."""

import json
from dataclasses import dataclass, replace

import pytest
import torch
from jaxtyping import Bool
from torch import Tensor

from practicum.data.fetch import locate
from practicum.decoding.constrained import constrained, masked, write_constrained
from practicum.decoding.generate import Chunk, Completion, Request
from practicum.decoding.grammar import JsonSchema, OneOf, Regex
from practicum.decoding.language_model import LanguageModel
from practicum.decoding.sampling import Sampling
from practicum.errors import ConfigError, ModelError
from practicum.models.load import load
from practicum.tokenizers.bytes import ByteTokenizer
from practicum.tokenizers.tokenizer import Tokenizer

jsonschema = pytest.importorskip("jsonschema_rs", reason="schemas are judged by another's eyes")

SAMPLINGS = {
    "greedy": Sampling(temperature=0.0, max_tokens=40),
    "drawn": Sampling(seed=4, max_tokens=40),
    "filtered": Sampling(top_k=5, top_p=0.9, min_p=0.05, seed=2, max_tokens=40),
    "penalised": Sampling(temperature=0.0, repetition_penalty=1.3, max_tokens=40),
}
CAT = {
    "type": "object",
    "properties": {
        "animal": {"enum": ["cat", "dog", "fish"]},
        "legs": {"type": "integer", "minimum": 0, "maximum": 8},
    },
    "required": ["animal", "legs"],
    "additionalProperties": False,
}


class AllBut:
    """A text to which every token may come, but for one."""

    finished = False

    def __init__(self, size: int, but: int | None) -> None:
        self.but = but
        self.allowed = torch.ones(size, dtype=torch.bool)
        if but is not None:
            self.allowed[but] = False

    def mask(self) -> Bool[Tensor, " v"]:
        return self.allowed

    def take(self, id: int) -> None:
        assert id != self.but


@dataclass(frozen=True, kw_only=True)
class Free:
    but: int | None = None

    def matcher(self, tokenizer: Tokenizer, ends: frozenset[int]) -> AllBut:
        return AllBut(tokenizer.size, self.but)


@pytest.fixture
def lm(model, tokenizer):
    return LanguageModel(model, tokenizer)


def test_a_mask_leaves_no_mass_to_what_may_not_come():
    logits = torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    allowed = torch.tensor([[True, False, True], [False, True, False]])
    mass = masked(logits, allowed).softmax(-1)
    assert (mass == 0).tolist() == (~allowed).tolist()
    assert mass[0, 2] / mass[0, 0] == pytest.approx(torch.e**2)


@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS.keys())
def test_where_everything_may_come_the_text_is_that_of_plain_decoding(lm, sampling):
    asked = replace(sampling, logprobs=2, stop=("q",))
    plain = next(lm.generate(["It was"], asked))
    free = constrained(lm, "It was", asked, Free())
    assert (free.ids, free.text, free.finish) == (plain.ids, plain.text, plain.finish)
    assert free.logprobs == pytest.approx(plain.logprobs, abs=1e-5)
    assert [[id for id, _ in top] for top in free.top_logprobs] == [
        [id for id, _ in top] for top in plain.top_logprobs
    ]


def test_what_may_not_come_never_does_and_log_probabilities_stay_the_networks(lm, tokenizer):
    asked = replace(SAMPLINGS["greedy"], logprobs=1, max_tokens=1)
    plain = next(lm.generate(["It was"], asked))
    other = constrained(lm, "It was", asked, Free(but=plain.ids[0]))
    assert other.ids != plain.ids
    assert other.top_logprobs[0][0][0] == plain.ids[0]  # the likeliest is still told
    assert other.logprobs[0] < plain.logprobs[0]


@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS.keys())
def test_a_random_network_writes_json_of_the_schema(lm, sampling):
    done = constrained(lm, "It was", sampling, JsonSchema(schema=json.dumps(CAT)))
    if done.finish == "end":
        jsonschema.validate(CAT, json.loads(done.text))
    else:  # spaces between the signs took the tokens that there were
        assert done.text.split()[0].startswith("{")
    label = constrained(lm, "It was", sampling, OneOf(texts=("true", "false", "it, was")))
    assert label.finish == "end"
    assert label.text in ("true", "false", "it, was")
    assert label.ids[-1] in lm.ends


def test_chunks_joined_are_the_text(lm, model, tokenizer):
    request = Request(index=7, ids=(5, 6), sampling=Sampling(max_tokens=30, seed=3))
    constraint = Regex(pattern="(é|日本|x){3,8}")
    pieces = list(write_constrained(model, tokenizer, request, constraint, ends=lm.ends))
    whole = pieces[-1]
    assert isinstance(whole, Completion)
    assert whole.index == 7
    assert "".join(p.text for p in pieces if isinstance(p, Chunk)) == whole.text
    assert set(whole.text) <= set("é日本x")


def test_what_cannot_be_written_is_refused_in_one_line(model, tokenizer, lm):
    nobody = LanguageModel(model, tokenizer, ends=())
    with pytest.raises(ConfigError, match="no end token"):
        constrained(nobody, "It was", Sampling(), OneOf(texts=("a",)))
    with pytest.raises(ModelError, match="shorten the prompt"):
        constrained(lm, "z9" * 100, Sampling(), OneOf(texts=("a",)))


@pytest.fixture(scope="module")
def smollm2() -> LanguageModel:
    if locate("smollm2") is None:
        pytest.skip("smollm2 is not on this machine: practicum data add smollm2")
    loaded = load("smollm2")
    assert loaded.tokenizer is not None
    return LanguageModel(loaded.model, loaded.tokenizer, loaded.chat_template)


def test_a_network_that_has_learned_answers_within_the_schema(smollm2: LanguageModel):
    chat = [{"role": "user", "content": "Which animal says meow, and how many legs has it? JSON."}]
    asked = Sampling(temperature=0.0, max_tokens=60)
    done = constrained(smollm2, chat, asked, JsonSchema(schema=json.dumps(CAT)))
    assert done.finish == "end"
    jsonschema.validate(CAT, json.loads(done.text))


def test_bytes_that_are_no_text_never_come():
    tokenizer = ByteTokenizer()
    matcher = Regex(pattern="(?s:.{1,3})").matcher(tokenizer, frozenset({256}))
    assert not matcher.mask()[0x80:0xC2].any()
    matcher.take(0xC3)
    assert matcher.mask().nonzero()[:, 0].tolist() == list(range(0x80, 0xC0))
