"""Mentions of entities and descriptions of entities: Mewsli-X, in the layout that XTREME-R's download script writes.

A line of a file of mentions is an article with the mentions in it, a line of the candidate set an entity with a
description in any of 50 languages. Texts are put together as XTREME's baseline does (`preprocess_mention` and
`preprocess_entity_description` of third_party/utils_mewslix.py, 838c13b).
"""

import re
from collections.abc import Iterator
from pathlib import Path

from ds_stilts.tasks.examples import Example, SearchExample
from ds_stilts.tasks.readers.columns import nested, scalar, spans, text, value
from ds_stilts.tasks.readers.files import parse_json, read_text
from ds_stilts.tasks.readers.tables import Row, json_lines
from ds_stilts.tasks.task import Task

_BRACES = re.compile(r"\{(.*?)\}")


def read_mentions(path: Path, *, task: Task, language: str, labels_path: Path | None) -> Iterator[Example]:
    """Read the mentions as queries; their gold is the entity's id, from the file itself or from the one apart.

    Raises:
        DataError: a missing or mistyped field, an article without its text, a mention that is not where it is said to
            be or in no sentence, or one that the gold file lacks; names file and line.
    """
    gold = _gold(labels_path) if labels_path else None
    for row in json_lines(path):
        context = text(row, "context.text")
        sentences = spans(row, "context.sentence_spans", len(context)) if context else []
        for mention in nested(row, "mentions"):
            if not context:
                raise row.fault("the article has no text; get-mewsli-x.sh of its authors puts it in.")
            id = scalar(mention, "example_id")
            if gold is not None and id not in gold:
                raise mention.fault(f"{labels_path} has no gold for '{id}'; get both files again from one source.")
            entity = scalar(mention, "entity_id") if gold is None else gold[id]
            keys = (entity.strip(),) if entity.strip() else None
            yield SearchExample(id=id, text=_query(mention, context, sentences), side="query", keys=keys)


def read_entities(path: Path, *, task: Task, language: str, labels_path: Path | None) -> Iterator[Example]:
    """Read the candidate set: an entity's text is the sentences of its description; raises as `read_mentions`."""
    for row in json_lines(path):
        id, description = scalar(row, "entity_id"), text(row, "description")
        sentences = spans(row, "sentence_spans", len(description))
        described = _one_line(" ".join(description[first:end] for first, end in sentences))
        yield SearchExample(id=id, text=described, side="corpus", keys=(id,))


def _query(mention: Row, context: str, sentences: list[tuple[int, int]]) -> str:
    """ "MENTION: … { MENTION } …": the sentence with the mention in braces, and before it the mention, which so
    survives a cut at the end."""
    named = text(mention, "mention_span.text")
    ((start, end),) = spans(mention, "mention_span", len(context))
    if context[start:end] != named:
        raise mention.fault(
            f"the mention {named!r} is said to stand at {start}, where its article has {context[start:end]!r}; build "
            "the file again with get-mewsli-x.sh."
        )
    around = next(((first, last) for first, last in sentences if first <= start and end <= last), None)
    if around is None:
        raise mention.fault(
            f"the mention {named!r} at {start} lies in no sentence; get the file again from its source."
        )
    left, right = (_BRACES.sub(r"(\1)", part) for part in (context[around[0] : start], context[end : around[1]]))
    return _one_line(f"{named}: {left} {{ {named} }} {right}")


def _one_line(text: str) -> str:
    return " ".join(text.splitlines()).replace("  ", " ").strip()


def _gold(path: Path) -> dict[str, str]:
    """Example id → entity id: XTREME's label files hold {"EXAMPLE": ["ENTITY"]}, of which only the first counts."""
    found = parse_json(read_text(path), path, 1, "get it again.")
    if isinstance(found, dict) and isinstance(found.get("data"), dict):
        found = found["data"]
    row = Row(path, "the whole file", found if isinstance(found, dict) else {"labels": found})
    for id in row.values:
        entities = value(row, id)
        if not isinstance(entities, list) or not entities or not isinstance(entities[0], str):
            raise row.fault(f"'{id}' must have a list with the id of its entity, found {entities!r:.60}.")
    return {id: entities[0] for id, entities in row.values.items()}
