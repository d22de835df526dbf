"""Predictions of a model that writes text, against Hugging Face's own likelihoods and greedy search."""

import json
from collections.abc import Sequence as Seq
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ds_stilts.data.prepared import Prepared
from ds_stilts.engine.text_objective import TextObjective
from ds_stilts.errors import CheckpointError, DataError
from ds_stilts.evaluation.generation import MOST_ANSWER_TOKENS, as_text, most_examples, parting, predict_text
from ds_stilts.evaluation.rows import Row, read_rows, write_shard
from ds_stilts.evaluation.scores import scores_from_rows
from ds_stilts.evaluation.work import ForwardBatch
from ds_stilts.formats import get_format
from ds_stilts.formats.base import Limits, Prediction
from ds_stilts.formats.text_to_text import get_text_form
from ds_stilts.formats.text_to_text.encoding import encode_text_to_text
from ds_stilts.models.seq2seq import PackedSeq2Seq
from ds_stilts.models.t5_encoder import PackedT5Encoder
from ds_stilts.tasks.examples import Answer, ChoiceExample, Example, PairExample, QuestionExample, TaggedSentence
from ds_stilts.tasks.task import Task
from tests.small import mt5, mt5_tokenizer, prepared, task

TOKENIZER = mt5_tokenizer()
PAIRS = [
    PairExample(id=str(i), premise="abc de"[: 2 + i % 5] * (1 + i % 3), hypothesis="fg" * (i % 4), label=str(i % 3))
    for i in range(9)
]
NLI = task("nli", labels=("0", "1", "2"))
WORDS = ["ab cd e", "a", "bc de", "fg hij k l"]


class Alone:
    """A world of one."""

    device = torch.device("cpu")

    def any(self, flag: bool) -> bool:
        return flag


def encoded(examples: Seq[Example], of: Task) -> Prepared:
    made = list(encode_text_to_text(examples, of, TOKENIZER, Limits(max_tokens=99), training=False))
    empty: list[list[int]] = [[] for _ in made]
    return prepared([s.ids for s in made], rows=empty, targets=empty, example=[s.example for s in made])


def predict(model: Any, of: Task, examples: list[Example], batches: list[list[int]]) -> dict[int, Prediction]:
    objective = TextObjective(PackedSeq2Seq(PackedT5Encoder(model)), [of]).eval()
    dealt = [ForwardBatch(batch) for batch in batches]
    return predict_text(objective, of, encoded(examples, of), dealt, examples, TOKENIZER, Alone())  # type: ignore[arg-type]


@pytest.mark.parametrize("format", ["sentence_pair", "tagging"])
def test_a_model_that_gives_nan_is_one_sentence(format: str) -> None:
    model = mt5()
    next(model.encoder.block[0].parameters()).data.fill_(float("nan"))
    of = NLI if format == "sentence_pair" else task("pos", "tagging", labels=("N", "V"))
    examples: list[Example] = (
        [*PAIRS[:2]] if of is NLI else [TaggedSentence(id="0", words=("ab", "cd"), tags=("N", "V"))]
    )
    with pytest.raises(CheckpointError, match=r"(likelihoods|next token's logits) are not finite; the model's weights"):
        predict(model, of, examples, [[i] for i in range(len(examples))])


def test_the_label_is_the_one_of_the_greatest_likelihood_under_hugging_faces_model() -> None:
    labels = ("0", "2", "2ab")  # they part at different tokens: the whole label counts, its end too
    shared = task("nli", labels=labels)
    found = predict(mt5(seed=2), shared, list(PAIRS), [[4, 0, 7, 2], [8], [1, 3, 5, 6]])
    assert sorted(found) == list(range(9)) and len({p.prediction for p in found.values()}) > 1
    form = get_text_form("sentence_pair")
    for index, example in enumerate(PAIRS):
        source = TOKENIZER(form.prompt(example, shared), return_tensors="pt").input_ids
        likelihoods = []
        for label in labels:
            target = TOKENIZER(label, return_tensors="pt").input_ids
            with torch.no_grad():
                logits = mt5(seed=2)(input_ids=source, labels=target).logits[0]
            likelihoods.append(-float(F.cross_entropy(logits, target[0], reduction="sum")))
        best, second = sorted(likelihoods)[-1], sorted(likelihoods)[-2]
        assert json.loads(found[index].prediction) == labels[likelihoods.index(best)]
        assert found[index].score == pytest.approx(best - second, abs=1e-4)
        shares = torch.distributions.Categorical(logits=torch.tensor(likelihoods))
        assert found[index].confidence == pytest.approx(float(shares.probs.max()), abs=1e-4)
        assert found[index].entropy == pytest.approx(float(shares.entropy()), abs=1e-4)
        assert json.loads(found[index].gold) == example.label and found[index].legal


def test_where_all_labels_part_at_one_token_its_likelihood_under_hugging_faces_model_decides() -> None:
    labels = ("0", "1ab", "2")  # the tokenizer writes a word mark first, which they share
    shared = task("nli", labels=labels)
    found = predict(mt5(seed=2), shared, list(PAIRS), [[4, 0, 7, 2], [8], [1, 3, 5, 6]])
    assert sorted(found) == list(range(9)) and len({p.prediction for p in found.values()}) > 1
    mark, following = TOKENIZER("0").input_ids[0], [TOKENIZER(label).input_ids[1] for label in labels]
    for index, example in enumerate(PAIRS):
        source = TOKENIZER(get_text_form("sentence_pair").prompt(example, shared), return_tensors="pt").input_ids
        with torch.no_grad():
            logits = mt5(seed=2)(input_ids=source, decoder_input_ids=torch.tensor([[0, mark]])).logits[0, -1, following]
        best, second = logits.topk(2).values
        assert json.loads(found[index].prediction) == labels[int(logits.argmax())]
        assert found[index].score == pytest.approx(float(best - second), abs=1e-4)
        assert found[index].confidence == pytest.approx(float(logits.softmax(0).max()), abs=1e-4)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([[5, 1], [6, 1]], ([], [5, 6])),
        ([[3, 5, 1], [3, 6, 7, 1]], ([3], [5, 6])),
        ([[3, 1], [3, 4, 1]], ([3], [1, 4])),
        ([[3, 5, 1], [3, 6, 1], [3, 6, 7, 1]], None),
        ([[3], [3, 4]], None),
        ([[3, 1]], None),
        ([], None),
    ],
)
def test_labels_part_where_no_two_go_on_alike(labels: list[list[int]], expected: object) -> None:
    assert parting(labels) == expected


def test_no_prediction_depends_on_the_batch() -> None:
    questions = questions_of(WORDS)
    for of, examples in ((NLI, list(PAIRS)), (task("qa", "span_qa"), questions)):
        everything = list(range(len(examples)))
        together = predict(mt5(), of, examples, [everything])
        alone = predict(mt5(), of, examples, [[i] for i in everything])
        for index in everything:
            one, other = together[index], alone[index]
            assert (one.prediction, one.written) == (other.prediction, other.written)
            assert one.score == pytest.approx(other.score, abs=1e-4)


def questions_of(texts: Seq[str]) -> list[Example]:
    answers = (Answer(text="ab", start=0),)
    return [QuestionExample(id=str(i), question=t, context=f"ab {t}", answers=answers) for i, t in enumerate(texts)]


def test_an_answer_is_what_hugging_face_writes_greedily_up_to_its_end() -> None:
    of, questions = task("qa", "span_qa"), questions_of(WORDS)
    model = ending_model()
    found = predict(model, of, questions, [[2, 0], [3, 1]])
    lengths = set()
    for index, question in enumerate(questions):
        source = TOKENIZER(get_text_form("span_qa").prompt(question, of), return_tensors="pt").input_ids
        with torch.no_grad():
            ids = ending_model().generate(
                source, do_sample=False, num_beams=1, max_new_tokens=MOST_ANSWER_TOKENS, use_cache=False
            )[0, 1:]
        lengths.add(len(ids))
        assert found[index].written == TOKENIZER.decode(ids, skip_special_tokens=True)
        assert json.loads(found[index].gold) == ["ab"]
    assert len(lengths) > 1 and min(lengths) < MOST_ANSWER_TOKENS, "some must end, and not all at once"


def ending_model() -> Any:
    """A model that likes to end, sooner or later."""
    model = mt5(seed=2)
    with torch.no_grad():
        model.lm_head.weight[1] *= 1.3
    return model


def test_writing_nothing_is_no_answer_where_there_may_be_none() -> None:
    of = task("qa", "span_qa", no_answer=True)
    questions = questions_of(WORDS)
    model = mt5(seed=3)
    with torch.no_grad():
        model.lm_head.weight[1] *= 1.6
    found = predict(model, of, questions, [[0, 1, 2, 3]])
    assert len({prediction.score > 0 for prediction in found.values()}) == 2, "some must write nothing, and some not"
    for prediction in found.values():
        said = json.loads(prediction.prediction)
        assert said["answer"] == said["span"]
        assert prediction.legal and (prediction.score < 0) == (prediction.written == "")


def test_what_is_no_answer_is_counted_and_scored_as_wrong(tmp_path: Path) -> None:
    of = task("pos", "tagging", labels=("N", "V"), metrics=("accuracy",))
    sentences: list[Example] = [
        TaggedSentence(id=str(i), words=tuple(text.split()), tags=("N",) * len(text.split()))
        for i, text in enumerate(WORDS)
    ]
    found = predict(mt5(), of, sentences, [[0, 1], [2, 3]])
    assert not any(prediction.legal for prediction in found.values()), "a random model writes no tags"
    write_rows(of, sentences, found, tmp_path)
    rows = read_rows(tmp_path, "en")
    assert [row["written"] for row in rows] == [found[i].written for i in range(4)]
    assert get_format("tagging").score(rows, of, "en") == {"accuracy": 0.0}
    assert scores_from_rows(of, ["en"], tmp_path)["languages"]["en"]["illegal"] == 4


def test_of_heads_nothing_is_said_to_be_illegal(tmp_path: Path) -> None:
    prediction = Prediction(gold='"0"', prediction='"1"', score=1.0)
    write_rows(NLI, list(PAIRS[:1]), {0: prediction}, tmp_path)
    assert "illegal" not in scores_from_rows(NLI, ["en"], tmp_path)["languages"]["en"]


def write_rows(of: Task, examples: list[Example], found: dict[int, Prediction], folder: Path) -> None:
    rows = [
        Row(
            task=of.name, language="en", split="test", id=examples[i].id, index=i, gold=p.gold, tokens=1,
            prediction=p.prediction, score=p.score, zero_shot=False, written=p.written, legal=p.legal,
        )
        for i, p in found.items()
    ]  # fmt: skip
    write_shard(rows, folder, "en", 0)


def test_a_choice_is_chosen_by_its_number() -> None:
    of = task("copa", "multiple_choice", num_choices=3)
    examples: list[Example] = [
        ChoiceExample(id=str(i), context=text, choices=("a", "b", text), label=i % 3) for i, text in enumerate(WORDS)
    ]
    found = predict(mt5(), of, examples, [[0, 1, 2, 3]])
    assert {json.loads(prediction.prediction) for prediction in found.values()} <= {0, 1, 2}
    assert [json.loads(found[i].gold) for i in range(4)] == [0, 1, 2, 0]


def test_labels_that_the_tokenizer_writes_alike_are_refused() -> None:
    alike = task("nli", labels=("ä", "ö"))  # neither has a piece
    with pytest.raises(DataError, match=r"writes two of its labels .* alike; give them other names"):
        predict(mt5(), alike, list(PAIRS), [[0]])


def test_batches_shrink_with_the_number_of_labels() -> None:
    few, many = task("a", labels=("0", "1", "12")), task("b", labels=tuple(str(number) for number in range(10, 60)))
    most, least = most_examples(few, TOKENIZER, None), most_examples(many, TOKENIZER, None)
    assert most and least and most > 10 * least >= 10
    assert most_examples(few, TOKENIZER, 7) == 7
    assert most_examples(task("a", labels=("0", "1")), TOKENIZER, None) is None, "whose labels meet no vocabulary"
    assert (most_examples(task("qa", "span_qa"), TOKENIZER, None) or 0) > most


def test_sequences_lie_in_packed_order_whatever_the_order_of_the_batch() -> None:
    made = encoded(list(PAIRS), NLI)
    lengths = [len(made.ids[i]) for i in range(9)]
    assert len(set(lengths)) > 3 and lengths != sorted(lengths), "or the order would not be tried"
    assert np.array_equal(made.example, np.arange(9))


def test_what_was_written_keeps_its_spaces_whatever_a_saved_tokenizer_is_set_to() -> None:
    """As a tokenizer_config.json of transformers 4 has it: spaces before punctuation taken out."""
    tokenizer = mt5_tokenizer()
    tokenizer.clean_up_tokenization_spaces = True
    words, tags = ("ab", ".", "cd", "."), ("B-PER", "I-PER", "O", "O")
    ner = task("ner", "tagging", labels=("B-PER", "I-PER", "O"))
    (text,) = as_text(tokenizer, [tokenizer("ab .", add_special_tokens=False).input_ids])
    assert text == "ab ."
    sentence = TaggedSentence(id="0", words=words, tags=tags)
    assert get_text_form("tagging").parse(f"PER: {text}", sentence, ner) == list(tags)
    assert get_text_form("tagging").parse("PER: ab.", sentence, ner) is None, "a sentence that would count as illegal"
