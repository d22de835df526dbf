"""Promises of the grammars: languages differ as declared, and each word is aligned to what it means."""

import random
from dataclasses import replace

import pytest

from ds_stilts.synthetic.grammar import ENTITY_TAGS, POS_TAGS, say, write
from ds_stilts.synthetic.languages import LANGUAGES
from ds_stilts.synthetic.lexicon import ACC, NOM
from ds_stilts.synthetic.questions import asked


@pytest.fixture(scope="module")
def events(world):
    rng = random.Random(11)
    return [world.event(rng) for _ in range(150)]


@pytest.mark.parametrize("code", LANGUAGES)
def test_subject_verb_and_object_stand_in_the_declared_order(code, lexicons, events):
    for event in events:
        slots = [word.slot for word in say(replace(event, passive=False), lexicons[code])]
        found = sorted(
            (slots.index(slot), letter) for letter, slot in {"S": "subject", "V": "verb", "O": "object"}.items()
        )
        assert "".join(letter for _, letter in found) == LANGUAGES[code].order


@pytest.mark.parametrize("code", LANGUAGES)
def test_adjectives_and_adpositions_stand_on_the_declared_side(code, lexicons, events):
    for event in events:
        slots = [word.slot for word in say(event, lexicons[code])]
        if event.object_adjective:
            before = slots.index("object_adjective") < slots.index("object")
            assert before == (LANGUAGES[code].adjective == "before")
        if event.place:
            before = slots.index("adposition") < slots.index("place")
            assert before == (LANGUAGES[code].adposition == "before")


@pytest.mark.parametrize("code", LANGUAGES)
def test_spans_point_at_their_words_and_tags_are_of_the_declared_sets(code, lexicons, events):
    text = write(events, lexicons[code])
    for words, spans in zip(text.words, text.spans, strict=True):
        for word, (start, end) in zip(words, spans, strict=True):
            assert text.text[start:end] == word.text
            assert word.pos in POS_TAGS
            assert word.entity in ENTITY_TAGS
    assert (" " in text.text) == LANGUAGES[code].spaced


@pytest.mark.parametrize("code", LANGUAGES)
def test_all_that_is_meant_is_said_once(code, lexicons, events):
    for event in events:
        words = say(event, lexicons[code])
        said = sorted(word.concept for word in words if word.slot not in ("negated", "passive", "by", "mark"))
        assert said == sorted(mention.concept for mention in event.mentions if mention)


@pytest.mark.parametrize("code", LANGUAGES)
def test_polarity_and_voice_can_be_heard(code, lexicons, events):
    for event in events:
        variants = {
            " ".join(word.text for word in say(replace(event, negated=negated, passive=passive), lexicons[code]))
            for negated in (False, True)
            for passive in (False, True)
        }
        assert len(variants) == 4


def test_agglutinative_objects_carry_the_accusative_and_subjects_nothing(lexicons, events):
    for event in events:
        words = {word.slot: word for word in say(replace(event, passive=False), lexicons["cc"])}
        assert words["object"].suffixes == (lexicons["cc"].suffixes[((ACC,), 0)],)
        assert words["subject"].suffixes == ()


def test_fusional_adjectives_agree_with_their_noun_in_case_and_class(lexicons, events):
    lexicon, seen = lexicons["gg"], set()
    for event in events:
        if event.subject_adjective and not event.passive:
            words = {word.slot: word for word in say(event, lexicon)}
            number = lexicon.classes[event.subject]
            expected = (lexicon.suffixes[((NOM,), number)],)
            assert words["subject"].suffixes == words["subject_adjective"].suffixes == expected
            seen.add(number)
    assert seen == {0, 1}


@pytest.mark.parametrize("code", LANGUAGES)
def test_an_entity_starts_with_b_and_goes_on_with_i(code, lexicons, events):
    for event in events:
        previous = "O"
        for word in say(event, lexicons[code]):
            if word.entity.startswith("I-"):
                assert previous != "O"
                assert previous[2:] == word.entity[2:]
            previous = word.entity


@pytest.mark.parametrize("code", LANGUAGES)
def test_questions_end_in_a_question_mark_and_hold_their_question_word(code, lexicons, events):
    for event in events:
        words = say(asked(event, "subject"), lexicons[code])
        assert words[-1].text == "?"
        assert next(word for word in words if word.slot == "subject").pos == "PRON"
        assert say(event, lexicons[code])[-1].text == "."
