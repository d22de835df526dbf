"""How much official gold survives the way into text and back, by task: counted, bounded, and printed (`pytest -rP`)."""

from itertools import islice
from pathlib import Path

import pytest

from ds_stilts.formats import metrics
from ds_stilts.formats.text_to_text import TEXT_FORMS, get_text_form
from ds_stilts.formats.text_to_text.base import as_decoded
from ds_stilts.tasks import all_tasks, get_task
from ds_stilts.tasks.examples import (
    ChoiceExample,
    Example,
    PairExample,
    QuestionExample,
    ScoredPairExample,
    TaggedSentence,
)

MOST = 300
"""Examples of each split and language, the first ones."""

LEAST = {"panx": 0.99, "nergrit": 0.99}
"""Share of gold that survives in every file, where it is not all: a few sentences in Chinese, Japanese and Indonesian
name an entity whose words also stand untagged before it."""


def survives(gold: Example, found: object) -> bool:
    if isinstance(gold, PairExample | ChoiceExample):
        return found == gold.label
    if isinstance(gold, ScoredPairExample):
        return isinstance(found, float) and gold.score is not None and abs(found - gold.score) <= 0.1 + 1e-9
    if isinstance(gold, QuestionExample):
        return found == (gold.answers[0].text.strip() if gold.answers else "")
    assert isinstance(gold, TaggedSentence) and gold.tags is not None
    return isinstance(found, list) and metrics.chunks(found) == metrics.chunks(gold.tags)


NAMES = [task.name for task in all_tasks() if task.format in TEXT_FORMS and not task.name.startswith("synth_")]
NAMES.remove("ccg")  # may not be passed on


def labelled(example: Example) -> bool:
    if isinstance(example, QuestionExample):
        return bool(example.answers) or example.impossible
    return next(getattr(example, name) for name in ("label", "score", "tags") if hasattr(example, name)) is not None


def entity_occurs_twice(example: Example) -> bool:
    if not isinstance(example, TaggedSentence) or example.tags is None:
        return False
    sentence = f" {' '.join(example.words)} "
    entities = {" ".join(example.words[first : last + 1]) for _, first, last in metrics.chunks(example.tags)}
    return any(sentence.count(f" {entity} ") > 1 for entity in entities)


@pytest.mark.parametrize("name", NAMES)
def test_official_gold_survives(name: str, real_data: Path) -> None:
    task, shares, num_twice, num_read = get_task(name), {}, 0, 0
    form = get_text_form(task.format)
    for split in task.splits:
        for language in task.available_languages(split, real_data):
            if not all(path.is_file() for path in task.files(split, language, real_data)):
                continue  # gold that lies apart and is not there
            stream = (example for example in task.stream(split, language, real_data) if labelled(example))
            examples = list(islice(stream, MOST))
            # a target comes back from the model as its tokenizer writes it
            found = [form.parse(as_decoded(form.target(example, task)), example, task) for example in examples]
            if examples:
                shares[f"{split}-{language}"] = sum(map(survives, examples, found)) / len(examples)
                num_twice, num_read = num_twice + sum(map(entity_occurs_twice, examples)), num_read + len(examples)
    assert shares, f"no file of {name} with gold"
    lost = {file: f"{share:.2%}" for file, share in shares.items() if share < 1}
    print(f"{name}: all gold survives in {len(shares) - len(lost)} of {len(shares)} files, else {lost or 'none'}")
    if task.format == "tagging":
        print(f"{name}: {num_twice} of {num_read} sentences have an entity (or tag) whose words occur twice")
    assert min(shares.values()) >= LEAST.get(name, 1.0)
