"""Promises of the lexicons: decodable, no accidental homographs, cognates in the declared share."""

from itertools import combinations, pairwise

from ds_stilts.synthetic.languages import LANGUAGES


def test_no_stem_of_a_script_begins_another(lexicons):
    scripts: dict[str, set[str]] = {}
    for lexicon in lexicons.values():
        scripts.setdefault(lexicon.language.script, set()).update(lexicon.stems.values())
    for stems in scripts.values():
        ordered = sorted(stems)
        assert not [pair for pair in pairwise(ordered) if pair[1].startswith(pair[0])]


def test_a_spelling_means_one_thing_wherever_it_occurs(lexicons):
    meanings: dict[str, set[object]] = {}
    for lexicon in lexicons.values():
        assert len(set(lexicon.stems.values())) == len(lexicon.stems)
        assert len(set(lexicon.suffixes.values())) == len(lexicon.suffixes)
        for text, meaning in lexicon.meanings.items():
            meanings.setdefault(text, set()).add(meaning)
    assert max(map(len, meanings.values())) == 1


def test_languages_share_words_only_as_declared_cognates(lexicons, world):
    for a, b in combinations(LANGUAGES, 2):
        shared = set(lexicons[a].stems.items()) & set(lexicons[b].stems.items())
        share = len(shared) / (2 * len(world.content_concepts))
        declared = LANGUAGES[b].cognate_share if LANGUAGES[b].cognates_with == a else 0.0
        assert abs(share - declared) < 0.01, (a, b)


def test_only_languages_with_morphology_have_suffixes_and_classes(lexicons):
    for lexicon in lexicons.values():
        isolating = lexicon.language.morphology == "isolating"
        assert bool(lexicon.suffixes) != isolating
        assert (max(lexicon.classes.values()) > 0) == (lexicon.language.morphology == "fusional")
