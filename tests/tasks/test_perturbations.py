"""Perturbations of texts: what they touch in which script, and that they are the same for everybody."""

import itertools
import re
import unicodedata
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds_stilts.tasks.perturbations import NOISE_RATE, SENTENCE_CHARACTERS, add_noise, fold, letters, sentences

QUESTIONS = {
    "ar": "من سجَّل أعلى عدد من الاستحواذات للفريق في 2015؟",
    "en": "Who registered the most sacks on the team in 2015?",
    "hi": "इस सीज़न में टीम में सबसे ज़्यादा सैक किसने दर्ज किए 2015?",
    "th": "ใครเป็นผู้ที่ทำแซ็คได้มากที่สุดในทีมฤดูกาลนี้ 2015?",
    "vi": "Ai có được nhiều lần vật ngã nhất trong đội mùa này 2015?",
    "zh": "本赛季谁为NBA球队贡献的擒杀最多2015？",
}
TEXT = st.text(st.sampled_from("aBéÀßİё字ท้กิकि्أَ가がㅏ1 \n?_\u0301\u200d"), max_size=40)


@pytest.mark.parametrize("language", QUESTIONS)
def test_noise_leaves_everything_but_letters_as_it_is(language: str) -> None:
    text = QUESTIONS[language]
    drawn = [add_noise(text, Random(seed)) for seed in range(200)]
    assert len(set(drawn)) > 50
    for noisy in drawn:
        assert _not_letters(noisy) == _not_letters(text)


@pytest.mark.parametrize("language", QUESTIONS)
def test_noise_tears_no_mark_from_its_letter(language: str) -> None:
    known = set(letters(QUESTIONS[language]))
    for seed in range(200):
        assert set(letters(add_noise(QUESTIONS[language], Random(seed)))) <= known


@pytest.mark.parametrize("language", QUESTIONS)
def test_noise_keeps_letters_in_their_words(language: str) -> None:
    words = QUESTIONS[language].split()
    for seed in range(200):
        noisy = add_noise(QUESTIONS[language], Random(seed)).split()
        assert len(noisy) == len(words)
        for word, disturbed in zip(words, noisy, strict=True):
            assert set(letters(disturbed)) <= set(letters(word))


def test_letters_of_two_scripts_do_not_change_places() -> None:
    for seed in range(500):
        assert re.fullmatch(r"[谁为]+[NBA]+[球队]+", add_noise("谁为NBA球队", Random(seed)))


def test_about_a_twentieth_of_the_letters_is_disturbed() -> None:
    assert NOISE_RATE == 0.05
    word = "abcdefghij" * 2000
    noisy = add_noise(word, Random(0))
    # What is left out or doubled changes the length, by one each time and in both directions; pairs count the swaps.
    doubled = sum(a == b for a, b in itertools.pairwise(noisy))
    assert 0.8 * NOISE_RATE / 3 < doubled / len(word) < 1.2 * NOISE_RATE / 3
    assert abs(len(noisy) - len(word)) < 100  # standard deviation 26


def test_a_word_of_one_letter_is_never_lost() -> None:
    assert {add_noise("a b c", Random(seed)).count(" ") for seed in range(500)} == {2}
    assert all(word for seed in range(500) for word in add_noise("a b c", Random(seed)).split(" "))


@given(TEXT, st.integers())
def test_noise_takes_any_text_and_is_the_same_again(text: str, seed: int) -> None:
    assert add_noise(text, Random(seed)) == add_noise(text, Random(seed))
    assert _not_letters(add_noise(text, Random(seed))) == _not_letters(text)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Où est l'ÉCOLE ?", "ou est l'ecole ?"),
        ("nhiều lần", "nhieu lan"),
        ("Который ёж?", "которыи еж?"),
        ("أَعْلَى", "اعلى"),
        ("Ποιός είναι;", "ποιος ειναι;"),
        ("İzmir", "izmir"),
        ("이것은?", "이것은?"),
        ("がぎ", "がぎ"),
        (QUESTIONS["th"], QUESTIONS["th"]),
        (QUESTIONS["hi"], QUESTIONS["hi"]),
        (QUESTIONS["zh"], QUESTIONS["zh"].replace("NBA", "nba")),
        ("e\u0301", "e"),
    ],
)
def test_case_and_diacritics_are_folded_where_marks_are_no_letters(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(TEXT)
def test_folding_takes_any_text_and_twice_is_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_sentences_end_where_each_language_ends_them() -> None:
    assert sentences("The first one of 3.5 is here. Is the second one there?  No.") == [
        "The first one of 3.5 is here.",
        "Is the second one there?",
    ]
    assert sentences("这里是第一个比较长的句子在这里。那里是第二个比较长的句子吗在那里？") == [
        "这里是第一个比较长的句子在这里。",
        "那里是第二个比较长的句子吗在那里？",
    ]
    assert sentences("यह पहला वाक्य यहाँ है। यह दूसरा वाक्य वहाँ है।") == [
        "यह पहला वाक्य यहाँ है।",
        "यह दूसरा वाक्य वहाँ है।",
    ]


def test_a_text_without_ends_gives_a_piece_cut_at_a_space() -> None:
    text = "ประโยคยาว " * 60
    (piece,) = sentences(text)
    assert text.startswith(piece + " ") and len(piece) <= SENTENCE_CHARACTERS[1] and piece.endswith("ประโยคยาว")
    assert len(sentences("字" * 400)[0]) == SENTENCE_CHARACTERS[1]


@given(TEXT)
def test_letters_are_the_text(text: str) -> None:
    assert "".join(letters(text)) == text


def _not_letters(text: str) -> list[str]:
    return [letter for letter in letters(text) if not letter[0].isalpha() or unicodedata.category(letter[0]) == "Nd"]
