"""The registry and the declarations in it."""

import os
from importlib import import_module
from pathlib import Path

import pytest

import ds_stilts.tasks
from ds_stilts.errors import DataError, RecipeError
from ds_stilts.tasks import FOLDERS, all_tasks, get_task
from ds_stilts.tasks.readers.columns import Rows
from ds_stilts.tasks.task import Task, fill

# XTREME_TASK2LANGS and XTREME_R_TASK2LANGS of evaluate.py, google-research/xtreme
# 838c13b69daafb9328785d16caae2711e4012123
XTREME = {
    "pawsx": "de,en,es,fr,ja,ko,zh",
    "xnli": "ar,bg,de,el,en,es,fr,hi,ru,sw,th,tr,ur,vi,zh",
    "panx": "ar,he,vi,id,jv,ms,tl,eu,ml,ta,te,af,nl,en,de,el,bn,hi,mr,ur,fa,fr,"
    "it,pt,es,bg,ru,ja,ka,ko,th,sw,yo,my,zh,kk,tr,et,fi,hu",
    "udpos": "af,ar,bg,de,el,en,es,et,eu,fa,fi,fr,he,hi,hu,id,it,ja,kk,ko,mr,nl,pt,ru,ta,te,th,tl,tr,ur,vi,yo,zh",
    "bucc2018": "de,fr,ru,zh",
    "tatoeba": "ar,he,vi,id,jv,tl,eu,ml,ta,te,af,nl,de,el,bn,hi,mr,ur,fa,fr,it,"
    "pt,es,bg,ru,ja,ka,ko,th,sw,zh,kk,tr,et,fi,hu",
    "xquad": "en,es,de,el,ru,tr,ar,vi,th,zh,hi",
    "mlqa": "en,es,de,ar,hi,vi,zh",
    "tydiqa": "en,ar,bn,fi,id,ko,ru,sw,te",
}
XTREME_R = {
    **{name: languages for name, languages in XTREME.items() if name not in ("pawsx", "bucc2018")},
    "panx": XTREME["panx"] + ",qu,pl,uk,az,lt,pa,gu,ro",
    "udpos": XTREME["udpos"] + ",lt,pl,uk,wo,ro",
    "tatoeba": XTREME["tatoeba"] + ",az,lt,pl,uk,ro",
    "xquad": XTREME["xquad"] + ",ro",
    "xcopa": "et,ht,id,it,qu,sw,ta,th,tr,vi,zh",
    "lareqa": XTREME["xquad"],  # empty there; XQuAD-R has XQuAD's languages
    "mewslix": "ar,de,en,es,fa,ja,pl,ro,ta,tr,uk",
}
DECLARATIONS = [
    path
    for folder in FOLDERS
    for path in sorted((Path(ds_stilts.tasks.__file__).parent / folder).glob("*.py"))
    if path.name != "__init__.py"
]


@pytest.mark.parametrize(("benchmark", "official"), [("xtreme", XTREME), ("xtreme-r", XTREME_R)])
def test_languages_of_a_benchmark_and_their_order_are_the_official_ones(
    benchmark: str, official: dict[str, str]
) -> None:
    declared = {task.name: ",".join(task.benchmarks[benchmark]) for task in all_tasks() if benchmark in task.benchmarks}
    assert declared == official


def test_every_declaration_is_in_the_catalogue() -> None:
    modules = [f"ds_stilts.tasks.{path.parent.name}.{path.stem}" for path in DECLARATIONS]
    assert [import_module(module).TASK.name for module in modules] == [task.name for task in all_tasks()]


@pytest.mark.parametrize("path", DECLARATIONS, ids=lambda path: path.stem)
def test_a_declaration_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.parametrize("task", all_tasks(), ids=lambda task: task.name)
def test_a_declaration_is_whole(task: Task) -> None:
    assert task.licence and task.citation and task.url and task.title and task.metrics
    assert task.score_split in task.splits
    assert len(set(task.languages)) == len(task.languages)
    assert bool(task.labels) == (task.format in ("sentence_pair", "tagging"))
    assert bool(task.num_choices) == (task.format == "multiple_choice")
    assert len(set(task.labels)) == len(task.labels)
    assert set(task.chance) <= set(task.metrics)
    assert set(task.value_metrics) <= set(task.metrics)
    assert task.hub is None or set(task.hub.splits) | set(task.hub.others) <= set(task.splits)
    # heads become keys of a torch ModuleDict, which may not hold a dot
    assert "." not in task.head
    for split in task.splits.values():
        assert set(split.languages or ()) <= set(task.languages)
        languages = split.languages or task.languages
        if not (isinstance(split.read, Rows) and split.read.language):  # a file of all languages
            assert len({fill(split.file, language, split.stems) for language in languages}) == len(languages)


def test_targets_name_the_training_set_that_they_share() -> None:
    assert (get_task("xnli").train_data, get_task("xquad").train_data) == ("mnli", "squad_v1")


def test_an_unknown_task_suggests_the_nearest() -> None:
    with pytest.raises(RecipeError, match=r"no task 'xnlli' \(did you mean 'xnli'\?\)"):
        get_task("xnlli")


def test_an_unknown_variant_names_those_there_are() -> None:
    with pytest.raises(
        RecipeError,
        match=r"no variant 'reversed' of task 'mnli'; there are 'NAME:shuffled' .* 'NAME:real_fake' .* 'NAME:noise'",
    ):
        get_task("mnli:reversed")


def test_a_missing_file_says_where_it_is_had_and_where_it_belongs(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"xnli/dev-sw\.tsv is missing: .* https://github\.com/google-research/xtreme"):
        get_task("xnli").examples("dev", "sw", tmp_path)


def test_a_file_that_cannot_be_looked_for_is_told(tmp_path: Path) -> None:
    locked = tmp_path / "snli"
    locked.mkdir(mode=0o000)
    root = tmp_path if not os.access(locked, os.X_OK) else tmp_path / ("x" * 300)  # root may look into any folder
    # from Python 3.14 on, `Path.is_file` says no more of such a file than that it is not there
    with pytest.raises(DataError, match=r"snli.* (cannot be looked for: .*; check the permissions|is missing)"):
        get_task("snli").examples("dev", "en", root)
    locked.chmod(0o700)


def test_training_in_a_language_without_training_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="'xnli' has no language 'de' in split 'train'"):
        get_task("xnli").examples("train", "de", tmp_path)
