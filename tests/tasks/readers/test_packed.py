"""Any official file may be packed (docs/tasks.md), also those that a reader opens beside the first, each by itself."""

import gzip
from pathlib import Path

import pytest

from ds_stilts.tasks import get_task

SETS = {
    "tatoeba": (
        "test",
        "de",
        {"tatoeba/de-en.de": "B\nA\n", "tatoeba/de-en.en": "a\nb\n", "labels/tatoeba/test-de.tsv": "1\n0\n"},
    ),
    "bucc2018": (
        "dev",
        "zh",
        {
            "bucc2018/zh-en.dev.zh": "zh-1\t你好\n",
            "bucc2018/zh-en.dev.en": "en-1\tHello.\n",
            "bucc2018/zh-en.dev.gold": "zh-1\ten-1\n",
        },
    ),
    "tweeteval_irony": (
        "train",
        "en",
        {
            "domain/tweeteval/irony/train_text.txt": "so it is\n",
            "domain/tweeteval/irony/train_labels.txt": "1\n",
            "domain/tweeteval/irony/mapping.txt": "0\tnon_irony\n1\tirony\n",
        },
    ),
    "ccg": ("train", "en", {"ccg/ccg.train": "the cat\tNP N\n", "ccg/tags_to_id.json": '{"NP": 0, "N": 1}'}),
}


@pytest.mark.parametrize("name", SETS)
def test_packed_files_are_read_like_the_others(name: str, tmp_path: Path) -> None:
    split, language, files = SETS[name]
    for file, text in files.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text, encoding="utf-8")
    plain = get_task(name).examples(split, language, tmp_path)
    for file, text in files.items():
        (tmp_path / f"{file}.gz").write_bytes(gzip.compress(text.encode()))
        (tmp_path / file).unlink()
        assert get_task(name).examples(split, language, tmp_path) == plain, file
