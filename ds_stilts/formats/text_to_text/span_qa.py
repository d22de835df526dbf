"""Questions as text: mT5's `question: … context: …`, answered by words of the context (`xquad`, preprocessors.py).

Punctuation has spaces around it on both sides, in every script; `parse` takes an answer back to the context's own
characters, so that scores compare what the authors wrote. "No answer" (SQuAD 2.0) is written as nothing at all.
"""

import re
import unicodedata

from ds_stilts.formats.text_to_text.base import TextForm, as_decoded, no_gold
from ds_stilts.tasks.examples import Example, QuestionExample
from ds_stilts.tasks.task import Task

_WHITE = "\t\n\f\r "
"""What RE2, in which mT5's patterns are written, takes for white space: no-break and ideographic spaces are not."""
_RUN = re.compile(f"[{_WHITE}]+")


class _Padding(dict[int, str]):
    """Table for `str.translate`, filled when needed: letters, marks, numbers, `_` and white space stay, all else gets
    a space on both sides."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        stays = character == "_" or character in _WHITE or unicodedata.category(character)[0] in "LMN"
        self[code] = character if stays else f" {character} "
        return self[code]


_PADDING = _Padding()


def pad_punctuation(text: str) -> str:
    """mT5's `_pad_punctuation`, but without spaces at either end, which its tokenizer drops."""
    return _RUN.sub(" ", text.translate(_PADDING)).strip(" ")


class SpanQAText:
    """See the module; `FORM` is its only instance."""

    name = "span_qa"

    def prompt(self, example: Example, task: Task) -> str:
        """The same for every task, as in mT5: nothing names the task."""
        assert isinstance(example, QuestionExample)
        return f"question: {pad_punctuation(example.question)} context: {pad_punctuation(example.context)}".strip()

    def target(self, example: Example, task: Task) -> str:
        """The first answer, or nothing where the gold is that there is none."""
        assert isinstance(example, QuestionExample)
        if example.impossible:
            return ""
        if not example.answers:
            raise no_gold(example, task)
        return pad_punctuation(example.answers[0].text)

    def parse(self, text: str, example: Example, task: Task) -> str | None:
        """The span of the context that reads like `text`, white space apart; the first that has its spaces too, else
        the first at all. Words that are no span are an answer as they stand, as in mT5's scores.

        Nothing is an answer where the task has questions without one (`no_answer`), and None elsewhere.
        """
        assert isinstance(example, QuestionExample)
        if not text.strip():
            return "" if task.no_answer else None
        written = as_decoded(text)
        wanted = written.replace(" ", "")
        joined, places = _letters(example.context)
        found: list[str] = []
        first = joined.find(wanted) if wanted else -1
        while first >= 0:
            span = example.context[places[first][0] : places[first + len(wanted) - 1][1]]
            if as_decoded(pad_punctuation(span)) == written:
                return span
            found.append(span)
            first = joined.find(wanted, first + 1)
        return found[0] if found else text.strip()

    def label_texts(self, task: Task) -> tuple[str, ...]:
        """None: answers are open."""
        return ()

    def gold(self, example: Example) -> list[str] | None:
        """All answers; [""] where the gold is that there is none."""
        assert isinstance(example, QuestionExample)
        return [""] if example.impossible else [answer.text for answer in example.answers] or None

    def illegal(self, example: Example, task: Task) -> str:
        """No answer."""
        return ""


def _letters(context: str) -> tuple[str, list[tuple[int, int]]]:
    """The context as a tokenizer would give it back, without white space, and for each letter of that the characters
    [first, past-the-end) that it came from. A character is normalised with those behind it that join it."""
    edges: list[int] = []
    for i, character in enumerate(context):
        if not edges or not _joins(context[edges[-1] : i], character):
            edges.append(i)
    letters: list[str] = []
    places: list[tuple[int, int]] = []
    for first, end in zip(edges, [*edges[1:], len(context)], strict=True):
        for letter in unicodedata.normalize("NFKC", context[first:end]):
            if not letter.isspace():
                letters.append(letter)
                places.append((first, end))
    return "".join(letters), places


def _joins(before: str, character: str) -> bool:
    """Whether it is normalised together with what stands before it: a mark, which may change its place, or another part
    of a letter, such as a vowel of Hangul."""
    if character.isascii():
        return False
    apart = unicodedata.normalize("NFKC", before) + unicodedata.normalize("NFKC", character)
    return unicodedata.combining(character) != 0 or unicodedata.normalize("NFKC", before + character) != apart


FORM: TextForm = SpanQAText()
