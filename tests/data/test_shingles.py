"""What is compared of a text, how alike two texts are, and what their signatures say of it."""

import random

import numpy as np
import pytest

from ds_stilts.data.shingles import grams, normalised, resemblance, signatures


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("The U.S. won't — ever!", "theuswontever"),
        ("  don 't\tstop ", "dontstop"),
        ("ＡＢＣ１２ ﬁn", "abc12fin"),
        ("Straße", "strasse"),
        ("हिन्दी में।", "हिन्दीमें"),
        ("我 爱 你。", "我爱你"),
        ("… ?!", ""),
    ],
)
def test_letters_marks_and_digits_remain(text: str, form: str) -> None:
    assert normalised(text) == form


def test_resemblance_is_shared_pieces_among_all() -> None:
    assert grams("abcdef") == {"abcde", "bcdef"} and grams("abc") == {"abc"}
    assert resemblance("abcdef", "abcdeg") == pytest.approx(1 / 3)
    assert resemblance("abc", "abd") == 0.0 and resemblance("abc", "abc") == 1.0


def edited(text: str, share: float, draw: random.Random) -> str:
    return "".join(draw.choice("abcdefgh") if draw.random() < share else letter for letter in text)


def test_signatures_agree_as_often_as_texts_resemble_each_other() -> None:
    draw = random.Random(0)
    texts = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(30, 200))) for _ in range(400)]
    others = [edited(text, draw.choice([0.0, 0.02, 0.05, 0.1]), draw) for text in texts]
    true = np.array([resemblance(one, other) for one, other in zip(texts, others, strict=True)])
    agreed = (signatures(texts, 128) == signatures(others, 128)).mean(axis=1)
    assert true.min() < 0.4 and true.max() == 1.0
    assert abs((agreed - true).mean()) < 0.005  # 400 × 128 agreements: a standard error of 0.002
    binomial = np.sqrt(true * (1 - true) / 128)
    assert np.mean(np.abs(agreed - true) <= 2 * binomial) > 0.9


def test_a_signature_depends_on_its_text_alone() -> None:
    texts = ["abcdefgh", "x", "xyz", "abcdefgh", "我爱你", "a" * 3000]
    together = signatures(texts, 16)
    assert all((signatures([text], 16)[0] == row).all() for text, row in zip(texts, together, strict=True))
    assert (together[0] == together[3]).all() and not (together[1] == together[2]).any()
    assert signatures([], 16).shape == (0, 16)
