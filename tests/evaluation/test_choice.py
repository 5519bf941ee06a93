import math

import pytest

from practicum.decoding.language_model import LanguageModel
from practicum.errors import DataError
from practicum.evaluation.choice import Partial, PerByte, Question, Whole, accuracy, judge
from practicum.evaluation.zero_shot import zero_shot

TROPHY = Question(
    prefix="The trophy does not fit into the suitcase because the ",
    candidates=("trophy", "suitcase"),
    rest=" is too large.",
    answer=0,
)


def test_the_whole_is_candidate_and_rest_after_the_prefix(told):
    scorer = told(lambda context, text: -float(len(text)))
    (judgement,) = judge(scorer, [TROPHY], Whole())
    context = "The trophy does not fit into the suitcase because the"
    assert scorer.pairs == [
        (context, " trophy is too large."),  # the space went over to the word
        (context, " suitcase is too large."),
    ]
    assert judgement.scores == (-21.0, -23.0)
    assert judgement.choice == 0
    assert judgement.correct is True


def test_the_whole_of_a_cloze_is_the_product_of_its_halves(uniform, uniform_tokenizer):
    lm = LanguageModel(uniform[0], uniform_tokenizer)
    question = Question(prefix="It was", candidates=(" the", " a"), rest=" best")
    (judgement,) = judge(lm, [question])
    for candidate, score in zip(question.candidates, judgement.scores, strict=True):
        first, rest = lm.loglikelihood([("It was", candidate), (f"It was{candidate}", " best")])
        assert score == pytest.approx(first.total + rest.total, abs=1e-4)


def test_per_byte_divides_by_bytes_of_what_was_asked_for(told):
    scorer = told(lambda context, text: -6.0)
    question = Question(prefix="x", candidates=("é", "abcd"), rest="!")
    (judgement,) = judge(scorer, [question], PerByte())
    assert judgement.scores == (-6.0 / 3, -6.0 / 5)
    assert judgement.choice == 1


def test_partial_scoring_leaves_the_candidate_out(told):
    scorer = told()
    (judgement,) = judge(scorer, [TROPHY], Partial())
    context = "The trophy does not fit into the suitcase because the "
    assert scorer.pairs == [
        (context + "trophy", " is too large."),
        (context + "suitcase", " is too large."),
    ]
    assert judgement.choice == 0  # of equals the first
    with pytest.raises(DataError, match="partial scoring needs a text after the candidate"):
        judge(scorer, [Question(prefix="x", candidates=("a", "b"))], Partial())


def test_accuracy_counts_the_questions_with_a_known_answer(told):
    scorer = told(lambda context, text: -float(len(text)))
    questions = [
        Question(prefix="a", candidates=("long", "s"), answer=1),
        Question(prefix="b", candidates=("long", "s"), answer=0),
        Question(prefix="c", candidates=("long", "s")),
    ]
    judgements = judge(scorer, questions)
    assert accuracy(judgements) == 0.5
    assert judgements[2].correct is None
    with pytest.raises(DataError, match="no question has an answer"):
        accuracy(judgements[2:])


@pytest.mark.parametrize(
    ("candidates", "answer", "message"),
    [
        (("one",), None, "expected at least two"),
        (("one", ""), None, "none of them empty"),
        (("one", "two"), 2, "counted from 0 to 1"),
    ],
)
def test_an_impossible_question_is_refused(candidates, answer, message):
    with pytest.raises(DataError, match=message):
        Question(prefix="x", candidates=candidates, answer=answer)


def test_zero_shot_puts_accuracy_guessing_and_contamination_together(told):
    scorer = told(lambda context, text: -float(len(text)))
    questions = [
        Question(prefix="one two three four five six seven", candidates=(" eight", " nothing"),
                 answer=0),
        Question(prefix="?", candidates=(" a", " bb", " ccc", " dddd")),
    ]  # fmt: skip
    result = zero_shot(
        scorer, questions, training_text=["zero one two three four five six seven eight"]
    )
    assert result.accuracy == 1.0
    assert result.guessing == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert result.contamination is not None
    assert result.contamination.percent == 100.0
    assert [len(j.scores) for j in result.judgements] == [2, 4]
    blind = zero_shot(scorer, questions[1:])
    assert (blind.accuracy, blind.contamination) == (None, None)
    with pytest.raises(DataError, match="no questions"):
        zero_shot(scorer, [])


def test_scores_are_log_probabilities(uniform, uniform_tokenizer):
    model, per_token = uniform
    result = zero_shot(LanguageModel(model, uniform_tokenizer), [TROPHY])
    for candidate, score in zip(TROPHY.candidates, result.judgements[0].scores, strict=True):
        assert score <= -per_token
        assert math.isfinite(score), candidate
