"""Promises of the tokenizer: XLM-R's shape, no unknown piece, every word its stem and its suffixes."""

import random

import pytest

from ds_stilts.synthetic.grammar import say, write
from ds_stilts.synthetic.languages import LANGUAGES
from ds_stilts.synthetic.tokenizer import SPACE, build_tokenizer


@pytest.fixture(scope="module")
def tokenizer(lexicons, tmp_path_factory):
    """Saved and loaded again, as a run does."""
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    build_tokenizer(lexicons, 128).save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def passages(world):
    rng = random.Random(2)
    return [world.story(rng, 3) for _ in range(60)]


def test_special_tokens_stand_where_xlmr_has_them(tokenizer):
    assert tokenizer.is_fast
    assert tokenizer.convert_ids_to_tokens([0, 1, 2, 3, len(tokenizer) - 1]) == [
        "<s>",
        "<pad>",
        "</s>",
        "<unk>",
        "<mask>",
    ]
    assert (tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.mask_token_id) == (0, 2, len(tokenizer) - 1)
    assert (tokenizer.bos_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id) == (
        0,
        1,
        2,
        3,
    )
    assert tokenizer.model_max_length == 128


def test_pairs_are_joined_as_xlmr_joins_them(tokenizer):
    one, two = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (".", "?"))
    assert tokenizer(".")["input_ids"] == [0, *one, 2]
    assert tokenizer(".", "?")["input_ids"] == [0, *one, 2, 2, *two, 2]


@pytest.mark.parametrize("code", LANGUAGES)
def test_running_text_falls_into_exactly_its_stems_suffixes_and_marks(code, tokenizer, lexicons, passages):
    for passage in passages:
        text = write(passage, lexicons[code])
        expected = [piece for words in text.words for word in words for piece in (word.stem, *word.suffixes)]
        assert [piece.lstrip(SPACE) for piece in tokenizer.tokenize(text.text)] == expected


@pytest.mark.parametrize("code", LANGUAGES)
def test_offsets_find_every_word(code, tokenizer, lexicons, passages):
    for passage in passages:
        text = write(passage, lexicons[code])
        offsets = tokenizer(text.text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        starts, ends = {start for start, _ in offsets}, {end for _, end in offsets}
        for spans in text.spans:
            for start, end in spans:
                assert start in starts
                assert end in ends


@pytest.mark.parametrize("code", LANGUAGES)
def test_words_given_one_by_one_keep_their_pieces(code, tokenizer, lexicons, passages):
    for passage in passages[:20]:
        words = say(passage[0], lexicons[code])
        encoded = tokenizer([word.text for word in words], is_split_into_words=True, add_special_tokens=False)
        expected = [(i, piece) for i, word in enumerate(words) for piece in (word.stem, *word.suffixes)]
        assert list(zip(encoded.word_ids(), [t.lstrip(SPACE) for t in encoded.tokens()], strict=True)) == expected


@pytest.mark.parametrize("code", LANGUAGES)
def test_decoding_gives_the_text_back(code, tokenizer, lexicons, passages):
    for passage in passages[:20]:
        text = write(passage, lexicons[code]).text
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.unk_token_id not in ids
        assert tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False) == text
