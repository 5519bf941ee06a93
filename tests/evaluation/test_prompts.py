import pytest

from practicum.evaluation.prompts import (
    Turn,
    answer_questions,
    converse,
    first_sentences,
    summarise,
    translate,
)


def test_a_summary_is_three_sentences_after_tldr(told):
    scorer = told(answer=lambda prompt, sampling: f" {prompt[0]} one. Two! Three? Four.")
    assert summarise(scorer, ["Long text. ", "Other\n"]) == [
        "L one. Two! Three?",
        "O one. Two! Three?",
    ]
    assert scorer.prompts == ["Long text.\nTL;DR:", "Other\nTL;DR:"]
    (sampling,) = scorer.samplings
    assert (sampling.top_k, sampling.max_tokens) == (2, 100)


def test_a_translation_follows_pairs_and_is_one_sentence(told):
    scorer = told(answer=lambda prompt, sampling: " le chien. un chat = a cat")
    assert translate(scorer, [("a", "un")], ["the dog", "dog"]) == ["le chien."] * 2
    assert scorer.prompts == ["a = un\nthe dog =", "a = un\ndog ="]
    assert scorer.samplings[0].temperature == 0.0
    assert scorer.samplings[0].stop == ("\n",)


def test_an_answer_follows_answered_questions(told):
    scorer = told(answer=lambda prompt, sampling: " 1066 ")
    assert answer_questions(scorer, [("Who?", "I")], ["When?"]) == ["1066"]
    assert scorer.prompts == ["Q: Who?\nA: I\n\nQ: When?\nA:"]


def test_a_conversation_is_document_turns_and_question(told):
    scorer = told(answer=lambda prompt, sampling: " yes")
    assert converse(scorer, "Text.\n", [Turn(question="A?", answer="b")], "C?") == "yes"
    assert scorer.prompts == ["Text.\n\nQ: A?\nA: b\nQ: C?\nA:"]


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        ("One. Two. Three.", 2, "One. Two."),
        ("No end", 3, "No end"),
        ('He said "no." Then left.', 1, 'He said "no."'),
        ("3.5 is more. Yes", 1, "3.5 is more."),
        ("これ。それ。", 1, "これ。"),
        ("A line\nanother", 1, "A line"),
        ("", 2, ""),
        ("Wait… what?! Yes.", 2, "Wait… what?!"),
    ],
)
def test_the_first_sentences_of_a_text(text, count, expected):
    assert first_sentences(text, count) == expected
