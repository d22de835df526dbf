"""A tokenizer trained from nothing: XLM-R's layout, fair to small languages, the same each time."""

import gzip
import random
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.errors import DataError
from ds_stilts.phases.start import make_initial, texts_by_language, train_tokenizer
from ds_stilts.recipe import Recipe, Tokenizer

LATIN, GREEK = "abcdefghij", "αβγδεζηθικ"


def lines(letters: str, count: int, seed: int = 1) -> list[str]:
    """Lines of words made of 60 roots, some words far more frequent than others."""
    rng = random.Random(seed)
    roots = ["".join(rng.choices(letters, k=rng.randint(2, 4))) for _ in range(60)]
    words = ["".join(rng.choices(roots, k=rng.randint(1, 3))) for _ in range(1500)]
    frequency = [1 / (rank + 1) for rank in range(len(words))]
    return [" ".join(rng.choices(words, frequency, k=8)) for _ in range(count)]


def train(texts: dict[str, list[str]], vocabulary: int = 200, exponent: float = 0.5, seed: int = 1) -> Any:
    options = Tokenizer(vocabulary=vocabulary, sampling_exponent=exponent)
    return train_tokenizer(texts, options, max_tokens=128, seed=seed)


TEXTS = {"en": lines(LATIN, 1500), "el": lines(GREEK, 100)}


@pytest.fixture(scope="module")
def trained() -> Any:
    return train(TEXTS)


def test_special_tokens_have_xlm_rs_ids_and_the_mask_is_last(trained: Any) -> None:
    assert trained.convert_ids_to_tokens([0, 1, 2, 3]) == ["<s>", "<pad>", "</s>", "<unk>"]
    assert len(trained) == 200
    assert trained.mask_token_id == 199
    ids = (trained.bos_token_id, trained.pad_token_id, trained.eos_token_id, trained.unk_token_id)
    assert ids == (0, 1, 2, 3)
    assert (trained.cls_token_id, trained.sep_token_id, trained.model_max_length) == (0, 2, 128)


def test_inputs_have_xlm_rs_templates(trained: Any) -> None:
    a, b = (trained(text, add_special_tokens=False)["input_ids"] for text in ("abc", "defg hij"))
    assert a and b and 3 not in a + b
    assert trained("abc")["input_ids"] == [0, *a, 2]
    assert trained("abc", "defg hij")["input_ids"] == [0, *a, 2, 2, *b, 2]


def test_text_comes_back_and_variants_are_one(trained: Any) -> None:
    ids = trained("abc  de\u200bf", add_special_tokens=False)["input_ids"]
    assert trained.decode(ids) == "abc de f"
    assert ids == trained(" ａｂｃ de\tf ", add_special_tokens=False)["input_ids"]  # full-width letters: NFKC


def test_the_mask_is_one_token_inside_text(trained: Any) -> None:
    assert trained("abc <mask> abc")["input_ids"].count(trained.mask_token_id) == 1


def pieces_of(tokenizer: Any, letters: str) -> list[str]:
    return [piece for piece in tokenizer.get_vocab() if len(piece.strip("▁")) > 1 and set(piece) & set(letters)]


def test_a_small_language_is_not_starved(trained: Any) -> None:
    """Greek is 6 % of the text; by its size alone it would get far fewer pieces and so longer inputs."""
    by_size = train(TEXTS, exponent=1.0)
    assert len(pieces_of(trained, GREEK)) > 1.3 * len(pieces_of(by_size, GREEK))
    unseen = " ".join(lines(GREEK, 160)[100:])
    tokens = [len(made(unseen, truncation=False, verbose=False)["input_ids"]) for made in (trained, by_size)]
    assert tokens[0] < 0.9 * tokens[1]


def test_the_same_seed_gives_the_same_tokenizer(trained: Any) -> None:
    again = train({"el": TEXTS["el"], "en": TEXTS["en"]})
    assert again.backend_tokenizer.to_str() == trained.backend_tokenizer.to_str()


def test_too_little_text_for_the_vocabulary_names_both_numbers() -> None:
    with pytest.raises(DataError, match=r"gives only \d+ pieces, start\.tokenizer\.vocabulary asks for 5000; lower it"):
        train({"en": lines(LATIN, 50)}, vocabulary=5000)


def test_no_text_is_a_sentence() -> None:
    with pytest.raises(DataError, match=r"no pretraining text was found; give --data-root"):
        train({})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {
        "text/de.txt.gz": "eins\nzwei\neins\n",
        "ntrex/en.tsv.gz": "1\tone\n2\ttwo\n",
        "ntrex/de.tsv.gz": "1\tein\n",
        "ntrex/fr.tsv.gz": "1\tun\n2\tdeux\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(gzip.compress(text.encode()))
    return tmp_path


def test_texts_come_by_language_and_english_of_translations_once(root: Path) -> None:
    assert texts_by_language(["text", "ntrex"], root) == {
        "de": ["eins", "zwei", "ein"],
        "en": ["one", "two"],
        "fr": ["un", "deux"],
    }


def test_an_initial_model_is_a_folder_that_is_made_once_and_is_the_same_each_time(tmp_path: Path) -> None:
    for language, letters in (("en", LATIN), ("el", GREEK)):
        path = tmp_path / f"text/{language}.txt.gz"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress("\n".join(lines(letters, 100)).encode()))
    recipe = Recipe.model_validate(
        {
            "name": "probe",
            "start": {
                "tokenizer": {"vocabulary": 90},
                "architecture": {"hidden_size": 16, "layers": 1, "heads": 2, "intermediate_size": 16, "max_tokens": 32},
                "pretrain": {"tasks": {"text": {}}, "steps": 1},
            },
            "arms": {"none": None},
            "targets": {},
        }
    )
    for name in ("one", "two"):
        make_initial(recipe, tmp_path, tmp_path / name)
    one, two = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two
    (tmp_path / "one" / "mark").touch()
    make_initial(recipe, tmp_path, tmp_path / "one")
    assert (tmp_path / "one" / "mark").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "text", "two"]
