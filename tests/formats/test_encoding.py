"""What formats rely on when text becomes tokens."""

import pytest

from ds_stilts.errors import RecipeError
from ds_stilts.formats.encoding import BATCH_EXAMPLES, batches, encode_texts, read_template, tokenise


def test_special_tokens_are_read_off_the_tokenizer(tokenizer):
    template = read_template(tokenizer)
    a, b = tokenise(tokenizer, ["the cat", "on a mat"])
    assert tokenizer("the cat", "on a mat")["input_ids"] == template.before + a + template.between + b + template.after
    assert tokenizer("the cat")["input_ids"] == template.before + a + template.after
    assert template.num_single == tokenizer.num_special_tokens_to_add(pair=False)
    assert template.num_pair == tokenizer.num_special_tokens_to_add(pair=True)


def test_a_slow_tokenizer_is_refused_in_a_sentence():
    with pytest.raises(RecipeError, match=r"not a fast one; give a model folder that holds a tokenizer\.json"):
        read_template(object())


def test_singles_and_pairs_of_one_batch_keep_their_order_and_equal_single_calls(tokenizer):
    texts = [("the cat", None), ("sat", "on the mat"), ("", "x"), ("x " * 50, "y " * 9), ("mat", None), ("a", " ")]
    for (a, b), (ids, second) in zip(texts, encode_texts(tokenizer, texts, 32), strict=True):
        assert ids == tokenizer(a, b, truncation="longest_first", max_length=32)["input_ids"]
        assert len(ids) <= 32
        assert (second == 0) == (b is None)


def test_second_is_the_first_token_of_segment_b(bert_tokenizer):
    for a, b in [("cat", "mat"), ("a long premise of some length", "b"), ("x" * 90, "y" * 90)]:
        ((_, second),) = encode_texts(bert_tokenizer, [(a, b)], 40)
        types = bert_tokenizer(a, b, truncation="longest_first", max_length=40).encodings[0].type_ids
        assert types.index(1) == second


def test_batches_lose_nothing():
    items = list(range(2 * BATCH_EXAMPLES + 1))
    cut = list(batches(items))
    assert [x for batch in cut for x in batch] == items
    assert [len(batch) for batch in cut] == [BATCH_EXAMPLES, BATCH_EXAMPLES, 1]
