"""Tagging: every word is predicted exactly once, whatever its length or the sentence's."""

import json

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ds_stilts.errors import DataError
from ds_stilts.formats.base import Limits
from ds_stilts.formats.tagging import FORMAT
from ds_stilts.tasks.examples import TaggedSentence

LABELS = ("NOUN", "VERB", "DET")


def sentence(words, tags=None, id="s1"):
    return TaggedSentence(id=id, words=tuple(words), tags=None if tags is None else tuple(tags))


@pytest.fixture
def task(make_task):
    return make_task("tagging", labels=LABELS, metrics=("f1", "accuracy"))


def encode(examples, task, tokenizer, training=False, max_tokens=128):
    return list(FORMAT.encode(examples, task, tokenizer, Limits(max_tokens=max_tokens), training=training))


def test_the_tag_is_read_at_the_first_sub_word_and_ids_are_those_of_split_words(task, tokenizer):
    words = ["the", "cats", "sat", "1998", "co-op"]
    (sequence,) = encode([sentence(words, ["DET", "NOUN", "VERB", "NOUN", "NOUN"])], task, tokenizer, training=True)
    oracle = tokenizer(words, is_split_into_words=True)
    assert sequence.ids == oracle["input_ids"]
    assert sequence.rows == [oracle.word_ids().index(word) for word in range(len(words))]
    assert sequence.targets == [2, 0, 1, 0, 0] and sequence.info == [0, 1, 2, 3, 4]


WORDS = st.lists(st.text(st.sampled_from("abcABC19.é漢 \u200b\u00ad\t"), min_size=1, max_size=14), max_size=25)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=WORDS, max_tokens=st.integers(8, 30))
def test_every_word_is_predicted_exactly_once_and_in_order(words, max_tokens, task, tokenizer):
    example = sentence(words, ["NOUN"] * len(words))
    sequences = encode([example], task, tokenizer, max_tokens=max_tokens)
    assert all(len(s.ids) <= max_tokens and len(s.rows) == len(s.targets) == len(s.info) for s in sequences)
    assert [word for s in sequences for word in s.info] == list(range(len(words)))
    counts = torch.tensor([len(s.rows) for s in sequences])
    logits = torch.nn.functional.one_hot(torch.arange(len(words)) % 3, 3).float()
    parts = list(zip(sequences, FORMAT.reduce(logits, counts, task), strict=True))
    prediction = FORMAT.decode(example, parts, task)
    assert json.loads(prediction.prediction) == [LABELS[i % 3] for i in range(len(words))]
    assert prediction.score == (1.0 if words else 0.0)


def test_windows_are_as_long_as_they_can_be_and_cut_between_words(task, tiny_tokenizer):
    sequences = encode([sentence(["cat", "sat", "mats", "on"] * 5)], task, tiny_tokenizer, max_tokens=9)
    assert [len(s.ids) - 2 for s in sequences] == [7, 7, 7, 4]  # 1, 1, 2, 1 sub-words in turn, room for 7
    assert [len(s.rows) for s in sequences] == [6, 5, 6, 3]


def test_words_without_a_token_or_longer_than_a_window_become_one_unknown_token(task, tiny_tokenizer):
    (sequence,) = encode([sentence(["cat", "x" * 30, "", "mat"])], task, tiny_tokenizer, max_tokens=20)
    assert len(sequence.ids) == 6 and sequence.rows == [1, 2, 3, 4]
    assert sequence.ids[2] == sequence.ids[3] == tiny_tokenizer.unk_token_id


def test_untagged_and_empty_sentences_are_scored_but_not_trained(task, tiny_tokenizer):
    examples = [sentence(["cat"], ["NOUN"]), sentence(["cat"]), sentence([], [])]
    assert [s.example for s in encode(examples, task, tiny_tokenizer, training=True)] == [0]
    assert [s.example for s in encode(examples, task, tiny_tokenizer)] == [0, 1, 2]
    assert [s.targets for s in encode(examples, task, tiny_tokenizer)] == [[0], [], []]


def test_faulty_tags_are_named(task, tiny_tokenizer):
    with pytest.raises(DataError, match=r"sentence 's9': tag 'ADJ' is not one of NOUN, VERB, DET"):
        encode([sentence(["cat"], ["ADJ"], id="s9")], task, tiny_tokenizer)
    with pytest.raises(DataError, match=r"sentence 's9': 2 tags for 1 words"):
        encode([sentence(["cat"], ["NOUN", "DET"], id="s9")], task, tiny_tokenizer)


def test_the_loss_is_summed_over_words(task):
    torch.manual_seed(0)
    logits, targets = torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])
    expected = -torch.log_softmax(logits, dim=1).gather(1, targets[:, None]).sum()
    assert torch.allclose(FORMAT.loss(logits, targets, torch.tensor([2, 3]), task), expected)


def test_a_missing_or_doubled_word_is_our_fault_and_does_not_pass(task, tiny_tokenizer):
    example = sentence(["cat", "sat"])
    (sequence,) = encode([example], task, tiny_tokenizer)
    part = (sequence, (np.array([0, 1]), np.array([1.0, 2.0], dtype=np.float32)))
    found = FORMAT.decode(example, [part], task)
    assert (found.score, found.margin) == (1.5, 1.0), "the mean, and the closest"
    with pytest.raises(AssertionError, match="predicted twice"):
        FORMAT.decode(example, [part, part], task)
    with pytest.raises(AssertionError, match="without a tag"):
        FORMAT.decode(sentence(["cat", "sat", "on"]), [part], task)


def test_scores_are_chunk_f1_and_word_accuracy(task):
    rows = [
        {"id": "1", "gold": ["DET", "NOUN", "NOUN", "VERB"], "prediction": ["DET", "NOUN", "VERB", "VERB"]},
        {"id": "2", "gold": None, "prediction": ["DET"]},
    ]
    assert FORMAT.score(rows, task, "en") == {"f1": pytest.approx(100 / 3), "accuracy": 75.0}


def test_chunks_are_counted_only_where_the_task_asks_for_their_f1(make_task):
    supertags = make_task("tagging", labels=("0", "1"), metrics=("accuracy",))
    rows = [{"id": "1", "gold": ["0", "1"], "prediction": ["0", "0"]}]
    assert FORMAT.score(rows, supertags, "en") == {"accuracy": 50.0}


def test_a_prediction_of_another_length_is_refused_rather_than_shifting_all_that_follow(task):
    rows = [{"id": "s7", "gold": ["DET", "NOUN"], "prediction": ["DET"]}]
    with pytest.raises(DataError, match=r"sentence 's7': 1 predicted tags for 2 words"):
        FORMAT.score(rows, task, "en")


@pytest.mark.real_data
@pytest.mark.parametrize("language", ["ar", "th", "zh"])
def test_no_word_of_a_real_test_set_is_lost(language, real_data, task, make_task, tiny_tokenizer):
    path = real_data / "udpos" / f"test-{language}.tsv"
    blocks = path.read_text(encoding="utf-8").strip().split("\n\n")
    examples = [
        sentence([line.split("\t")[0] for line in block.split("\n")], id=str(i)) for i, block in enumerate(blocks)
    ]
    words: dict[int, list[int]] = {i: [] for i in range(len(examples))}
    for s in encode(examples, task, tiny_tokenizer, max_tokens=16):
        words[s.example] += s.info
    assert all(words[i] == list(range(len(example.words))) for i, example in enumerate(examples))
