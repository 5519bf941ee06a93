from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from practicum.decoding.chooser import Chooser
from practicum.decoding.sampling import LIKELIEST, Sampling, draw, filtered, keep_top_p, uniforms
from practicum.decoding.spoken import Spoken
from practicum.errors import ConfigError
from practicum.seeding import stream

ROWS, VOCABULARY = 4, 50


@pytest.fixture
def logits():
    return 3 * torch.randn(ROWS, VOCABULARY, generator=stream(0, "logits"))


@pytest.fixture
def prompts():
    ids = torch.randint(VOCABULARY, (ROWS, 9), generator=stream(0, "prompts"))
    return ids.tolist()


def _spoken(prompts, answers=None):
    return Spoken(prompts, VOCABULARY, torch.device("cpu"), answers)


SETTINGS = {
    "plain": Sampling(),
    "temperature": Sampling(temperature=0.7),
    "top-k": Sampling(top_k=5),
    "top-k beyond the vocabulary": Sampling(top_k=1000),
    "top-p": Sampling(top_p=0.8),
    "tiny top-p": Sampling(top_p=1e-6),
    "min-p": Sampling(min_p=0.1),
    "min-p 1": Sampling(min_p=1.0),
    "bias": Sampling(bias=((3, 4.5), (7, -100.0))),
    "penalty": Sampling(repetition_penalty=1.3),
    "all": Sampling(temperature=1.4, top_k=20, top_p=0.9, min_p=0.02, repetition_penalty=1.2),
}


@pytest.mark.parametrize("sampling", SETTINGS.values(), ids=SETTINGS.keys())
def test_logits_are_those_of_transformers_processors(sampling, logits, prompts):
    from transformers import GenerationConfig
    from transformers.generation import utils

    config = GenerationConfig(
        do_sample=True,
        temperature=sampling.temperature,
        top_k=sampling.top_k or 0,
        top_p=1.0 if sampling.top_p is None else sampling.top_p,
        min_p=sampling.min_p,
        repetition_penalty=sampling.repetition_penalty,
        sequence_bias={(id,): more for id, more in sampling.bias} or None,
        num_beams=1,
        max_new_tokens=1,
    )
    processors = utils.GenerationMixin._get_logits_processor(_Host(), config, 9)
    theirs = processors(torch.tensor(prompts), logits.clone())
    torch.testing.assert_close(filtered(logits, sampling, _spoken(prompts)), theirs)


class _Host:
    """The little that the peer's choice of processors asks of its model."""

    config = SimpleNamespace(is_encoder_decoder=False)

    def __getattr__(self, name):
        return None

    def _merge_criteria_processor_list(self, default, given):
        return default


@pytest.mark.parametrize("sampling", SETTINGS.values(), ids=SETTINGS.keys())
def test_the_likeliest_token_survives_every_filter(sampling, logits, prompts):
    left = filtered(logits, sampling, _spoken(prompts))
    assert left.isfinite().any(-1).all()
    assert not left.isnan().any()


@pytest.mark.parametrize("spread", [0.01, 1.0, 4.0])
@pytest.mark.parametrize("p", [1e-6, 0.5, 0.9, 0.999])
def test_the_fewest_tokens_that_reach_the_mass_stay_however_many_they_are(spread, p):
    logits = spread * torch.randn(3, 4 * LIKELIEST, generator=stream(2, "logits"))
    left = keep_top_p(logits, p).isfinite()
    for row, kept in zip(logits.double().softmax(-1), left, strict=True):
        mass = row[kept]
        assert len(mass) == 1 or mass.sum() - mass.min() < p + 1e-5
        assert mass.sum() > p - 1e-5  # cumulated in float32
        assert kept.all() or mass.min() >= row[~kept].max()


def test_what_was_said_is_less_likely_each_time_and_the_prompt_does_not_count(logits, prompts):
    answers = [[3, 3, 8], [], [1], [2, 2]]
    sampling = Sampling(frequency_penalty=0.5, presence_penalty=0.25, temperature=0)
    less = logits - filtered(logits, sampling, _spoken(prompts, answers))
    expected = torch.zeros(ROWS, VOCABULARY)
    expected[0, 3], expected[0, 8], expected[2, 1], expected[3, 2] = 1.25, 0.75, 0.75, 1.25
    torch.testing.assert_close(less, expected, atol=1e-5, rtol=0)


def test_a_chooser_counts_what_it_has_chosen():
    flat = torch.zeros(1, 4)
    chooser = Chooser([Sampling(temperature=0, presence_penalty=1.0)], [[0]], 4, flat.device)
    assert [chooser.choose(flat)[1][0].id for _ in range(4)] == [0, 1, 2, 3]


def test_a_bias_on_a_token_that_is_none_is_refused(logits):
    with pytest.raises(ConfigError, match=f"bias names token 99.*0 to {VOCABULARY - 1}"):
        filtered(logits, Sampling(bias=((99, 1.0),)))


def test_draws_follow_the_distribution():
    probabilities = torch.tensor([[0.5, 0.0, 0.3, 0.2]])
    count = 20_000
    u = torch.rand(count, generator=stream(1, "u"), dtype=torch.float64)
    drawn = draw(probabilities.log().expand(count, 4), u)
    share = drawn.bincount(minlength=4) / count
    # four standard deviations of a share near one half
    torch.testing.assert_close(share, probabilities[0], atol=4 * 0.5 / count**0.5, rtol=0)
    assert share[1] == 0


@settings(deadline=None)
@given(st.floats(0, 1, exclude_max=True), st.lists(st.booleans(), min_size=1, max_size=8))
def test_a_token_without_mass_is_never_drawn(u, possible):
    possible = [True, *possible]
    logits = torch.tensor([[0.0 if p else -torch.inf for p in possible]])
    for row in (logits, logits.flip(-1)):
        token = draw(row, torch.tensor([u], dtype=torch.float64))
        assert row[0, token].isfinite()


@settings(deadline=None)
@given(st.integers(0, 2**40), st.integers(1, 40), st.integers(0, 60))
def test_more_numbers_do_not_change_the_first(seed, few, more):
    first = uniforms(Sampling(seed=seed), few)
    assert torch.equal(uniforms(Sampling(seed=seed), few + more)[:few], first)


def test_a_row_draws_the_same_in_any_company(logits, prompts):
    samplings = [
        Sampling(seed=5, temperature=0.8),
        Sampling(seed=6, temperature=0.0),
        Sampling(seed=5, temperature=0.8, top_k=3, logprobs=2),
        Sampling(seed=7, repetition_penalty=1.5),
    ]
    together = Chooser(samplings, prompts, VOCABULARY, logits.device)
    steps = [together.choose(logits)[0].tolist() for _ in range(6)]
    for row, sampling in enumerate(samplings):
        alone = Chooser([sampling], [prompts[row]], VOCABULARY, logits.device)
        ids = [alone.choose(logits[row : row + 1])[0].item() for _ in range(6)]
        assert ids == [step[row] for step in steps]


def test_selected_rows_go_on_as_they_would_have(logits, prompts):
    samplings = [Sampling(seed=s, repetition_penalty=1.1) for s in range(ROWS)]
    whole, fewer = (Chooser(samplings, prompts, VOCABULARY, logits.device) for _ in range(2))
    whole.choose(logits)
    fewer.choose(logits)
    fewer.select([3, 1])
    for _ in range(4):
        expected = whole.choose(logits)[0][[3, 1]]
        assert torch.equal(fewer.choose(logits[[3, 1]])[0], expected)


def test_log_probabilities_are_those_of_the_unmodified_distribution(logits, prompts):
    samplings = [Sampling(temperature=0.3, top_k=2, logprobs=n) for n in (0, 1, 3)] + [Sampling()]
    _, choices = Chooser(samplings, prompts, VOCABULARY, logits.device).choose(logits)
    expected = logits.log_softmax(-1)
    for row, choice in enumerate(choices[:3]):
        assert choice.logprob == pytest.approx(expected[row, choice.id].item())
    assert [len(choice.top) for choice in choices] == [0, 1, 3, 0]
    best = expected[2].topk(3)
    assert [token for token, _ in choices[2].top] == best.indices.tolist()
    assert [logprob for _, logprob in choices[2].top] == pytest.approx(best.values.tolist())
    assert choices[3].logprob is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", -1.0),
        ("top_k", 0),
        ("top_p", 0.0),
        ("top_p", 1.5),
        ("min_p", -0.1),
        ("repetition_penalty", 0.0),
        ("frequency_penalty", float("inf")),
        ("presence_penalty", float("nan")),
        ("bias", ((-1, 1.0),)),
        ("bias", ((1, float("nan")),)),
        ("max_tokens", 0),
        ("stop", ("",)),
        ("logprobs", -1),
    ],
)
def test_a_value_out_of_range_is_named_with_what_it_must_be(field, value):
    with pytest.raises(ConfigError, match=f"{field} is .*; it must be"):
        Sampling(**{field: value})


def test_not_a_number_is_no_temperature():
    with pytest.raises(ConfigError, match="temperature is nan"):
        Sampling(temperature=float("nan"))
