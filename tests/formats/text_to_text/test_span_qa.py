"""Questions as text. Padding: google-research/multilingual-t5 9dcd60f, preprocessors.py and its test."""

import pytest

from ds_stilts.formats.text_to_text.base import as_decoded
from ds_stilts.formats.text_to_text.span_qa import FORM, pad_punctuation
from ds_stilts.tasks.examples import Answer, QuestionExample


def ask(context, *answers, question="Who?", impossible=False):
    golds = tuple(Answer(text=text, start=context.find(text)) for text in answers)
    return QuestionExample(id="1", question=question, context=context, answers=golds, impossible=impossible)


@pytest.fixture
def task(make_task):
    return make_task("span_qa")


# by mT5's rule ([^_\s\p{N}\p{L}\p{M}] gets spaces, runs of white space become one), worked out by hand
@pytest.mark.parametrize(
    ("text", "padded"),
    [
        ("François l'a dit.", "François l ' a dit ."),
        ("snake_case 3.5%", "snake_case 3 . 5 %"),
        ("दिल्ली में १९९८।", "दिल्ली में १९९८ ।"),  # combining vowel signs stay with their letters
        ("東京（とうきょう）は、", "東京 （ とうきょう ） は 、"),
        ("a\u00a0b\u3000c", "a \u00a0 b \u3000 c"),  # RE2's \s is ASCII only
        ("a\t\n  b", "a b"),
        ("½ ² Ⅳ", "½ ² Ⅳ"),  # numbers of every kind
        ("“quoted”", "“ quoted ”"),
    ],
)
def test_punctuation_is_padded_as_in_mt5(text, padded):
    assert pad_punctuation(text) == padded


def test_prompt_and_target_read_as_in_mt5(task):
    example = ask("Dr. No's island (Crab Key) is far.", "Crab Key", "Key", question="Where's Dr. No?")
    assert FORM.prompt(example, task) == (
        "question: Where ' s Dr . No ? context: Dr . No ' s island ( Crab Key ) is far ."
    )
    assert FORM.target(example, task) == "Crab Key"


@pytest.mark.parametrize(
    ("context", "answer"),
    [
        ("It cost $3.5 (net).", "$3.5"),
        ("He didn't go.", "didn't"),
        ("以前は東京（とうきょう）に住んでいた。", "東京（とうきょう）"),
        ("年は１９９８年。", "１９９８年"),  # the tokenizer would write 1998
        ("بلغ السكان ٣٫٥ مليون.", "٣٫٥ مليون"),
        ("कुल १,२३४ लोग।", "१,२३४ लोग"),
        ("a \u064a\u0651\u064e, b", "\u064a\u0651\u064e,"),  # Arabic shadda before fatha; NFKC puts it behind
        ("\u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1174.", "\u1112\u1161\u11ab\u1100\u116e\u11a8"),  # Hangul in NFD
        ("\u09af\u09c7\u09be \u0b95\u0bc6\u0bbe", "\u0b95\u0bc6\u0bbe"),  # vowel signs in two parts, not of one class
        ("a  b", "a  b"),
        ("U.S. and U.S.A.", "U.S.A."),
    ],
)
def test_an_answer_comes_back_in_the_contexts_own_characters(task, context, answer):
    example = ask(context, answer)
    assert FORM.parse(as_decoded(FORM.target(example, task)), example, task) == answer


def test_what_the_tokenizer_normalised_is_found_all_the_same(task):
    assert FORM.parse("1998年", ask("年は１９９８年。"), task) == "１９９８年"


def test_of_equal_readings_the_one_with_the_same_spaces_is_taken(task):
    assert FORM.parse("New York", ask("NewYork is not New York"), task) == "New York"
    assert FORM.parse("N ew York", ask("NewYork is not New York"), task) == "NewYork"


def test_words_that_are_no_span_are_an_answer_as_they_stand(task):
    assert FORM.parse(" the mayor ", ask("A city."), task) == "the mayor"


def test_nothing_is_an_answer_only_where_questions_may_have_none(task, make_task):
    with_none = make_task("span_qa", no_answer=True)
    example = ask("A city.", impossible=True)
    assert FORM.target(example, with_none) == ""
    assert FORM.parse(" ", example, with_none) == ""
    assert FORM.parse(" ", ask("A city.", "city"), task) is None
