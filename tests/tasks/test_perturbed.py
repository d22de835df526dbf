"""Perturbed copies of targets: gold and training stay, what is scored is disturbed, alike for everybody."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from ds_stilts.data.identity import declaration
from ds_stilts.errors import RecipeError
from ds_stilts.tasks import get_task
from ds_stilts.tasks.documentation import facts, split_facts
from ds_stilts.tasks.examples import Example, PairExample, QuestionExample, TaggedSentence
from ds_stilts.tasks.perturbations import letters
from ds_stilts.tasks.perturbed import PERTURBATIONS

TEXTS = {
    "ar": "حقق الفريق أربعة وعشرين نقطة في تلك المباراة الكبيرة. واعترض جوش نورمان أربع كرات في ذلك الموسم الطويل.",
    "hi": "टीम ने उस बड़े मैच में चौबीस अंक बनाए। जोश नॉर्मन ने उस लंबे सीज़न में चार गेंदें रोकीं।",
    "th": "ทีมทำคะแนนได้ยี่สิบสี่คะแนนในการแข่งขันครั้งใหญ่นั้น จอช นอร์แมนสกัดบอลได้สี่ครั้งในฤดูกาลอันยาวนาน",
    "zh": "球队在那场重要的比赛中得到了二十四分之多。约什·诺曼在那个漫长的赛季里总共拦截了四个球。",
}
GOLD = {"ar": "جوش نورمان", "hi": "जोश नॉर्मन", "th": "จอช นอร์แมน", "zh": "约什·诺曼"}
SPAN_QA = ("xquad", "mlqa", "tydiqa", "synth_qa", "synth_qa_low")


def article(number: int, text: str, gold: str) -> dict:
    context = f"{number}: {text}"
    answers = [{"text": gold, "answer_start": context.index(gold)}]
    return {"paragraphs": [{"context": context, "qas": [{"id": f"q{number}", "question": text, "answers": answers}]}]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """XQuAD with six contexts in each of four scripts, of which every other one is about something else."""
    (tmp_path / "xquad").mkdir()
    for language, text in TEXTS.items():
        other = text.replace(GOLD[language], "X Y")
        data = [article(n, *((text, GOLD[language]) if n % 2 else (other, "X Y"))) for n in range(6)]
        path = tmp_path / f"xquad/xquad.{language}.json"
        path.write_text(json.dumps({"data": data}, ensure_ascii=False), encoding="utf-8")
    return tmp_path


def both(name: str, way: str, language: str, root: Path) -> list[tuple[Example, Example]]:
    """Each scored example as it is, and perturbed."""
    task = get_task(name)
    clean = task.examples(task.score_split, language, root)
    return list(zip(clean, get_task(f"{name}:{way}").examples(task.score_split, language, root), strict=True))


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("way", PERTURBATIONS)
def test_answers_stand_where_they_stood(way: str, language: str, root: Path) -> None:
    for clean, copy in both("xquad", way, language, root):
        assert (copy.id, copy.answers) == (clean.id, clean.answers)
        (answer,) = copy.answers
        assert copy.context[answer.start :].startswith(answer.text)


@pytest.mark.parametrize("language", TEXTS)
def test_noise_is_in_the_question_only(language: str, root: Path) -> None:
    pairs = both("xquad", "noise", language, root)
    assert all(copy.context == clean.context for clean, copy in pairs)
    assert sum(copy.question != clean.question for clean, copy in pairs) >= 5


@pytest.mark.parametrize("language", TEXTS)
def test_a_distractor_is_of_another_context_and_holds_no_answer(language: str, root: Path) -> None:
    pairs = both("xquad", "distractor", language, root)
    contexts = {clean.context for clean, _ in pairs}
    for clean, copy in pairs:
        assert copy.question == clean.question and copy.context.startswith(f"{clean.context} ")
        added = copy.context.removeprefix(f"{clean.context} ")
        assert added and clean.answers[0].text not in added
        assert any(added in context for context in contexts - {clean.context})


def test_a_context_without_any_other_stays_as_it_is(root: Path) -> None:
    path = root / "xquad/xquad.ar.json"
    path.write_text(json.dumps({"data": [article(0, TEXTS["ar"], GOLD["ar"])]}), encoding="utf-8")
    ((clean, copy),) = both("xquad", "distractor", "ar", root)
    assert copy == clean


def test_every_process_perturbs_alike(root: Path) -> None:
    program = (
        "import sys, pathlib; from ds_stilts.tasks import get_task\n"
        "for way in ('noise', 'distractor'):\n"
        "    print(*map(ascii, get_task(f'xquad:{way}').examples('test', 'hi', pathlib.Path(sys.argv[1]))), sep='\\n')"
    )
    command = [sys.executable, "-c", program, str(root)]
    other = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    own = [copy for way in ("noise", "distractor") for _, copy in both("xquad", way, "hi", root)]
    assert other == list(map(ascii, own))


def test_what_is_drawn_depends_on_the_id_alone(root: Path) -> None:
    whole = {copy.id: copy.question for _, copy in both("xquad", "noise", "zh", root)}
    path = root / "xquad/xquad.zh.json"
    data = json.loads(path.read_text(encoding="utf-8"))["data"]
    path.write_text(json.dumps({"data": data[::-2]}), encoding="utf-8")
    some = {copy.id: copy.question for _, copy in both("xquad", "noise", "zh", root)}
    assert len(some) == 3 and some == {id: whole[id] for id in some}


@pytest.mark.parametrize("name", SPAN_QA)
@pytest.mark.parametrize("way", PERTURBATIONS)
def test_training_and_development_data_are_those_of_the_clean_task(name: str, way: str) -> None:
    clean, copy = get_task(name), get_task(f"{name}:{way}")
    for split in clean.splits:
        assert (copy.splits[split] == clean.splits[split]) == (split != clean.score_split)
    assert (copy.head, copy.train_data, copy.hub) == (clean.head, clean.train_data, clean.hub)
    assert (copy.perturbed_from, copy.trained_as, clean.trained_as) == (name, name, name)


@pytest.mark.parametrize("way", PERTURBATIONS)
def test_a_copy_is_told_apart_by_name_title_and_what_is_prepared_and_is_in_no_benchmark(way: str) -> None:
    clean, copy = get_task("xquad"), pickle.loads(pickle.dumps(get_task(f"xquad:{way}")))
    assert copy == get_task(f"xquad:{way}")
    assert copy.name == f"xquad:{way}" and copy.title.startswith("XQuAD, ") and copy.benchmarks == {}
    assert "Perturbed: " in copy.note and clean.note in copy.note and "{" not in copy.note + copy.title
    kinds = [declaration(get_task(f"xquad:{other}"), "test") for other in PERTURBATIONS]
    assert len({declaration(clean, "test"), *kinds}) == len(PERTURBATIONS) + 1


@pytest.mark.parametrize("way", PERTURBATIONS)
def test_the_catalogue_describes_a_copy(way: str) -> None:
    copy = get_task(f"tydiqa:{way}")
    assert facts(copy)["scored on"] == "dev" and "Perturbed" in facts(copy)["note"]
    assert split_facts(copy, "dev") == split_facts(get_task("tydiqa"), "dev")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tatoeba:noise", "no 'tatoeba:noise': 'tatoeba' is retrieval, and only span_qa or sentence_pair or tagging"),
        ("hellaswag:no_case", "'hellaswag' is multiple_choice"),
        ("xnli:distractor", "'xnli' is sentence_pair, and only span_qa is perturbed so"),
        ("xquad:noize", r"no variant 'noize' of task 'xquad' \(did you mean 'noise'\?\)"),
    ],
)
def test_what_cannot_be_perturbed_is_refused(name: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        get_task(name)


def test_pairs_are_disturbed_on_both_sides_and_tags_stay() -> None:
    split = get_task("xnli:noise").splits["test"]
    pair = PairExample(id="1", premise="premise " * 40, hypothesis="hypothesis " * 40, label="neutral")
    (copy,) = split.then([pair], task=get_task("xnli:noise"), language="en")
    assert copy.premise != pair.premise and copy.hypothesis != pair.hypothesis and copy.label == pair.label

    split = get_task("panx:no_case").splits["test"]
    sentence = TaggedSentence(id="1", words=("Zürich", "im", "Mai"), tags=("B-LOC", "O", "O"))
    (folded,) = split.then([sentence], task=get_task("panx:no_case"), language="de")
    assert (folded.words, folded.tags) == (("zurich", "im", "mai"), sentence.tags)


REAL = [
    *(("xquad", "test", language) for language in ("ar", "en", "vi", "zh")),
    *(("mlqa", "dev", language) for language in ("ar", "zh")),
    *(("tydiqa", "dev", language) for language in ("bn", "ko")),
]


@pytest.mark.parametrize(("name", "split", "language"), REAL)
def test_real_questions_are_disturbed_and_their_answers_stay(
    name: str, split: str, language: str, real_data: Path
) -> None:
    clean = get_task(name).examples(split, language, real_data)
    for way, least in (("noise", 0.4), ("distractor", 0.99)):  # 0.4: a Chinese question has some 14 letters
        copies = list(PERTURBATIONS[way].of(clean, way))
        assert [(one.id, one.answers) for one in copies] == [(one.id, one.answers) for one in clean]
        for copy, one in zip(copies, clean, strict=True):
            assert isinstance(copy, QuestionExample) and copy.context.startswith(one.context)
            assert all(
                answer.start is None or copy.context[answer.start :].startswith(answer.text) for answer in copy.answers
            )
        assert sum(copy != one for copy, one in zip(copies, clean, strict=True)) >= least * len(clean)
        if way == "noise":
            before, after = (sum(len(letters(one.question)) for one in found) for found in (clean, copies))
            assert abs(after - before) < 0.01 * before  # as much is doubled as is left out
