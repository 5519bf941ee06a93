"""Whatever goes on beside it, an answer is what the model says alone."""

import itertools
import random
import re
import threading
from dataclasses import replace

import pytest
import torch
from loud import loud

from practicum.decoding.generate import Completion
from practicum.decoding.grammar import Regex
from practicum.decoding.language_model import LanguageModel
from practicum.decoding.prompt_lookup import PromptLookup
from practicum.decoding.sampling import Sampling
from practicum.errors import Busy, ConfigError, GivenUp, ModelError
from practicum.models.families.gemma import gemma2, gemma3
from practicum.models.families.gpt2 import gpt2
from practicum.models.families.llama import llama
from practicum.models.families.mamba import mamba
from practicum.models.families.mistral import mistral
from practicum.serving.engine import Engine
from practicum.serving.question import Piece, Question
from practicum.serving.settings import Settings
from practicum.tokenizers.bytes import ByteTokenizer

TOKENS = ByteTokenizer().size
SHAPE = {"width": 32, "depth": 2, "heads": 4, "vocab": TOKENS, "context": 160}
GROUPED = {**SHAPE, "kv_heads": 2, "hidden": 48}
KINDS = {  # of memory
    "blocks": gpt2(**SHAPE),
    "grouped": llama(**{**GROUPED, "vocab": TOKENS + 3}),
    "rings": mistral(**GROUPED, window=20),
    "both": gemma3(**GROUPED, head_width=8, window=20, every=2),
    "capped": gemma2(**GROUPED, head_width=8),
    "recurrent": mamba(width=32, depth=2, vocab=TOKENS, context=160),
}
PROMPTS = [
    "It was",
    "It was the age of wisdom, it was the age of foolishness, it was",
    "日本語",
    "x",
    "It was the age of wisdom, it was the winter of despair",
    "open at 7; Naïve cafés",
    "It was the age of wisdom, it was",
]
SAMPLINGS = [
    Sampling(temperature=0.0, max_tokens=24),
    Sampling(temperature=1.2, max_tokens=30, seed=4),
    Sampling(top_k=20, top_p=0.9, min_p=0.01, max_tokens=12, seed=9, logprobs=2),
    Sampling(temperature=0.0, repetition_penalty=1.4, max_tokens=24),
    Sampling(temperature=0.8, max_tokens=40, seed=1, stop=("e", "\n")),
    Sampling(temperature=0.0, max_tokens=8, logprobs=0),
]
TIGHT = Settings(rows=4, block=4, chunk=7, memory=1.0)


def random_model(kind):
    return LanguageModel(loud(KINDS[kind]), ByteTokenizer())


@pytest.fixture(scope="module", params=KINDS)
def any_model(request):
    return random_model(request.param)


@pytest.fixture(scope="module")
def model():
    return random_model("grouped")


def _with_blocks(model, count, **changes):
    """An engine with so many blocks."""
    settings = replace(TIGHT, **changes)
    engine = Engine(model, settings)
    paged = [layer.mixer for layer in model.model.stack.blocks]
    token = sum(
        m.kv_heads * (m.head_width + m.value_width) * 8
        for m in paged
        if hasattr(m, "kv_heads") and m.scope.window is None
    )
    if token:
        memory = (count + 0.5) * token * settings.block / 1e9
        engine = Engine(model, replace(settings, memory=memory))
        assert engine.memory.blocks.count == count
    return engine


def _by_index(completions):
    return {completion.index: completion for completion in completions}


def _mixed(count, seed):
    draw = random.Random(seed)
    prompts = [draw.choice(PROMPTS) + " " * draw.randint(0, 3) for _ in range(count)]
    return prompts, [replace(draw.choice(SAMPLINGS), seed=i) for i in range(count)]


def _same(found, wanted):
    assert found.ids == wanted.ids
    assert (found.text, found.finish) == (wanted.text, wanted.finish)
    assert (found.logprobs is None) == (wanted.logprobs is None)
    assert found.logprobs == pytest.approx(wanted.logprobs, abs=1e-9)


def test_answers_of_a_busy_engine_are_those_of_the_model_alone(any_model):
    prompts, samplings = _mixed(10, seed=1)
    engine = _with_blocks(any_model, 60)
    for completion in engine.generate(prompts, samplings):
        at = completion.index
        _same(completion, next(any_model.generate(prompts[at : at + 1], samplings[at])))
    assert engine.memory.blocks.used == 0
    assert engine.idle


@pytest.mark.slow("two hundred answers, one after the other and together")
def test_two_hundred_answers_are_the_same_where_memory_is_short(model):
    prompts, samplings = _mixed(200, seed=2)
    wanted = _by_index(model.generate(prompts, samplings))
    engine = _with_blocks(model, 41, rows=8)
    found = _by_index(engine.generate(prompts, samplings))
    assert engine.load.put_off > 0
    assert engine.load.shared_tokens > 0
    for i in wanted:  # a text ends where memory does
        room = engine.memory.capacity - len(prompts[i].encode()) + 1
        if len(wanted[i].ids) <= room:
            _same(found[i], wanted[i])
        else:
            assert found[i].ids == wanted[i].ids[:room]
    assert (engine.memory.blocks.used, engine.idle) == (0, True)


def test_drafts_change_no_answer_and_save_steps(model):
    draw = random.Random(3)
    repeated = "".join(draw.choices("abc ", k=20)) * 4
    prompts = [repeated, repeated[7:], *PROMPTS]
    samplings = [replace(draw.choice(SAMPLINGS), seed=i) for i in range(len(prompts))]
    wanted = _by_index(_with_blocks(model, 90).generate(prompts, samplings))
    engine = _with_blocks(model, 90, drafts=PromptLookup(shortest=1), drafted=3)
    for completion in engine.generate(prompts, samplings):
        _same(completion, wanted[completion.index])
    assert engine.load.drafted_rightly > 10
    assert engine.memory.blocks.used == 0
    assert engine.load.said_tokens == sum(len(found.ids) for found in wanted.values())


def test_a_text_is_drafted_up_to_the_end_of_the_context(model):
    asked = Question(ids=(65, 66) * 60, sampling=Sampling(temperature=0.0, max_tokens=300))
    wanted = next(Engine(model, TIGHT).answers([asked]))
    assert len(wanted.ids) == 160 - 120 + 1
    engine = Engine(model, replace(TIGHT, drafts=PromptLookup(shortest=1), drafted=8))
    assert next(engine.answers([asked])) == wanted


@pytest.mark.slow("leaks show after many")
def test_after_two_thousand_questions_with_cancellations_no_block_is_missing(model):
    draw = random.Random(5)
    engine = _with_blocks(model, 50, rows=8)
    live, ended = [], []
    for _ in range(2000):
        sampling = Sampling(temperature=0.0, max_tokens=draw.randint(1, 4))
        ids = tuple(draw.choice(PROMPTS).encode()[: draw.randint(1, 40)])
        live.append(engine.ask(Question(ids=ids, sampling=sampling), ended.append))
        if draw.random() < 0.4:
            engine.cancel(live[-draw.randint(1, min(12, len(live)))])
        while len(live) - engine.load.finished - engine.load.cancelled > 12:
            engine.step()
    while engine.step():
        pass
    blocks = engine.memory.blocks
    load = engine.load
    assert load.asked == 2000 == load.finished + load.cancelled
    assert load.cancelled > 100
    assert sum(isinstance(end, Completion) for end in ended) == load.finished
    assert (blocks.used, blocks.available) == (0, blocks.count)


def test_memory_of_a_cancelled_answer_is_free_at_once(any_model):
    engine = _with_blocks(any_model, 60)
    row = engine.ask(Question(ids=(65,) * 30, sampling=SAMPLINGS[0]), lambda _: None)
    while not row.said:
        engine.step()
    assert engine.memory.blocks.used > 0
    engine.cancel(row)
    engine.cancel(row)
    assert (engine.memory.blocks.used, engine.load.cancelled, engine.idle) == (0, 1, True)
    assert not engine.step()


def test_pieces_hold_every_token_once_and_make_the_text(model):
    heard = []
    engine = Engine(model, TIGHT)
    engine.ask(Question(ids=(66, 67), sampling=SAMPLINGS[2]), heard.append)
    while engine.step():
        pass
    *pieces, end = heard
    assert all(isinstance(piece, Piece) for piece in pieces)
    assert "".join(piece.text for piece in pieces) == end.text
    said = [choice for piece in pieces for choice in piece.choices]
    assert tuple(choice.id for choice in said) == end.ids
    assert tuple(choice.top for choice in said) == end.top_logprobs


def test_a_prompt_that_was_read_is_not_read_again(model):
    engine = Engine(model, TIGHT)
    question = Question(ids=tuple(range(50, 90)), sampling=SAMPLINGS[0])
    first, again = (next(engine.answers([question])) for _ in range(2))
    assert first == again
    assert engine.load.shared_tokens == 36
    list(engine.answers([replace(question, ids=tuple(range(49, 90)))]))
    assert engine.load.shared_tokens == 36


def test_padding_of_a_prompt_that_was_half_read_stays_within_the_context():
    learned = random_model("blocks")  # has no positions beyond it
    engine = Engine(learned, replace(TIGHT, chunk=256))
    sampling = Sampling(temperature=0.0, max_tokens=3)
    asked = [
        Question(ids=tuple(ids), sampling=sampling) for ids in (range(20, 150), range(60, 180))
    ]
    wanted = {i: next(engine.answers([one])) for i, one in enumerate(asked)}
    engine = Engine(learned, replace(TIGHT, chunk=256))
    next(engine.answers(asked[:1]))
    found = _by_index(engine.answers(asked))
    assert [found[i].ids for i in (0, 1)] == [wanted[i].ids for i in (0, 1)]
    assert engine.load.shared_tokens > 0


def test_several_answers_to_one_prompt_read_it_once(model):
    engine = Engine(model, TIGHT)
    ids = tuple(range(50, 90))
    drawn = Sampling(temperature=1.0, max_tokens=5)
    asked = [Question(ids=ids, sampling=replace(drawn, seed=seed)) for seed in range(4)]
    assert len({end.ids for end in engine.answers(asked)}) > 1
    assert engine.load.shared_tokens == 3 * 36


def test_without_sharing_nothing_is_shared(model):
    engine = Engine(model, replace(TIGHT, share=False))
    list(engine.answers([Question(ids=tuple(range(50, 90)), sampling=SAMPLINGS[0])] * 2))
    assert engine.load.shared_tokens == 0


def test_the_urgent_go_first_and_nobody_is_passed_by_for_ever(model):
    order = []
    engine = Engine(model, replace(TIGHT, rows=1))

    def ask(name, **changes):
        question = Question(ids=(65, 66), sampling=Sampling(max_tokens=3), **changes)
        engine.ask(question, lambda end: isinstance(end, Completion) and order.append(name))

    ask("first")
    engine.step()
    ask("patient")
    ask("due in an hour", patience=3600)
    ask("due soon", patience=30)
    ask("important", priority=-1)
    while engine.step():
        pass
    assert order == ["first", "important", "due soon", "patient", "due in an hour"]


def test_what_is_late_is_given_up_wherever_it_is(model, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("practicum.serving.engine.time.monotonic", lambda: now[0])
    engine = Engine(model, replace(TIGHT, rows=1))
    ends = []
    for _ in range(2):
        question = Question(ids=(65, 66), sampling=Sampling(max_tokens=100), patience=5)
        engine.ask(question, ends.append)
    engine.step()
    ends.clear()
    now[0] += 6
    assert not engine.step()
    assert [type(end) for end in ends] == [GivenUp, GivenUp]
    assert "in 5 seconds" in str(ends[0])
    assert engine.memory.blocks.used == 0


def test_more_than_may_wait_are_refused_with_a_time_to_come_back(model):
    engine = Engine(model, replace(TIGHT, waiting=2))
    question = Question(ids=(65,), sampling=SAMPLINGS[0])
    for _ in range(2):
        engine.ask(question, lambda _: None)
    with pytest.raises(Busy, match="another question: 2 wait") as refused:
        engine.ask(question, lambda _: None)
    assert refused.value.retry_after >= 1
    assert engine.load.asked == 2


def test_stop_ids_end_a_text_as_the_models_own_end_does(model):
    question = Question(ids=(65, 66), sampling=SAMPLINGS[0])
    plain = next(Engine(model, TIGHT).answers([question]))
    stop = plain.ids[3]
    found = next(Engine(model, TIGHT).answers([replace(question, stop_ids=frozenset({stop}))]))
    assert found.ids == plain.ids[: plain.ids.index(stop) + 1]
    assert found.finish == "end"


def test_scores_that_are_no_numbers_end_their_answer_and_spoil_no_other(model):
    engine = Engine(model, replace(TIGHT, share=True))
    question = Question(ids=tuple(range(40, 70)), sampling=SAMPLINGS[0])
    wanted = next(engine.answers([question]))
    weight = model.model.embedding.weight
    before = weight[10].clone()
    with torch.no_grad():
        weight[10] = float("nan")
    try:
        with pytest.raises(ModelError, match="no numbers"):
            next(engine.answers([replace(question, ids=(10, 11, 12))]))
    finally:
        with torch.no_grad():
            weight[10] = before
    assert engine.memory.blocks.used == 0
    assert next(engine.answers([question])) == wanted


def test_likelihoods_are_the_models(model):
    pairs = [("It was", " the age"), ("x", "yz")]
    assert Engine(model, TIGHT).loglikelihood(pairs) == model.loglikelihood(pairs)


def test_an_embedding_is_the_mean_of_the_last_states(model):
    ids = [70, 71, 72]
    found = Engine(model, TIGHT).embed([ids, ids[:1]])
    with torch.no_grad():
        hidden = model.model.hidden(torch.tensor([ids]))[0].float()
    torch.testing.assert_close(found, torch.stack([hidden.mean(0), hidden[0]]))


def test_what_cannot_be_asked_is_said(model):
    engine = Engine(model, TIGHT)
    for ids, words in ((), "empty"), ((1,) * 200, "context is 160"), ((999,), "token 999"):
        with pytest.raises(ModelError, match=words):
            engine.ask(Question(ids=ids, sampling=SAMPLINGS[0]), lambda _: None)
    with pytest.raises(ConfigError, match="2 samplings for 1"):
        next(engine.generate(["x"], SAMPLINGS[:2]))
    with pytest.raises(ConfigError, match="patience is 0"):
        Question(ids=(1,), sampling=SAMPLINGS[0], patience=0)
    with pytest.raises(ConfigError, match="rows is 0"):
        Settings(rows=0)
    with pytest.raises(ModelError, match="hold no block"):
        Engine(model, replace(TIGHT, memory=1e-9))


def test_answers_keep_to_their_constraints_beside_others(model):
    spoken = LanguageModel(model.model, model.tokenizer, ends={0})
    engine = Engine(spoken, replace(TIGHT, drafts=PromptLookup(shortest=1)))
    free = Question(ids=(65, 66, 67), sampling=SAMPLINGS[1])
    held = replace(free, constraint=Regex(pattern="[ab]{3,9}c"))
    wanted = next(engine.answers([free]))
    others = [free, held, replace(held, sampling=SAMPLINGS[0]), free]
    found = _by_index(engine.answers(others))
    assert found[0].ids == found[3].ids == wanted.ids
    for completion in (found[1], found[2]):
        assert re.fullmatch("[ab]{3,9}c", completion.text)
        assert completion.finish == "end"
    endless = Engine(LanguageModel(model.model, model.tokenizer, ends=()), TIGHT)
    with pytest.raises(ConfigError, match="no end token"):
        endless.ask(held, print)


def test_a_constraint_that_breaks_ends_its_own_answer_alone(model):
    class Broken:
        finished = False

        def matcher(self, tokenizer, ends):
            return self

        def mask(self):
            raise ConfigError("it broke")

        def take(self, id):
            raise AssertionError("nothing can be chosen")

        def copy(self):
            return self

        def forced(self):
            return b""

    engine = Engine(model, TIGHT)
    ends = []
    question = Question(ids=(65, 66, 67), sampling=SAMPLINGS[0])
    engine.ask(question, ends.append)
    engine.ask(replace(question, constraint=Broken()), ends.append)
    while engine.step():
        pass
    assert [str(end) for end in ends if isinstance(end, ConfigError)] == ["it broke"]
    assert sum(isinstance(end, Completion) for end in ends) == 1
    assert engine.memory.blocks.used == 0


class Breaks:
    """A constraint that is not ours: `when` it is asked for that, it raises."""

    finished = False

    def __init__(self, when):
        self.when = when

    def matcher(self, tokenizer, ends):
        return self

    def mask(self):
        return torch.ones(TOKENS, dtype=torch.bool) if self._asked("mask") else None

    def take(self, id):
        self._asked("take")

    def copy(self):
        self._asked("copy")
        return self

    def forced(self):
        self._asked("forced")
        return b""

    def _asked(self, what):
        if what == self.when:
            raise ZeroDivisionError("its own fault")
        return True


@pytest.mark.parametrize("when", ["mask", "take", "copy", "forced"])
def test_whatever_a_constraint_raises_ends_no_other_answer(model, when):
    engine = Engine(model, replace(TIGHT, drafts=PromptLookup(shortest=1)))
    question = Question(ids=(65, 66, 65, 66, 65), sampling=SAMPLINGS[0])
    wanted = next(engine.answers([question]))
    ends, broken = [], []
    engine.ask(question, ends.append)
    engine.ask(replace(question, constraint=Breaks(when)), broken.append)
    while engine.step():
        pass
    assert ends[-1].ids == wanted.ids
    if when in ("mask", "take"):
        assert str(broken[-1]) == "the constraint broke: ZeroDivisionError: its own fault"
    else:  # then there are no drafts
        assert broken[-1].ids == wanted.ids


def test_a_constraint_that_breaks_leaves_what_is_known(model):
    engine = Engine(model, TIGHT)
    question = Question(ids=tuple(range(50, 90)), sampling=SAMPLINGS[0])
    next(engine.answers([question]))
    with pytest.raises(ConfigError, match="its own fault"):
        next(engine.answers([replace(question, ids=(1, 2, 3), constraint=Breaks("mask"))]))
    next(engine.answers([question]))
    assert engine.load.shared_tokens == 36


def _run(engine, most=1000):
    """Step until nothing is to do, which has to come."""
    for _ in range(most):
        if not engine.step():
            return
    pytest.fail(f"it is not done after {most} steps")


def test_a_prompt_may_fill_all_the_memory_there_is(model):
    engine = _with_blocks(model, 10, rows=1)
    full = Question(ids=tuple(range(40, 80)), sampling=SAMPLINGS[0])
    assert engine.memory.capacity == len(full.ids)
    heard = []
    engine.ask(full, heard.append)
    engine.ask(replace(full, ids=full.ids[:-1]), heard.append)
    _run(engine)
    found = [end.ids for end in heard if isinstance(end, Completion)]
    wanted = _by_index(Engine(model, TIGHT).answers([full, replace(full, ids=full.ids[:-1])]))
    assert found == [wanted[0].ids[:1], wanted[1].ids[:2]]


def test_what_a_broken_step_has_left_in_memory_changes_no_answer(any_model, monkeypatch):
    prompts, samplings = _mixed(6, seed=4)
    wanted = _by_index(Engine(any_model, TIGHT).generate(prompts, samplings))
    engine, heard = _with_blocks(any_model, 60), {i: [] for i in wanted}
    for i, sampling in enumerate(samplings):
        ids = tuple(any_model.encode_prompt(prompts[i]))
        engine.ask(Question(ids=ids, sampling=sampling), heard[i].append)
    network, steps = any_model.model, itertools.count()
    hidden = network.hidden

    def breaking(ids, state):
        read = hidden(ids, state)
        if next(steps) in (5, 20, 40, 41, 60):
            raise MemoryError("there is none left")
        return read

    monkeypatch.setattr(network, "hidden", breaking)
    broken = 0
    for _ in range(1000):
        try:
            if not engine.step():
                break
        except MemoryError:
            broken += 1
    assert broken == 5
    for i, (*_, end) in heard.items():
        _same(end, wanted[i])
    assert engine.memory.blocks.used == 0
    assert engine.load.prompt_tokens == sum(
        len(any_model.encode_prompt(prompt)) for prompt in prompts
    )


def test_whoever_is_put_off_in_a_broken_step_can_be_cancelled(model, monkeypatch):
    engine = _with_blocks(model, 12, rows=4)
    asked = [Question(ids=(65 + i,) * 9, sampling=Sampling(max_tokens=20)) for i in range(4)]
    make_room = engine.batch._make_room

    def breaking():
        make_room()
        if engine.load.put_off:
            raise MemoryError("there is none left")

    with monkeypatch.context() as patched:
        patched.setattr(engine.batch, "_make_room", breaking)
        with pytest.raises(MemoryError):
            list(engine.answers(asked))
    assert (engine.idle, engine.load.cancelled) == (True, 4)
    next(engine.answers(asked[:1]))  # with which nobody comes back
    assert (engine.idle, engine.memory.blocks.used, engine.load.finished) == (True, 0, 1)


def test_answers_may_be_cancelled_amid_a_step(any_model, monkeypatch):
    """As where an abandoned generator is collected while the model reads."""
    prompts, samplings = _mixed(4, seed=6)
    wanted = _by_index(Engine(any_model, TIGHT).generate(prompts, samplings))
    engine = _with_blocks(any_model, 60)
    short = Sampling(max_tokens=2)
    long = replace(short, max_tokens=90)
    abandoned = engine.generate(["ab", "cd", "ef" * 30], [short, long, long])
    next(abandoned)
    network, hidden = any_model.model, any_model.model.hidden

    def disturbed(ids, state):
        if engine.load.writing > 1:
            abandoned.close()
        return hidden(ids, state)

    monkeypatch.setattr(network, "hidden", disturbed)
    for completion in engine.generate(prompts, samplings):
        _same(completion, wanted[completion.index])
    assert (engine.idle, engine.memory.blocks.used) == (True, 0)
    assert engine.load.cancelled == 2


def test_whoever_hears_may_cancel_anyone_and_hears_no_more(model):
    sampling = Sampling(temperature=0.0, max_tokens=3, logprobs=1)
    engine = Engine(model, TIGHT)
    heard, rows = [[], [], []], []

    def ear(i):
        def hear(what):
            heard[i].append(what)
            if isinstance(what, Piece) and len(heard[i]) == 3:  # the last but its end
                for row in rows:
                    engine.cancel(row)

        return hear

    for i in range(3):
        question = Question(ids=(70 + i, 66), sampling=replace(sampling, max_tokens=3 + 9 * i))
        rows.append(engine.ask(question, ear(i)))
    while engine.step():
        pass
    assert all(isinstance(what, Piece) for said in heard for what in said)
    assert len(heard[0]) == 3
    assert (engine.idle, engine.memory.blocks.used) == (True, 0)
    load = engine.load
    assert load.finished + load.cancelled == 3


def test_whoever_hears_cannot_step(model):
    engine, heard = Engine(model, TIGHT), []

    def hear(what):
        heard.append(what)
        engine.step()

    engine.ask(Question(ids=(65, 66), sampling=SAMPLINGS[0]), hear)
    with pytest.raises(ModelError, match="cannot step"):
        _run(engine)
    assert isinstance(heard[0], Piece)


def test_a_bias_for_no_token_is_refused_before_it_reaches_others(model):
    engine = Engine(model, TIGHT)
    good = Question(ids=(65, 66), sampling=Sampling(bias=((TOKENS - 1, 1.0),)))
    bad = replace(good, sampling=Sampling(bias=((3, 1.0), (TOKENS, 1.0))))
    engine.ask(good, lambda _: None)
    for asked in (
        lambda: engine.ask(bad, lambda _: None),
        lambda: next(engine.answers([good, bad])),
    ):
        with pytest.raises(ConfigError, match=f"bias names token {TOKENS}; the vocabulary has"):
            asked()
    assert engine.load.asked == 1


def test_tokens_that_are_none_are_not_embedded(model):
    with pytest.raises(ModelError, match="token 999 is not in the vocabulary"):
        Engine(model, TIGHT).embed([(65,), (999,)])


def test_a_prompt_that_is_put_off_while_it_is_read_counts_once_and_shares_nothing(model):
    engine = _with_blocks(model, 10, chunk=1)
    heard = []
    urgent = Question(
        ids=(65, 66, 67, 68), sampling=Sampling(temperature=0.0, max_tokens=12), priority=-1
    )
    engine.ask(urgent, lambda _: None)
    for _ in range(4):
        engine.step()
    engine.ask(replace(urgent, ids=tuple(range(70, 94)), priority=0), heard.append)
    _run(engine)
    assert engine.load.put_off > 0
    assert isinstance(heard[-1], Completion)
    assert (engine.load.prompt_tokens, engine.load.shared_tokens) == (28, 0)
    assert {piece.shared for piece in heard[:-1]} == {0}


def test_other_weights_are_noticed_when_an_answer_begins():
    model = random_model("grouped")
    engine = Engine(model, TIGHT)
    asked = Question(ids=tuple(range(50, 90)), sampling=Sampling(temperature=0.0, max_tokens=40))
    before = next(engine.answers([asked]))
    running = []
    engine.ask(asked, running.append)
    while not engine.load.writing:
        engine.step()
    with torch.no_grad():
        for parameter in model.model.parameters():
            parameter.copy_(parameter.roll(1, 0))
    after = next(Engine(model, TIGHT).answers([asked]))
    assert after.ids != before.ids
    shared = engine.load.shared_tokens
    assert next(engine.answers([asked])) == after
    assert engine.load.shared_tokens == shared
    _run(engine)
    goes_on = replace(asked, ids=asked.ids + running[-1].ids[:1])
    assert running[-1].ids[1:] == next(Engine(model, TIGHT).answers([goes_on])).ids[:39]
    next(engine.answers([asked]))
    assert engine.load.shared_tokens == shared + 36


def test_several_threads_may_generate_at_once(model):
    prompts, samplings = _mixed(12, seed=8)
    wanted = _by_index(Engine(model, TIGHT).generate(prompts, samplings))
    engine, found = _with_blocks(model, 45), {}

    def generate(start):
        for completion in engine.generate(prompts[start::3], samplings[start::3]):
            found[start + 3 * completion.index] = completion

    threads = [threading.Thread(target=generate, args=(start,)) for start in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.keys() == wanted.keys()
    for i in wanted:
        _same(found[i], wanted[i])
    assert (engine.idle, engine.memory.blocks.used) == (True, 0)
