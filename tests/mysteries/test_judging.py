"""What a learner is told after an answer, and at the end."""

import pytest

from coursekit.errors import UnknownNameError
from coursekit.mysteries import Mystery, Plan, Verdict, draw, judge, line_to_copy, score_in_words
from coursekit.mysteries.causes import CAUSES, HEALTHY, HEALTHY_WORDS, words_of
from coursekit.mysteries.pool import Opened, stored
from coursekit.mysteries.tells import TELLS
from coursekit.mysteries.wording import two_digits

MYSTERIES = tuple(one for seed in range(8) for one in draw(Plan(seed=seed)))


def letter_of(mystery: Mystery, words: str) -> str:
    return next(letter for letter, text in mystery.options.items() if text == words)


def right_answer(mystery: Mystery) -> str:
    return letter_of(mystery, words_of(stored().opened(mystery.name).answer))


def first_that_is(*, healthy: bool) -> tuple[Mystery, Opened]:
    pairs = ((one, stored().opened(one.name)) for one in MYSTERIES)
    return next((one, run) for one, run in pairs if run.healthy == healthy)


def wrong_cause(mystery: Mystery, run: Opened) -> str:
    """A letter of a cause that is neither the run's nor its brothers'."""
    return next(
        letter for letter, words in mystery.options.items()
        if words not in (HEALTHY_WORDS, words_of(run.cause))
    )  # fmt: skip


def answered(right: int, wrong: int) -> list[Verdict]:
    """So many right and wrong answers, whatever they were."""
    verdicts = [judge(one, right_answer(one)) for one in MYSTERIES[:right]]
    for one in MYSTERIES[right : right + wrong]:
        letter = next(letter for letter in one.options if letter != right_answer(one))
        verdicts.append(judge(one, letter))
    return verdicts


@pytest.mark.parametrize("mystery", MYSTERIES, ids=lambda one: one.name)
def test_exactly_one_letter_is_right(mystery: Mystery) -> None:
    right = [letter for letter in mystery.options if judge(mystery, letter).right]
    assert right == [right_answer(mystery)]


@pytest.mark.parametrize("mystery", MYSTERIES, ids=lambda one: one.name)
def test_the_verdict_names_the_measurement_here_and_in_the_run_beside(mystery: Mystery) -> None:
    run = stored().opened(mystery.name)
    reading = TELLS[run.case].reading
    verdict = judge(mystery, "A")
    here, there = (reading.of(sheet) for sheet in (mystery.sheet, verdict.beside))
    assert verdict.measured.startswith(f"{reading.words}: {two_digits(here)} here, ")
    assert f", {two_digits(there)} in a " in verdict.measured
    assert TELLS[run.case].met(mystery.sheet) != TELLS[run.case].met(verdict.beside)


def test_a_broken_run_is_explained() -> None:
    mystery, run = first_that_is(healthy=False)
    for letter in mystery.options:
        verdict = judge(mystery, letter)
        assert verdict.why == TELLS[run.case].why
        assert "in a healthy run like it." in verdict.measured
        assert verdict.lesson == CAUSES[run.cause].lesson


def test_a_healthy_run_is_set_beside_one_with_the_fault() -> None:
    mystery, run = first_that_is(healthy=True)
    verdict = judge(mystery, right_answer(mystery))
    assert verdict.right
    assert verdict.why == ""
    words = words_of(run.cause)
    assert f"a fault ({words[0].lower()}{words[1:]})." in verdict.measured


@pytest.mark.parametrize("healthy", [True, False])
def test_a_cause_named_in_vain_is_said_where_it_would_show(healthy: bool) -> None:
    mystery, run = first_that_is(healthy=healthy)
    letter = wrong_cause(mystery, run)
    verdict = judge(mystery, letter)
    named = next(c for c in CAUSES.values() if c.words == mystery.options[letter])
    readings = [tell.reading.words for tell in TELLS.values() if tell.cause == named.name]
    assert verdict.doubt.startswith("What you named would show elsewhere. ")
    assert any(words in verdict.doubt for words in readings)
    assert judge(mystery, right_answer(mystery)).doubt == ""


def test_after_a_healthy_run_the_lesson_is_that_of_what_was_seen_in_vain() -> None:
    mystery, run = first_that_is(healthy=True)
    letter = wrong_cause(mystery, run)
    named = next(c for c in CAUSES.values() if c.words == mystery.options[letter])
    assert judge(mystery, letter).lesson == named.lesson


def test_the_sentences_begin_with_right_or_not_so_and_the_answer() -> None:
    mystery, run = first_that_is(healthy=False)
    right = right_answer(mystery)
    said = judge(mystery, right).sentences()
    told = f"{right}: {words_of(run.answer)}."
    assert said[0] == f"Right. It is {told}"
    missed = judge(mystery, "E").sentences()[0]
    assert missed == f"Not so, it is {told} You answered: {mystery.options['E']}."
    assert all(sentence.endswith(".") for sentence in said)


def test_a_letter_that_is_none_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"No letter 'F'\. Letters: A, B, C, D, E\."):
        judge(MYSTERIES[0], "F")


def test_the_score_counts_and_says_how_good_healthy_was() -> None:
    verdicts = answered(8, 2)
    sick = [verdict for verdict in verdicts if verdict.chosen == HEALTHY]
    right = sum(verdict.right for verdict in sick)
    head, *misses = score_in_words(verdicts, of=10)
    assert head.startswith("8 of 10; ")
    assert sick
    assert f"when you said healthy, right {right} of {len(sick)}." in head
    assert len(misses) == 2
    for line, verdict in zip(misses, verdicts[8:], strict=True):
        assert line.startswith(f"Mystery {verdict.number} was: {words_of(verdict.answer)}.")
        assert f"Read again: lesson {verdict.lesson}, " in line


def test_healthy_said_of_a_broken_run_is_not_right() -> None:
    pairs = [first_that_is(healthy=healthy)[0] for healthy in (True, False)]
    verdicts = [judge(one, letter_of(one, HEALTHY_WORDS)) for one in pairs]
    head, miss = score_in_words(verdicts, of=2)
    assert head == "1 of 2; when you said healthy, right 1 of 2."
    assert f"Mystery {pairs[1].number} was: " in miss


def test_the_score_of_a_quiz_that_was_left() -> None:
    verdicts = [judge(*pair) for pair in [(first_that_is(healthy=False)[0], "A")]]
    assert (
        "of 1 answered (10 were drawn); you never said healthy."
        in (score_in_words(verdicts, of=10)[0])
    )
    assert score_in_words([], of=10) == ("No run was answered.",)


def all_said(plan: Plan, says: str) -> list[Verdict]:
    """Every run answered by its cause, by healthy, or by a cause that is not there."""
    verdicts = []
    for one in draw(plan):
        run = stored().opened(one.name)
        healthy = letter_of(one, HEALTHY_WORDS)
        letters = {"right": right_answer(one), "healthy": healthy, "ill": wrong_cause(one, run)}
        verdicts.append(judge(one, letters[says]))
    return verdicts


@pytest.mark.parametrize(
    ("says", "counts"),
    [
        ("right", "causes 8 of 8, healthy called ill 0 of 2, ill called healthy 0 of 8"),
        ("healthy", "causes 0 of 8, healthy called ill 0 of 2, ill called healthy 8 of 8"),
        ("ill", "causes 0 of 8, healthy called ill 2 of 2, ill called healthy 0 of 8"),
    ],
)
def test_the_line_to_copy_has_the_three_counts(says: str, counts: str) -> None:
    plan = Plan(seed=11, only="04,01", half="A")
    line = line_to_copy(plan, all_said(plan, says), of=10)
    assert line == f"seed 11, lessons 01+04, half A: {counts}"


@pytest.mark.parametrize(
    ("plan", "head"),
    [
        (Plan(seed=3), "seed 3, all lessons: causes "),
        (Plan(seed=3, lessons="03"), "seed 3, up to 03: causes "),
        (Plan(seed=3, lessons="03", half="B"), "seed 3, up to 03, half B: causes "),
    ],
)
def test_the_line_to_copy_says_what_was_asked(plan: Plan, head: str) -> None:
    assert line_to_copy(plan, all_said(plan, "right"), of=10).startswith(head)


def test_the_line_of_a_quiz_that_was_left_says_so_and_of_no_answer_there_is_none() -> None:
    plan = Plan(seed=3)
    line = line_to_copy(plan, all_said(plan, "right")[:6], of=10)
    assert line.endswith(", answered 6 of 10")
    assert line_to_copy(plan, [], of=10) == ""
