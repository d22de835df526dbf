"""Making a start model from nothing: train a tokenizer, draw random weights, write a Hugging Face folder.

For people who have no checkpoint. Made-up languages get tokenizer and aligned word vectors from `ds_stilts.synthetic`.
"""

import json
import shutil
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ds_stilts.data.mixture import generator
from ds_stilts.engine.telemetry import say
from ds_stilts.errors import DataError
from ds_stilts.models.family import MT5
from ds_stilts.models.tokenizer import (
    FIRST_TOKENS,
    MASK,
    MT5_FIRST_TOKENS,
    MT5_SENTINELS,
    mt5_tokenizer,
    xlmr_tokenizer,
)
from ds_stilts.recipe import Recipe, Tokenizer
from ds_stilts.tasks import get_task
from ds_stilts.tasks.examples import TextExample

_SAMPLING_STREAM = 17
ASCII = string.ascii_letters + string.digits + string.punctuation
"""What prompts and answers are written with, whatever the languages are."""


def make_initial(recipe: Recipe, data_root: Path, folder: Path) -> None:
    """Write the untrained start model of a recipe unless it is there.

    Raises:
        DataError: the pretraining text is missing or too small for the vocabulary.
    """
    start = recipe.start
    assert start.architecture is not None
    if folder.exists():
        return
    from ds_stilts.models.loading import quiet

    quiet()
    temporary = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.parent.mkdir(parents=True, exist_ok=True)
    if start.oracle:
        from ds_stilts.synthetic import oracle_start

        assert recipe.data.synthetic is not None
        oracle_start(
            temporary,
            preset=recipe.data.synthetic.preset,
            world_seed=recipe.data.synthetic.seed,
            seed=recipe.seed_of("start"),
            sigma=start.oracle.sigma,
            scale=start.oracle.scale,
            architecture=start.architecture,
        )
    else:
        import torch

        from ds_stilts.models.loading import make_start, save_folder

        assert start.tokenizer is not None and start.pretrain is not None
        say(f"training a tokenizer of {start.tokenizer.vocabulary:,} pieces")
        tokenizer = train_tokenizer(
            texts_by_language(list(start.pretrain.tasks), data_root),
            start.tokenizer,
            max_tokens=start.architecture.max_tokens,
            seed=recipe.seed_of("start"),
            family=start.architecture.family,
        )
        torch.manual_seed(recipe.seed_of("start"))
        model = make_start(start.architecture, tokenizer).masked_lm
        save_folder(model, tokenizer, temporary, model.state_dict())
    temporary.rename(folder)


def texts_by_language(names: list[str], data_root: Path) -> dict[str, list[str]]:
    """Lines of every running-text task, by language; English of translation pairs counts once."""
    texts: dict[str, list[str]] = {}
    for name in names:
        task = get_task(name)
        for language in task.available_languages("train", data_root):
            for example in task.examples("train", language, data_root):
                assert isinstance(example, TextExample)
                foreign = example.text if example.translation is None else example.translation
                texts.setdefault(language, []).append(foreign)
                if example.translation is not None:
                    texts.setdefault("en", []).append(example.text)
    return {language: list(dict.fromkeys(lines)) for language, lines in texts.items()}


def train_tokenizer(
    texts: dict[str, list[str]], options: Tokenizer, *, max_tokens: int, seed: int, family: str = "xlmr"
) -> Any:
    """A unigram tokenizer (Kudo 2018) with the special tokens and templates of XLM-R, or of mT5.

    Languages are sampled with n^exponent characters, so that large ones do not take the whole vocabulary.

    Args:
        texts: lines by language.
        max_tokens: longest input of the model it is for.
        family: of `start.architecture`.

    Raises:
        DataError: no text, or too little for the vocabulary.
    """
    from tokenizers import (
        Regex,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        trainers,
    )
    from tokenizers import (
        Tokenizer as Backend,
    )

    if not texts:
        raise DataError("no pretraining text was found; give --data-root a folder with text/ and ntrex/")
    is_mt5 = family == MT5
    first, last = (list(MT5_FIRST_TOKENS), list(MT5_SENTINELS)) if is_mt5 else (list(FIRST_TOKENS), [MASK])
    trained = options.vocabulary - len(last)  # these are added behind, as in the published tokenizers
    backend = Backend(models.Unigram())
    # SentencePiece's nmt_nfkc, as XLM-R has it, up to its table of rare characters.
    backend.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"[\s\u200b]+"), " "), normalizers.Strip()]
    )
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=trained,
        special_tokens=first,
        unk_token="<unk>",
        show_progress=False,
        initial_alphabet=list(ASCII) if is_mt5 else [],
    )
    backend.train_from_iterator(_sampled(texts, options, seed), trainer)
    if backend.get_vocab_size() < trained:
        raise DataError(
            f"the pretraining text gives only {backend.get_vocab_size()} pieces, start.tokenizer.vocabulary asks for "
            f"{options.vocabulary}; lower it or add text"
        )
    backend = Backend.from_str(_settled(backend.to_str(), len(first)))
    backend.add_special_tokens(last)
    return mt5_tokenizer(backend, max_tokens) if is_mt5 else xlmr_tokenizer(backend, max_tokens)


def _settled(definition: str, num_special: int) -> str:
    """A trained tokenizer's definition with its pieces in one order, whatever order the trainer met them in.

    UnigramTrainer walks hash maps: sums of scores differ in their last digits from run to run, and the characters that
    it adds for coverage get, in random order, the lowest score plus 0, 0.0001, 0.0002, … (huggingface/tokenizers,
    unigram/trainer.rs, `finalize`). Here scores are rounded and these characters all get the lowest.
    """
    values = json.loads(definition)
    special, pieces = values["model"]["vocab"][:num_special], values["model"]["vocab"][num_special:]
    lowest = min(score for _, score in pieces)
    added_below = lowest + 0.0001 * sum(len(piece) == 1 for piece, _ in pieces)
    settled = [(piece, lowest if len(piece) == 1 and score < added_below else score) for piece, score in pieces]
    settled = [(piece, round(score, 6)) for piece, score in settled]
    values["model"]["vocab"] = special + sorted(settled, key=lambda entry: (-entry[1], entry[0]))
    return json.dumps(values, ensure_ascii=False)


def _sampled(texts: dict[str, list[str]], options: Tokenizer, seed: int) -> Iterator[str]:
    """Lines of each language in proportion to n^exponent characters; a language that has too few is repeated."""
    sizes = {language: sum(map(len, lines)) for language, lines in texts.items()}
    weights = {language: size**options.sampling_exponent for language, size in sizes.items()}
    budget = min(options.max_characters, sum(sizes.values())) / sum(weights.values())
    for index, language in enumerate(sorted(texts)):
        whole, part = divmod(weights[language] * budget / sizes[language], 1)
        chosen = generator(seed, _SAMPLING_STREAM, index).random(len(texts[language])) < part
        for line, once_more in zip(texts[language], chosen, strict=True):
            for _ in range(int(whole) + int(once_more)):
                yield line
