"""What all text-to-text forms promise: found by name, gold survives the way there and back, none is an error."""

import random
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ds_stilts.errors import DataError, RecipeError
from ds_stilts.formats import FORMATS
from ds_stilts.formats.text_to_text import TEXT_FORMS, chooses_label, get_text_form
from ds_stilts.tasks import all_tasks, get_task
from ds_stilts.tasks.examples import (
    Answer,
    ChoiceExample,
    PairExample,
    QuestionExample,
    ScoredPairExample,
    TaggedSentence,
)
from ds_stilts.tasks.task import Task


@pytest.mark.parametrize("name", TEXT_FORMS)
def test_a_form_is_found_by_its_formats_name(name):
    assert name in FORMATS and get_text_form(name).name == name


def test_a_format_without_one_says_which_have_one():
    with pytest.raises(RecipeError, match=r"format 'retrieval' has no text-to-text side .*sentence_pair.* with a head"):
        get_text_form("retrieval")


def test_forms_load_neither_torch_nor_transformers():
    code = (
        "import sys; from ds_stilts.formats.text_to_text import TEXT_FORMS, get_text_form\n"
        "[get_text_form(n) for n in TEXT_FORMS]; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


WITHOUT_GOLD = {
    "sentence_pair": PairExample(id="7", premise="a", hypothesis="b", label=None),
    "pair_regression": ScoredPairExample(id="7", premise="a", hypothesis="b", score=None),
    "multiple_choice": ChoiceExample(id="7", context="a", choices=("b", "c"), label=None),
    "span_qa": QuestionExample(id="7", question="a", context="b", answers=()),
    "tagging": TaggedSentence(id="7", words=("a",), tags=None),
}


@pytest.mark.parametrize("name", TEXT_FORMS)
def test_an_example_without_gold_has_a_prompt_and_no_target(name, make_task):
    task = make_task(name, labels=("O",), num_choices=2)
    assert "a" in get_text_form(name).prompt(WITHOUT_GOLD[name], task)
    with pytest.raises(DataError, match="task 'probe', example '7' has no gold"):
        get_text_form(name).target(WITHOUT_GOLD[name], task)


@pytest.mark.parametrize("task", [t for t in all_tasks() if t.format in TEXT_FORMS], ids=lambda task: task.name)
def test_every_label_of_the_catalogue_has_its_own_text_that_reads_as_it(task: Task):
    form = get_text_form(task.format)
    texts = form.label_texts(task)
    if task.format in ("span_qa", "tagging"):
        assert texts == ()
        return
    assert len(set(texts)) == len(texts) >= 2
    values = [form.parse(text, WITHOUT_GOLD[task.format], task) for text in texts]
    if task.format == "sentence_pair":
        assert values == list(task.labels)
    elif task.format == "multiple_choice":
        assert values == list(range(task.num_choices))
    else:
        assert (values[0], values[-1]) == task.score_range and values == sorted(values)


TEXT = st.text(st.sampled_from("ab 12,.'’\u00a0\u3000文字あｱ１é\u0301ा।$:_\n"), min_size=1, max_size=30)


@given(label=st.sampled_from(["entailment", "neutral", "contradiction"]), text=TEXT)
def test_labels_survive(make_task, label, text):
    task = make_task("sentence_pair", labels=("contradiction", "entailment", "neutral"))
    form, example = get_text_form("sentence_pair"), PairExample(id="0", premise=text, hypothesis=text, label=label)
    assert form.parse(form.target(example, task), example, task) == label


@given(score=st.floats(0, 5))
def test_numbers_survive_to_the_nearest_fifth(make_task, score):
    task = make_task("pair_regression", score_range=(0.0, 5.0))
    example = ScoredPairExample(id="0", premise="a", hypothesis="b", score=score)
    form = get_text_form("pair_regression")
    found = form.parse(form.target(example, task), example, task)
    assert abs(found - score) <= 0.1 + 1e-9 and form.target(example, task) in form.label_texts(task)


@given(label=st.integers(0, 4), text=TEXT)
def test_choices_survive(make_task, label, text):
    task = make_task("multiple_choice", num_choices=5)
    form, example = (
        get_text_form("multiple_choice"),
        ChoiceExample(id="0", context=text, choices=(text,) * 5, label=label),
    )
    assert form.parse(form.target(example, task), example, task) == label


@given(context=TEXT, cut=st.tuples(st.integers(0, 29), st.integers(1, 30)))
def test_answers_survive_up_to_white_space_at_their_ends(make_task, context, cut):
    answer = context[cut[0] : cut[0] + cut[1]]
    # an answer that leaves a mark without its letter would be given back with both
    assume(answer.strip() and not any(map(unicodedata.combining, (answer[0], context[cut[0] + cut[1] :][:1] or " "))))
    example = QuestionExample(id="0", question="?", context=context, answers=(Answer(text=answer, start=cut[0]),))
    form, task = get_text_form("span_qa"), make_task("span_qa")
    found = form.parse(form.target(example, task), example, task)
    # an equal reading may stand earlier with other white space or width; nothing else may differ
    assert found in context
    assert reading(found) == reading(answer)


def reading(text):
    return "".join(unicodedata.normalize("NFKC", text).split())


SPANS = st.lists(st.tuples(st.sampled_from(["O", "PER", "LOC"]), st.integers(1, 3)), min_size=1, max_size=6)


@given(spans=SPANS, seed=st.integers(0, 99))
def test_entities_of_different_words_survive_whatever_the_words_are(make_task, spans, seed):
    tags = []
    for kind, length in spans:
        tags += ["O"] * length if kind == "O" else [f"B-{kind}", *[f"I-{kind}"] * (length - 1)]
    alphabet = [
        "$",
        "$$$",
        ":",
        "PER:",
        "LOC",
        "a:b",
        "Ⅳ",
        "１",
        "文",
        "é",
        "e\u0301l",
        "O",
        "B-PER",
        "´",
        "x$$y",
        "...",
        "…!",
    ]
    numbers = range(len(tags))
    words = tuple(random.Random(seed).choice(alphabet) + str(n) for n in numbers)
    task = make_task("tagging", labels=("B-LOC", "B-PER", "I-LOC", "I-PER", "O"))
    example, form = TaggedSentence(id="0", words=words, tags=tuple(tags)), get_text_form("tagging")
    assert form.parse(form.target(example, task), example, task) == tags


@given(tags=st.lists(st.sampled_from(["NOUN", "VERB", "X", "$", "(S\\NP)/NP"]), min_size=1, max_size=20))
def test_tags_of_words_survive_even_where_words_repeat(make_task, tags):
    task = make_task("tagging", labels=("NOUN", "VERB", "X", "$", "(S\\NP)/NP"))
    example, form = TaggedSentence(id="0", words=("$$",) * len(tags), tags=tuple(tags)), get_text_form("tagging")
    assert form.parse(form.target(example, task), example, task) == tags


@pytest.mark.parametrize(
    ("name", "chooses"),
    [("xnli", True), ("xcopa", True), ("panx", False), ("xquad", False), ("korsts", True)],
)
def test_an_answer_is_one_of_the_labels_where_there_are_any(name, chooses):
    assert chooses_label(get_task(name)) is chooses
