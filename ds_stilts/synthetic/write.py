"""Writes a made-up world as data files in the official layouts: XNLI's, PAWS-X's, SQuAD's, UDPOS's, Tatoeba's.

Invariants: the files are a pure function of (preset, seed, translated, domains), byte for byte, and what the last two
add changes no other file; files of one split in all languages are line by line translations of each other; the folder
appears only when it is complete.
Which meanings make an example is decided elsewhere; here they are said in a language and put on disk.
"""

import gzip
import json
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ds_stilts.errors import DataError
from ds_stilts.synthetic import choices, pairs, questions, sentences
from ds_stilts.synthetic.grammar import Text, say, write
from ds_stilts.synthetic.languages import LANGUAGES, SOURCE, distance
from ds_stilts.synthetic.lexicon import Lexicon, build_lexicons
from ds_stilts.synthetic.presets import Preset, find_preset
from ds_stilts.synthetic.world import DOMAINS, Event, World

SUMMARY = "synth/world.json"
FORMAT = 1
"""Raised whenever the same preset and seed give other files."""


def write_world(
    folder: Path, *, preset: str, seed: int, translated: bool = False, domains: float | None = None
) -> dict[str, Any]:
    """Write every file under `folder`/synth and return what was written.

    A folder that already holds this very world is left as it is.

    Args:
        translated: whether labelled training sets are written in every language.
        domains: how far apart the two domains lie that get sets of their own, 0 to 1; None: no domains.

    Returns:
        JSON-able: "preset", "seed", "format", "translated" and "domains" if given, "languages" (grammar switches,
        share and distance to the source by code) and "counts" (examples by file).

    Raises:
        RecipeError: unknown preset.
        DataError: `folder` holds something else.
    """
    declared = find_preset(preset)
    knobs: dict[str, Any] = {"translated": translated or None, "domains": domains}
    head = {"preset": preset, "seed": seed, "format": FORMAT, **knobs}
    summary_path = folder / SUMMARY
    if summary_path.is_file():
        found = json.loads(summary_path.read_text(encoding="utf-8"))
        if {key: found.get(key) for key in head} == head:
            return found
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(
            f"{folder} holds something other than the made-up world of preset '{preset}' and seed {seed}; "
            "remove it or give another folder."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{folder.name}.tmp."))
    counts = write_sets(building, declared, seed, translated=translated, domains=domains)
    languages = {
        code: {
            "order": language.order,
            "adposition": language.adposition,
            "adjective": language.adjective,
            "morphology": language.morphology,
            "spaced": language.spaced,
            "script": language.script,
            "data_share": language.data_share,
            "role": language.role,
            f"distance_to_{SOURCE}": distance(code, SOURCE),
        }
        for code, language in LANGUAGES.items()
    }
    given = {key: value for key, value in head.items() if value is not None}
    summary = {**given, "languages": languages, "counts": counts}
    _write_text(building / SUMMARY, json.dumps(summary, indent=1, sort_keys=True) + "\n")
    building.chmod(0o755)
    try:
        os.replace(building, folder)  # an empty folder gives way
    except OSError:  # another process, at work on another stage of the same run, was quicker: look at what it made
        shutil.rmtree(building)
        if not summary_path.is_file():
            raise
        return write_world(folder, preset=preset, seed=seed, translated=translated, domains=domains)
    return summary


def write_sets(
    folder: Path, preset: Preset, seed: int, *, translated: bool = False, domains: float | None = None
) -> dict[str, int]:
    """Write all sets below `folder`; returns the number of examples (lines, sentences, pairs) by relative path."""
    world = World(preset.world, seed)
    lexicons = build_lexicons(world, seed)
    sizes = preset.sets
    counts: dict[str, int] = {}

    def put(name: str, content: str, number: int) -> None:
        path = folder / "synth" / name
        if path.suffix == ".gz":
            _write_gzip(path, content)
        else:
            _write_text(path, content)
        counts[f"synth/{name}"] = number

    for code, language in LANGUAGES.items():
        lines = sentences.stories(world, random.Random(f"text/{seed}/{code}"), round(sizes.text * language.data_share))
        put(f"text/{code}.txt.gz", _lines(write(story, lexicons[code]).text for story in lines), len(lines))

    def spread(name: str, train: int, make: Callable[..., list[Any]], render: dict[str, Callable[..., str]]) -> None:
        """Draw each split once and say it in its languages; `render` maps path templates to file writers."""
        for split, number in (("train", train), ("dev", sizes.dev), ("test", sizes.test)):
            examples = make(world, random.Random(f"{name}/{seed}/{split}"), number, split)
            for code in (SOURCE,) if split == "train" and not translated else tuple(LANGUAGES):
                for template, render_set in render.items():
                    path = template.format(split=split, lang=code)
                    put(path, render_set(examples, lexicons[code], f"{name.replace('/', '-')}-{split}"), len(examples))

    spread("nli", sizes.nli, pairs.nli_pairs, {"nli/{split}-{lang}.tsv": _pairs_tsv})
    spread("paraphrase", sizes.paraphrase, pairs.paraphrase_pairs, {"paraphrase/{split}-{lang}.tsv": _pairs_tsv})
    for style, number in ((questions.QA, sizes.qa), (questions.QA_LOW, sizes.qa_low)):
        make = partial(questions.questions, style=style)
        spread(style.name, number, make, {f"{style.name}/{{split}}.{{lang}}.json": _squad_json})
    for domain in DOMAINS if domains is not None else ():
        mixed = partial(_mixed, part=World(preset.world, seed, domain), share=domains or 0.0)
        nli = partial(mixed, make=pairs.nli_pairs)
        for name, number in ((f"{domain}/nli", sizes.nli), (f"{domain}/nli_low", sizes.qa_low)):
            spread(name, number, nli, {f"{name}/{{split}}-{{lang}}.tsv": _pairs_tsv})
    tags = {"pos/{split}-{lang}.tsv": _pos_tsv, "ner/{split}-{lang}.tsv": _ner_tsv}
    spread("tagging", sizes.tagging, sentences.tagging_sentences, tags)
    spread("choice", sizes.choice, choices.choices, {"choice/{split}-{lang}.jsonl": _choice_jsonl})

    meanings = sentences.retrieval_sentences(world, random.Random(f"retrieval/{seed}"), sizes.retrieval)
    for code in LANGUAGES:
        if code == SOURCE:
            continue
        source, other, labels = bitext(meanings, lexicons[SOURCE], lexicons[code], seed)
        put(f"retrieval/{code}-{SOURCE}.{SOURCE}", _lines(source), len(source))
        put(f"retrieval/{code}-{SOURCE}.{code}", _lines(other), len(other))
        put(f"retrieval/labels/test-{code}.tsv", _lines(map(str, labels)), len(labels))
    return counts


def _mixed(
    world: World,
    rng: random.Random,
    number: int,
    split: str,
    *,
    make: Callable[..., list[Any]],
    part: World,
    share: float,
) -> list[Any]:
    """Examples of which a share speaks of a domain, and the others of the whole world, in one drawn order."""
    own = round(share * number)
    examples = [*make(part, rng, own, split), *make(world, rng, number - own, split)]
    return rng.sample(examples, number)


def bitext(
    meanings: Sequence[Event], source: Lexicon, other: Lexicon, seed: int
) -> tuple[list[str], list[str], list[int]]:
    """The two sides of a retrieval set, as Tatoeba in XTREME.

    Returns:
        source lines, sorted; the other language's lines, in an order of their own; and for each source line the
        0-based number of its translation among the other's lines.
    """
    order = list(meanings)
    random.Random(f"bitext/{seed}/{other.language.code}").shuffle(order)
    said = sorted((write([event], source).text, index) for index, event in enumerate(order))
    lines = [text for text, _ in said]
    return lines, [write([event], other).text for event in order], [index for _, index in said]


def gold_answers(meaning: questions.QuestionMeaning, passage: Text) -> list[dict[str, Any]]:
    """SQuAD's "answers": the word as it stands in the passage, without its adjective; where it has suffixes, also its
    bare stem, so that a model is not wrong for cutting a case ending that its training language does not have."""
    words = passage.words[meaning.event]
    position = next(i for i, word in enumerate(words) if word.slot == meaning.slot)
    start, end = passage.spans[meaning.event][position]
    ends = [end, start + len(words[position].stem)]
    return [{"text": passage.text[start:end], "answer_start": start} for end in sorted(set(ends), reverse=True)]


def _pairs_tsv(examples: list[pairs.PairMeaning], lexicon: Lexicon, _: str) -> str:
    return _lines(
        f"{write([pair.premise], lexicon).text}\t{write([pair.hypothesis], lexicon).text}\t{pair.label}"
        for pair in examples
    )


def _squad_json(examples: list[questions.QuestionMeaning], lexicon: Lexicon, name: str) -> str:
    articles = []
    for index, meaning in enumerate(examples):
        passage = write(meaning.passage, lexicon)
        question = {
            "id": f"{name}-{index:05d}",
            "question": write([meaning.question], lexicon).text,
            "answers": gold_answers(meaning, passage),
        }
        articles.append({"title": f"{name}-{index:05d}", "paragraphs": [{"context": passage.text, "qas": [question]}]})
    return json.dumps({"version": "1.1", "data": articles}, ensure_ascii=False) + "\n"


def _tags_tsv(examples: list[Event], lexicon: Lexicon, field: str) -> str:
    blocks = ("\n".join(f"{word.text}\t{getattr(word, field)}" for word in say(event, lexicon)) for event in examples)
    return "\n\n".join(blocks) + "\n"


def _pos_tsv(examples: list[Event], lexicon: Lexicon, _: str) -> str:
    return _tags_tsv(examples, lexicon, "pos")


def _ner_tsv(examples: list[Event], lexicon: Lexicon, _: str) -> str:
    return _tags_tsv(examples, lexicon, "entity")


def _choice_jsonl(examples: list[choices.ChoiceMeaning], lexicon: Lexicon, _: str) -> str:
    return _lines(
        json.dumps(
            {
                "context": write(meaning.context, lexicon).text,
                "choices": [write([event], lexicon).text for event in meaning.choices],
                "label": meaning.label,
            },
            ensure_ascii=False,
        )
        for meaning in examples
    )


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _write_text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8"))


def _write_gzip(path: Path, content: str) -> None:
    """Gzip without name and time stamp, so that equal content makes equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
        packed.write(content.encode("utf-8"))
