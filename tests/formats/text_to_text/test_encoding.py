"""Text-to-text sequences: what a fast tokenizer makes of prompt and target, and what is left out of training."""

import pytest

from ds_stilts.errors import DataError, RecipeError
from ds_stilts.formats.base import Limits
from ds_stilts.formats.text_to_text import get_text_form
from ds_stilts.formats.text_to_text.encoding import encode_text_to_text
from ds_stilts.tasks.examples import (
    Answer,
    BitextExample,
    ChoiceExample,
    PairExample,
    QuestionExample,
    ScoredPairExample,
    TaggedSentence,
    TextExample,
)


def encode(examples, task, tokenizer, *, training, max_tokens=64):
    return list(encode_text_to_text(examples, task, tokenizer, Limits(max_tokens=max_tokens), training=training))


EXAMPLES = {
    "sentence_pair": PairExample(id="1", premise="the cat", hypothesis="sat", label="1"),
    "pair_regression": ScoredPairExample(id="1", premise="the cat", hypothesis="sat", score=2.5),
    "multiple_choice": ChoiceExample(id="1", context="the cat", choices=("sat", "ate"), label=1),
    "span_qa": QuestionExample(id="1", question="who?", context="the cat", answers=(Answer(text="cat", start=None),)),
    "tagging": TaggedSentence(id="1", words=("the", "cat"), tags=("O", "B-PER")),
}
NO_GOLD = {
    "sentence_pair": PairExample(id="2", premise="a", hypothesis="b", label=None),
    "pair_regression": ScoredPairExample(id="2", premise="a", hypothesis="b", score=None),
    "multiple_choice": ChoiceExample(id="2", context="a", choices=("b", "c"), label=None),
    "span_qa": QuestionExample(id="2", question="a", context="b", answers=()),
    "tagging": TaggedSentence(id="2", words=("a",), tags=None),
}


@pytest.fixture(params=sorted(EXAMPLES))
def kind(request):
    return request.param


@pytest.fixture
def task(kind, make_task):
    labels = {"sentence_pair": ("0", "1"), "tagging": ("O", "B-PER", "I-PER")}.get(kind, ())
    return make_task(kind, labels=labels, num_choices=2 * (kind == "multiple_choice"))


def test_a_sequence_is_the_prompt_and_beside_it_the_target_each_with_its_end(kind, task, mt5_tokenizer):
    (sequence,) = encode([EXAMPLES[kind]], task, mt5_tokenizer, training=True)
    form = get_text_form(kind)
    assert sequence.ids == mt5_tokenizer(form.prompt(EXAMPLES[kind], task))["input_ids"]
    assert sequence.targets == mt5_tokenizer(form.target(EXAMPLES[kind], task))["input_ids"]
    assert sequence.ids[-1] == sequence.targets[-1] == mt5_tokenizer.eos_token_id
    assert (sequence.rows, sequence.info, sequence.item, sequence.second) == ([], [], True, 0)


def test_without_gold_an_example_is_scored_and_not_trained(kind, task, mt5_tokenizer):
    examples = [NO_GOLD[kind], EXAMPLES[kind], NO_GOLD[kind]]
    assert [s.example for s in encode(examples, task, mt5_tokenizer, training=True)] == [1]
    scored = encode(examples, task, mt5_tokenizer, training=False)
    assert [s.example for s in scored] == [0, 1, 2] and all(s.targets == [] for s in scored)


def test_a_prompt_that_is_too_long_keeps_its_begin_and_its_end_token(make_task, mt5_tokenizer):
    task = make_task("sentence_pair", labels=("0", "1"))
    (whole,) = encode([EXAMPLES["sentence_pair"]], task, mt5_tokenizer, training=True)
    (cut,) = encode([EXAMPLES["sentence_pair"]], task, mt5_tokenizer, training=True, max_tokens=9)
    assert cut.ids == [*whole.ids[:8], mt5_tokenizer.eos_token_id]


def test_a_target_that_is_too_long_is_cut_and_ends(make_task, mt5_tokenizer):
    task = make_task("tagging", labels=("A", "B"))
    sentence = TaggedSentence(id="1", words=("w",) * 99, tags=("A",) * 99)
    (sequence,) = encode([sentence], task, mt5_tokenizer, training=True, max_tokens=20)
    assert len(sequence.targets) == 20 and sequence.targets[-1] == mt5_tokenizer.eos_token_id


def test_no_answer_is_an_empty_target(make_task, mt5_tokenizer):
    task = make_task("span_qa", no_answer=True)
    question = QuestionExample(id="1", question="who?", context="the cat", answers=(), impossible=True)
    (sequence,) = encode([question], task, mt5_tokenizer, training=True)
    assert sequence.targets == [mt5_tokenizer.eos_token_id]


def test_a_label_that_the_task_lacks_is_named(make_task, mt5_tokenizer):
    with pytest.raises(DataError, match="label '1' is not one of yes, no"):
        encode(
            [EXAMPLES["sentence_pair"]], make_task("sentence_pair", labels=("yes", "no")), mt5_tokenizer, training=True
        )


def test_running_text_is_a_line_with_its_translation_and_too_short_lines_are_left_out(make_task, mt5_tokenizer):
    task = make_task("masked_lm")
    texts = [("the cat", None), ("", None), ("the cat", "sat on"), ("s", None)]
    lines = [TextExample(id=str(i), text=a, translation=b) for i, (a, b) in enumerate(texts)]
    made = encode(lines, task, mt5_tokenizer, training=True)
    assert [s.example for s in made] == [0, 2, 3]  # "▁s" are two tokens here
    assert made[1].ids == mt5_tokenizer("the cat sat on")["input_ids"]
    assert all(s.targets == s.rows == [] for s in made)


def test_joined_running_text_fills_sequences_with_whole_lines(make_task, mt5_tokenizer):
    lines = [TextExample(id=str(i), text=text) for i, text in enumerate(["the cat", "", "sat on", "the mat"])]
    limits = Limits(max_tokens=len(mt5_tokenizer("the cat sat on")["input_ids"]), join_lines=True)
    made = list(encode_text_to_text(lines, make_task("masked_lm"), mt5_tokenizer, limits, training=True))
    assert [s.example for s in made] == [0, 3]
    assert [s.ids for s in made] == [mt5_tokenizer(text)["input_ids"] for text in ("the cat sat on", "the mat")]


def test_texts_that_are_searched_are_encoded_as_ever(make_task, mt5_tokenizer):
    sentence = BitextExample(id="1", text="the cat", side="query", match=None)
    (sequence,) = encode([sentence], make_task("retrieval"), mt5_tokenizer, training=False)
    assert sequence.ids == mt5_tokenizer("the cat")["input_ids"]
    assert sorted(sequence.rows) == list(range(len(sequence.ids)))


def test_a_format_without_text_form_is_refused(mt5_tokenizer, make_task, monkeypatch):
    monkeypatch.setattr("ds_stilts.formats.text_to_text.TEXT_FORMS", ())
    with pytest.raises(RecipeError, match="has no text-to-text side"):
        encode([EXAMPLES["tagging"]], make_task("tagging", labels=("O",)), mt5_tokenizer, training=False)
