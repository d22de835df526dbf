"""The text-to-text side of formats, for mT5: what is asked, what is answered, and what an answer means.

Found by the format's name; a form's module is loaded when it is asked for. Pure functions of text: tokens, lengths and
truncation, losses, generation and scores do not live here, and an illegal answer is counted by whoever asked.
"""

from importlib import import_module

from ds_stilts.errors import RecipeError
from ds_stilts.formats.text_to_text.base import TextForm
from ds_stilts.tasks.task import Task

TEXT_FORMS = ("sentence_pair", "pair_regression", "multiple_choice", "span_qa", "tagging")
"""Formats that have a text-to-text side; each is a module of this package that holds its form as `FORM`."""


def get_text_form(name: str) -> TextForm:
    """Return the text-to-text side of the format called `name`, as in `Task.format`.

    Raises:
        RecipeError: the format has none.
    """
    if name not in TEXT_FORMS:
        raise RecipeError(
            f"format '{name}' has no text-to-text side (those with one: {', '.join(TEXT_FORMS)}); use the encoder with "
            "a head for it"
        )
    found: TextForm = import_module(f"{__name__}.{name}").FORM
    return found


def chooses_label(task: Task) -> bool:
    """Whether an answer is the likeliest of all labels of a task, and not written freely."""
    return bool(get_text_form(task.format).label_texts(task))


__all__ = ["TEXT_FORMS", "TextForm", "chooses_label", "get_text_form"]
