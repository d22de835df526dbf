"""Extractive QA: gold spans survive tokenisation, windows are complete, and the best span wins."""

import json
import logging
from itertools import groupby

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from ds_stilts.errors import DataError
from ds_stilts.formats.base import Limits
from ds_stilts.formats.encoding import tokenise
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
    assert sequence.rows == list(range(len(sequence.ids))) and len(sequence.info) == 2 * len(sequence.rows)
    characters = np.array(sequence.info).reshape(-1, 2)
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


def test_an_answer_without_a_token_is_named(task, tiny_tokenizer):
    with pytest.raises(DataError, match=r"question 'q1': the answer ' ' at character 3 has no token"):
        encode([question(" ", start=3)], task, tiny_tokenizer, training=True)


def test_windows_without_the_whole_answer_are_kept_and_point_at_the_first_token(task, tiny_tokenizer):
    sequences = encode(
        [question("mat41", context=LONG)], task, tiny_tokenizer, training=True, max_tokens=64, doc_stride=8
    )
    told = [s for s in sequences if s.targets != [0, 0]]
    assert len(sequences) > 5 and 1 <= len(told) < len(sequences)
    (gold,) = tokenise(tiny_tokenizer, ["mat41"])
    assert all(s.ids[s.targets[0] : s.targets[1] + 1] == gold for s in told)


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
    for s, part in zip(sequences, logits, strict=True):
        starts, ends = (part[:, side].argsort(descending=True)[:NUM_CANDIDATES].tolist() for side in (0, 1))
        for start in starts:
            for end in ends:
                score = part[start, 0].item() + part[end, 1].item()
                first, last = s.info[2 * start], s.info[2 * end + 1]
                if 0 <= first < last and start <= end < start + MAX_ANSWER_TOKENS and score > best:
                    best, answer = score, LONG[first:last]
    assert decode(example, sequences, logits, task) == (answer, pytest.approx(best))


def test_the_answer_is_read_from_the_best_window(task, tiny_tokenizer):
    example = question("mat41", context=LONG)
    scored = encode([example], task, tiny_tokenizer, training=False, max_tokens=64, doc_stride=8)
    trained = encode([example], task, tiny_tokenizer, training=True, max_tokens=64, doc_stride=8)
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


def read_squad(path):
    """SQuAD-format questions, straight from the file."""
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                yield QuestionExample(
                    id=asked["id"],
                    question=asked["question"],
                    context=paragraph["context"],
                    answers=tuple(Answer(text=a["text"], start=a["answer_start"]) for a in asked["answers"]),
                )


@pytest.mark.real_data
@pytest.mark.parametrize("language", ["en", "zh", "ar"])
def test_gold_spans_round_trip_on_xquad(language, real_data, train_tokenizer, task):
    """A model that points at the gold gets the gold back, from some window, for nearly every real question."""
    examples = list(read_squad(real_data / "xquad" / f"xquad.{language}.json"))
    contexts = list(dict.fromkeys(example.context for example in examples))
    tokenizer = train_tokenizer(contexts[:60], vocabulary=3000)  # characters of the others may be unknown
    limits = {"max_tokens": 256, "doc_stride": 96}
    trained = encode(examples, task, tokenizer, training=True, **limits)
    scored = encode(examples, task, tokenizer, training=False, **limits)
    assert [s.ids for s in trained] == [s.ids for s in scored]
    rows, num_overlong = [], 0
    for index, pairs in groupby(zip(trained, scored, strict=True), key=lambda pair: pair[0].example):
        windows = list(pairs)
        logits = [pointing(s, *t.targets) * (t.targets != [0, 0]) for t, s in windows]
        text, _ = decode(examples[index], [s for _, s in windows], logits, task)
        gold = examples[index].answers[0].text
        lengths = [t.targets[1] - t.targets[0] + 1 for t, _ in windows if t.targets != [0, 0]]
        assert lengths, "the answer is in no window"
        if lengths[0] > MAX_ANSWER_TOKENS:
            num_overlong += 1
        else:
            assert gold.strip() in text
        rows.append({"id": examples[index].id, "gold": [gold], "prediction": text})
    assert len(rows) == len(examples) == 1190
    # Short of 100: answers longer than 30 tokens, and those that begin or end inside a token (mostly before a comma).
    assert num_overlong < 0.05 * len(rows)
    assert FORMAT.score(rows, task, language)["exact_match"] > 93
