from practicum.data.word_tasks import word_tasks


def test_every_task_has_forty_words_or_more_with_their_answers():
    for task in word_tasks():
        words = [word for word, _ in task.pairs]
        assert len(set(words)) == len(words) >= 40
        assert all(word and answer and word != answer for word, answer in task.pairs)


def test_pairs_are_of_the_kind_that_the_task_says():
    capitals, plurals, opposites = word_tasks()
    assert all(answer == word.upper() for word, answer in capitals.pairs)
    assert ("bear", "bears") in plurals.pairs
    assert opposites.name == "opposites"
    assert not {word for word, _ in opposites.pairs} & {answer for _, answer in opposites.pairs}
