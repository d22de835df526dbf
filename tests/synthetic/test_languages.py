"""Promises of the declared languages: distances as the switches say."""

from itertools import product

from ds_stilts.synthetic import LANGUAGES, SOURCE, distance


def test_distance_is_a_metric_with_the_values_of_the_declared_switches():
    expected = {"aa": 0, "bb": 1, "cc": 3, "dd": 2, "ee": 3, "ff": 0, "gg": 4, "hh": 1}
    assert {code: distance(SOURCE, code) for code in LANGUAGES} == expected
    for a, b, c in product(LANGUAGES, repeat=3):
        assert distance(a, b) == distance(b, a)
        assert distance(a, c) <= distance(a, b) + distance(b, c)


def test_cognate_languages_follow_the_one_they_borrow_from():
    codes = list(LANGUAGES)
    for code, language in LANGUAGES.items():
        if language.cognates_with:
            assert codes.index(language.cognates_with) < codes.index(code)
            assert LANGUAGES[language.cognates_with].script == language.script
