"""Extractive QA: gold spans survive tokenisation, windows are complete, and the best span wins."""

import json
import logging
from dataclasses import replace
from unicodedata import normalize

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from ds_stilts.errors import DataError
from ds_stilts.formats.base import Limits
from ds_stilts.formats.encoding import read_template, tokenise
from ds_stilts.formats.span_qa import FORMAT, MAX_ANSWER_TOKENS, NUM_CANDIDATES
from ds_stilts.tasks.examples import Answer, QuestionExample

CONTEXT = "the cat sat on the mat in Paris. in 1998 the cats sat."
LONG = " ".join(f"{word}{i}" for i, word in enumerate(["cat", "mat", "sat", "the"] * 30))


def question(answer="Paris", context=CONTEXT, id="q1", question="  where?", start=None):
    answers = () if answer is None else (Answer(text=answer, start=context.index(answer) if start is None else start),)
    return QuestionExample(id=id, question=question, context=context, answers=answers)


@pytest.fixture
def task(make_task):
    return make_task("span_qa", metrics=("f1", "exact_match"), max_tokens=384)


def encode(examples, task, tokenizer, training, **limits):
    return list(FORMAT.encode(examples, task, tokenizer, Limits(**{"max_tokens": 384, **limits}), training=training))


def reduce(logits, task):
    """Candidates of windows from one [rows, 2] tensor each."""
    return FORMAT.reduce(torch.cat(logits), torch.tensor([len(part) for part in logits]), task)


def decode(example, sequences, logits, task):
    found = FORMAT.decode(example, list(zip(sequences, reduce(logits, task), strict=True)), task)
    return json.loads(found.prediction), found.score


def pointing(sequence, start, end, height=5.0):
    logits = torch.zeros(len(sequence.rows), 2)
    logits[start, 0] = logits[end, 1] = height
    return logits


def test_a_sequence_is_question_then_context_and_every_token_is_a_row(task, tokenizer):
    (sequence,) = encode([question()], task, tokenizer, training=False)
    assert sequence.ids == tokenizer("where?", CONTEXT)["input_ids"]
    assert len(sequence.info) == 2 * len(sequence.rows)
    assert sequence.rows[0] == read_template(tokenizer).summary(len(sequence.ids))
    characters = np.array(sequence.info).reshape(-1, 2)[np.argsort(sequence.rows)]
    assert sorted(sequence.rows) == list(range(len(sequence.ids)))
    assert (characters[: sequence.second] == -1).all() and (characters[-1] == -1).all()
    assert (characters[sequence.second : -1] >= 0).all()


def test_windows_are_those_of_transformers_with_the_same_stride(task, tokenizer):
    sequences = encode(
        [question(answer=None, context=LONG)], task, tokenizer, training=False, max_tokens=64, doc_stride=9
    )
    oracle = tokenizer(
        "where?", LONG, truncation="only_second", max_length=64, stride=9, return_overflowing_tokens=True
    )["input_ids"]
    assert len(oracle) > 3 and [s.ids for s in sequences] == oracle


def test_a_question_is_cut_and_the_context_keeps_its_place(task, tiny_tokenizer):
    asked = question(question="xyz " * 200, context=LONG, answer="cat0")
    for max_tokens, longest in [(384, 64), (64, 21)]:
        sequences = encode([asked], task, tiny_tokenizer, training=False, max_tokens=max_tokens)
        assert all(
            s.ids[1 : 1 + longest] == tokenise(tiny_tokenizer, [asked.question.lstrip()])[0][:longest]
            for s in sequences
        )
        assert all(s.second == longest + 3 and len(s.ids) <= max_tokens for s in sequences)
        last = max(character for s in sequences for character in s.info)
        assert last == len(LONG)


@pytest.mark.parametrize("answer", ["Paris", "the cat sat", "1998", "sat.", "Par", "at on th", " Paris", "cats sat."])
def test_the_gold_span_covers_the_answer_and_no_more_than_its_tokens(answer, task, tokenizer):
    example = question(answer)
    (trained,) = encode([example], task, tokenizer, training=True)
    (scored,) = encode([example], task, tokenizer, training=False)
    start, end = trained.targets
    text = CONTEXT[scored.info[2 * start] : scored.info[2 * end + 1]]
    assert answer.strip() in text
    assert trained.ids == scored.ids and trained.info == [] and scored.targets == []
    if start < end:  # one token less on either side no longer covers it
        assert answer.strip() not in CONTEXT[scored.info[2 * start + 2] : scored.info[2 * end + 1]]
        assert answer.strip() not in CONTEXT[scored.info[2 * start] : scored.info[2 * end - 1]]


@pytest.mark.parametrize("answer", ["서울은", "부산", "Hà Nội", "ガ", "ｶﾞ"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_an_answer_is_whole_in_whatever_characters_its_letters_are_written(form, answer, task, tokenizer):
    answer = answer if answer == "ｶﾞ" else normalize(form, answer)
    example = question(answer, context=f"the {answer} on {answer}{normalize(form, '다')}")
    (trained,) = encode([example], task, tokenizer, training=True)
    (scored,) = encode([example], task, tokenizer, training=False)
    assert decode(example, [scored], [pointing(scored, *trained.targets)], task)[0] == answer


def test_an_answer_without_a_token_is_named(task, tiny_tokenizer):
    with pytest.raises(DataError, match=r"question 'q1': the answer ' ' at character 3 has no token"):
        encode([question(" ", start=3)], task, tiny_tokenizer, training=True)


def test_windows_without_the_whole_answer_are_kept_and_point_at_the_first_row(task, tokenizer):
    sequences = encode([question("mat41", context=LONG)], task, tokenizer, training=True, max_tokens=64, doc_stride=8)
    told = [s for s in sequences if s.targets != [0, 0]]
    assert len(sequences) > 5 and 1 <= len(told) < len(sequences)
    (gold,) = tokenise(tokenizer, ["mat41"])
    for s in told:
        start, end = (s.rows[row] for row in s.targets)
        assert tokenizer.decode(s.ids[start : end + 1]).replace(" ", "") == tokenizer.decode(gold).replace(" ", "")


def test_questions_without_gold_are_scored_but_not_trained(task, tiny_tokenizer):
    examples = [question(), question(answer=None), question("cats")]
    assert [s.example for s in encode(examples, task, tiny_tokenizer, training=True)] == [0, 2]
    assert [s.example for s in encode(examples, task, tiny_tokenizer, training=False)] == [0, 1, 2]


def test_the_loss_is_the_mean_of_start_and_end_summed_over_windows(task):
    torch.manual_seed(0)
    counts, targets = [4, 7, 2], torch.tensor([1, 3, 0, 0, 0, 1])
    logits = torch.randn(13, 2, requires_grad=True)
    parts = zip(logits.split(counts), targets.reshape(-1, 2), strict=True)
    expected = sum((cross_entropy(l[:, 0], t[0]) + cross_entropy(l[:, 1], t[1])) / 2 for l, t in parts)  # noqa: E741
    loss = FORMAT.loss(logits, targets, torch.tensor(counts), task)
    assert torch.allclose(loss, expected)
    (gradient,), (wanted,) = torch.autograd.grad(loss, logits), torch.autograd.grad(expected, logits)
    assert torch.allclose(gradient, wanted, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.integers(0, 9999))
def test_candidates_of_a_window_do_not_depend_on_its_batch(counts, seed):
    generator = torch.Generator().manual_seed(seed)
    parts = [torch.randint(-3, 4, (n, 2), generator=generator).bfloat16() for n in counts]  # many ties
    for together, part in zip(reduce(parts, None), parts, strict=True):
        (alone,) = reduce([part], None)
        for name in ("starts", "start_logits", "ends", "end_logits"):
            assert np.array_equal(getattr(together, name), getattr(alone, name))
        assert together.nothing == alone.nothing == part[0].double().sum()
        order = np.argsort(-part[:, 0].float().numpy(), kind="stable")[:NUM_CANDIDATES]
        assert np.array_equal(together.starts, order)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 9999))
def test_the_best_span_is_that_of_a_search_over_all_pairs(seed, task, tiny_tokenizer):
    example = question(context=LONG, answer="cat0")
    sequences = encode([example], task, tiny_tokenizer, training=False, max_tokens=64, doc_stride=8)
    generator = torch.Generator().manual_seed(seed)
    logits = [torch.randn(len(s.rows), 2, generator=generator) for s in sequences]
    best, answer = float("-inf"), ""
    spans: dict[tuple[int, int], float] = {}
    for s, part in zip(sequences, logits, strict=True):
        starts, ends = (part[:, side].argsort(descending=True)[:NUM_CANDIDATES].tolist() for side in (0, 1))
        for start in starts:
            for end in ends:
                score = part[start, 0].item() + part[end, 1].item()
                first, last = s.info[2 * start], s.info[2 * end + 1]
                if 0 <= first < last and start <= end < start + MAX_ANSWER_TOKENS:
                    spans[first, last] = max(score, spans.get((first, last), float("-inf")))
                    if score > best:
                        best, answer = score, LONG[first:last]
    assert decode(example, sequences, logits, task) == (answer, pytest.approx(best))
    first, second = sorted(spans.values())[:-3:-1]
    found = FORMAT.decode(example, list(zip(sequences, reduce(logits, task), strict=True)), task)
    assert found.margin == pytest.approx(first - second, abs=1e-6)


def test_the_answer_is_read_from_the_best_window(task, tokenizer):
    example = question("mat41", context=LONG)
    scored = encode([example], task, tokenizer, training=False, max_tokens=64, doc_stride=8)
    trained = encode([example], task, tokenizer, training=True, max_tokens=64, doc_stride=8)
    right = next(i for i, s in enumerate(trained) if s.targets != [0, 0])
    logits = [pointing(s, s.second + 2, s.second + 4, height=1.0) for s in scored]
    logits[right] = pointing(scored[right], *trained[right].targets)
    assert decode(example, scored, logits, task) == ("mat41", 10.0)


def test_question_special_tokens_backward_and_overlong_spans_are_never_the_answer(task, tiny_tokenizer):
    (sequence,) = encode([question(context=LONG, answer="cat0")], task, tiny_tokenizer, training=False)
    first, last = sequence.second, len(sequence.ids) - 2
    for start, end in [
        (0, 0),
        (1, first + 3),
        (last, last + 1),
        (first + 9, first + 2),
        (first, first + MAX_ANSWER_TOKENS),
    ]:
        logits = pointing(sequence, start, end)
        logits[first + 5, 0], logits[first + 7, 1] = 1.0, 1.0
        text, score = decode(question(context=LONG, answer="cat0"), [sequence], [logits], task)
        assert score < 10 and text != "" and len(tokenise(tiny_tokenizer, [text])[0]) <= MAX_ANSWER_TOKENS
    longest = pointing(sequence, first, first + MAX_ANSWER_TOKENS - 1)
    assert decode(question(context=LONG, answer="cat0"), [sequence], [longest], task)[1] == 10.0


def test_ties_go_to_the_earlier_window_then_the_earlier_start_then_the_shorter_span(task, tiny_tokenizer):
    example = question(answer=None, context=LONG)
    sequences = encode([example], task, tiny_tokenizer, training=False, max_tokens=64, doc_stride=8)
    logits = [torch.zeros(len(s.rows), 2) for s in sequences]
    for s, part in zip(sequences, logits, strict=True):
        part[[s.second + 2, s.second + 9], 0] = 2.0
        part[[s.second + 4, s.second + 11], 1] = 2.0
    info = sequences[0].info
    first, last = sequences[0].second + 2, sequences[0].second + 4
    assert decode(example, sequences, logits, task) == (LONG[info[2 * first] : info[2 * last + 1]], 4.0)


def test_no_candidate_inside_the_context_gives_an_empty_answer(task, tiny_tokenizer):
    example = question(question="x" * 40)
    (sequence,) = encode([example], task, tiny_tokenizer, training=False)
    logits = torch.zeros(len(sequence.rows), 2)
    logits[:NUM_CANDIDATES] = 3.0
    assert decode(example, [sequence], [logits], task) == ("", 0.0)


def test_scores_take_the_best_gold_and_skip_questions_without_any_aloud(task, caplog):
    rows = [
        {"id": "1", "gold": ["Paris", "the city of Paris"], "prediction": "city of Paris"},
        {"id": "2", "gold": ["Rome"], "prediction": "in Rome"},
        {"id": "3", "gold": None, "prediction": "x"},
    ]
    with caplog.at_level(logging.WARNING):
        scores = FORMAT.score(rows, task, "en")
    assert scores == {"exact_match": 50.0, "f1": pytest.approx(100 * (1 + 2 / 3) / 2)}
    assert "1 of 3 questions have no gold answer" in caplog.text
    with pytest.raises(DataError, match="gold label"):
        FORMAT.score(rows[2:], task, "en")


def test_gold_is_stored_as_a_list_and_unknown_gold_as_null(task, tiny_tokenizer):
    (sequence,) = encode([question()], task, tiny_tokenizer, training=False)
    (reduced,) = reduce([pointing(sequence, sequence.second, sequence.second)], task)
    assert json.loads(FORMAT.decode(question(), [(sequence, reduced)], task).gold) == ["Paris"]
    assert FORMAT.decode(question(answer=None), [(sequence, reduced)], task).gold == "null"


# Questions without an answer (SQuAD 2.0)


@pytest.fixture
def task2(make_task):
    return make_task("span_qa", metrics=("f1", "exact_match", "best_f1", "best_exact_match"), no_answer=True)


def unanswerable(context=CONTEXT):
    return QuestionExample(id="q2", question="why?", context=context, answers=(), impossible=True)


def test_every_window_of_a_question_without_answer_points_at_the_first_token(task2, tiny_tokenizer):
    examples = [question(), unanswerable(LONG), question(answer=None)]
    sequences = encode(examples, task2, tiny_tokenizer, training=True, max_tokens=64, doc_stride=8)
    assert {s.example for s in sequences} == {0, 1}
    assert len(sequences) > 5 and all(s.targets == [0, 0] for s in sequences if s.example == 1)
    scored = encode([unanswerable()], task2, tiny_tokenizer, training=False)
    assert [s.targets for s in scored] == [[]]


def decode2(example, sequences, logits, task):
    found = FORMAT.decode(example, list(zip(sequences, reduce(logits, task), strict=True)), task)
    return json.loads(found.prediction), found.score, json.loads(found.gold)


def test_no_answer_is_worth_the_least_that_a_window_gives_to_it(task2, tiny_tokenizer):
    example = unanswerable(LONG)
    sequences = encode([example], task2, tiny_tokenizer, training=False, max_tokens=64, doc_stride=8)
    logits = [pointing(s, s.second + 2, s.second + 2, height=1.0) for s in sequences]
    for part in logits:
        part[0] = 4.0  # every window says "nothing here" with 8
    logits[1] = pointing(sequences[1], sequences[1].second + 2, sequences[1].second + 2, height=3.0)
    logits[1][0] = torch.tensor([2.0, 1.5])  # but one with 3.5 only, and its span with 6
    prediction, score, gold = decode2(example, sequences, logits, task2)
    info = sequences[1].info
    span = LONG[info[2 * (sequences[1].second + 2)] : info[2 * (sequences[1].second + 2) + 1]]
    assert (prediction, score, gold) == ({"answer": span, "span": span}, 2.5, [""])
    logits[1][0] = torch.tensor([4.0, 4.0])
    assert decode2(example, sequences, logits, task2)[:2] == ({"answer": "", "span": span}, -2.0)


def test_a_span_that_ties_with_no_answer_is_given(task2, tiny_tokenizer):
    # run_qa.py: "" only where the difference is greater than the threshold of 0
    (sequence,) = encode([question()], task2, tiny_tokenizer, training=False)
    logits = pointing(sequence, sequence.second, sequence.second, height=1.0)
    logits[0] = 1.0
    prediction, score, gold = decode2(question(), [sequence], [logits], task2)
    assert (prediction, score, gold) == ({"answer": "the", "span": "the"}, 0.0, ["Paris"])


def test_without_a_span_in_the_context_there_is_no_answer(task2, tiny_tokenizer):
    example = question(question="x" * 40)
    (sequence,) = encode([example], task2, tiny_tokenizer, training=False)
    logits = torch.zeros(len(sequence.rows), 2)
    logits[:NUM_CANDIDATES] = 3.0
    assert decode2(example, [sequence], [logits], task2)[:2] == ({"answer": "", "span": ""}, -6.0)


def test_scores_with_no_answer_have_the_best_threshold_beside_them(task2):
    rows = [
        {"id": "1", "gold": ["Paris"], "prediction": {"answer": "Paris", "span": "Paris"}, "score": 2.0},
        {"id": "2", "gold": [""], "prediction": {"answer": "in", "span": "in"}, "score": 1.0},
        {"id": "3", "gold": ["Rome"], "prediction": {"answer": "", "span": "Rome"}, "score": -1.0},
        {"id": "4", "gold": None, "prediction": {"answer": "", "span": "x"}, "score": -9.0},
    ]
    # with the first k answered: 1, 2, 1, 2 right of 3
    assert FORMAT.score(rows, task2, "en") == {
        "exact_match": pytest.approx(100 / 3),
        "f1": pytest.approx(100 / 3),
        "best_exact_match": pytest.approx(200 / 3),
        "best_f1": pytest.approx(200 / 3),
    }


def test_answers_are_compared_in_the_language_of_the_context(make_task):
    rows = [{"id": "1", "gold": ["der Hund"], "prediction": "ein Hund"}]
    mlqa = make_task("span_qa", metrics=("f1", "exact_match"), answer_normaliser="mlqa")
    assert FORMAT.score(rows, mlqa, "de-en")["exact_match"] == 100.0
    assert FORMAT.score(rows, mlqa, "en-de")["exact_match"] == 0.0


def test_a_question_whose_first_answer_has_no_place_is_scored_but_not_trained(task, tiny_tokenizer):
    lost = Answer(text="Rome", start=None, given=3)
    examples = [question(), replace(question(), answers=(lost, *question().answers))]
    assert [s.example for s in encode(examples, task, tiny_tokenizer, training=True)] == [0]
    (_, scored) = encode(examples, task, tiny_tokenizer, training=False)
    (reduced,) = reduce([pointing(scored, scored.second, scored.second)], task)
    assert json.loads(FORMAT.decode(examples[1], [(scored, reduced)], task).gold) == ["Rome", "Paris"]
