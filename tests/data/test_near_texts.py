"""Texts that occur among others, exactly or nearly: all of them are found, and nothing else."""

import random

import pytest

from ds_stilts.data.near_texts import BANDS, NEAR, ROWS, NearTexts
from ds_stilts.data.shingles import resemblance


def sentences(count: int, letters: str, draw: random.Random) -> list[str]:
    """Different texts of 8 to 30 words of one small vocabulary, so that unrelated ones share pieces too."""
    words = ["".join(draw.choices(letters, k=draw.randint(2, 8))) for _ in range(300)]
    return list(dict.fromkeys("".join(draw.choices(words, k=draw.randint(8, 30))) for _ in range(count)))


def edited(text: str, places: int, draw: random.Random) -> str:
    changed = list(text)
    for place in draw.sample(range(len(text)), places):
        changed[place] = draw.choice("xyz")
    return "".join(changed)


@pytest.mark.parametrize("letters", ["abcdefghijklmnopqrstuvw", "กขคงจฉชซญฎฐดตถทธนบปผฝพฟมยรลวสหอ"])
def test_what_is_found_is_what_comparing_each_with_each_finds(letters: str) -> None:
    draw = random.Random(1)
    texts = sentences(100, letters, draw)
    others = [edited(text, draw.randint(0, 5), draw) for text in texts[:80]] + sentences(40, letters, draw)
    true = {
        (number, place): alike
        for number, other in enumerate(others)
        for place, text in enumerate(texts)
        if (alike := resemblance(other, text)) >= NEAR
    }
    found = NearTexts(texts).find(others)
    near = [alike for alike in true.values() if alike < 0.8]
    assert len(true) > 40 and len(near) > 10, "some at the threshold"
    assert {
        (number, place): alike for number, own in enumerate(found) for place, (_, alike) in own.items()
    } == pytest.approx(true)
    equal = {(number, place) for number, own in enumerate(found) for place, (same, _) in own.items() if same}
    assert equal == {(number, place) for number, place in true if others[number] == texts[place]} != set()


def test_candidates_are_as_likely_as_the_constants_say() -> None:
    def likely(alike: float) -> float:
        return 1 - (1 - alike**ROWS) ** BANDS

    assert likely(NEAR) == pytest.approx(0.9998, abs=5e-5) and likely(0.2) == pytest.approx(0.05, abs=2e-3)


def test_equal_texts_are_found_however_short_and_however_often() -> None:
    assert NearTexts(["a", "bc"]).find(["bc", "cb", "bc"]) == [{1: (True, 1.0)}, {}, {1: (True, 1.0)}]
    assert NearTexts([]).find(["bc"]) == [{}] and NearTexts(["a"]).find([]) == []
