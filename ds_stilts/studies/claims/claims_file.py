"""Files of claims: what a paper says, each as contrasts of a study's arms or as a fact of the catalogue.

YAML with `claims: NAME` at its top. Unknown keys are errors. A number that was not read in the paper itself is marked
in `unverified`.
"""

from pathlib import Path

from pydantic import Field, ValidationError, model_validator

from ds_stilts.errors import RecipeError, suggestion
from ds_stilts.recipe_file import explain, read_mapping, shipped_folder
from ds_stilts.recipe_sections import Section
from ds_stilts.studies.claims.structure import STRUCTURES
from ds_stilts.studies.sections import Contrast, Statistics

PHANG2020 = "phang2020"


class Claim(Section):
    """One claim: parts that are contrasts, or a fact of the catalogue."""

    text: str
    """As the paper says it, in a sentence."""
    metric: str = ""
    """What is compared, in words."""
    split: str | None = None
    """Split that its scores are of. Targets that lack it in the compared languages are taken as they are scored; null:
    any."""
    parts: dict[str, Contrast] = {}
    """Each with a prediction. Parts whose names begin alike, "tydiqa.mnli" and "tydiqa.qqp", are a group."""
    needs: dict[str, int] = {}
    """By group, how many of its parts have to be confirmed; of other groups, and other parts, all."""
    structure: str | None = None
    """In place of parts: one of `claims.structure`."""
    note: str = ""
    unverified: str = ""
    """What was quoted second hand or from memory."""

    @model_validator(mode="after")
    def one_kind(self) -> "Claim":
        if bool(self.parts) == (self.structure is not None):
            raise ValueError("give `parts` or `structure`, exactly one of them")
        if self.structure is not None and self.structure not in STRUCTURES:
            raise ValueError(
                f"structure: there is no '{self.structure}'{suggestion(self.structure, list(STRUCTURES))}; there are: "
                f"{', '.join(STRUCTURES)}"
            )
        for name, part in self.parts.items():
            if part.predicted is None:
                raise ValueError(f"parts.{name}: what would confirm it is not said; give `predicted`")
        for name, count in self.needs.items():
            if name not in self.groups():
                known = list(self.groups())
                raise ValueError(f"needs.{name}: there is no such group{suggestion(name, known)}: {', '.join(known)}")
            if not 1 <= count <= len(self.groups()[name]):
                raise ValueError(f"needs.{name}: {count} of {len(self.groups()[name])} parts make no sense")
        return self

    def groups(self) -> dict[str, list[str]]:
        """Parts by group; a part without one is its own."""
        found: dict[str, list[str]] = {}
        for name in self.parts:
            found.setdefault(name.partition(".")[0], []).append(name)
        return found

    def needed(self, group: str) -> int:
        """How many parts of a group have to be confirmed."""
        return self.needs.get(group, len(self.groups()[group]))


class Claims(Section):
    """All claims of one paper."""

    claims: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """Name of the set."""
    title: str
    version: str
    """Of the paper, since versions may disagree."""
    model: str | None = None
    """Start model that the numbers are of, as a hub id; null: of any, for trying."""
    statistics: Statistics = Statistics()
    entries: dict[str, Claim] = Field(min_length=1)
    """By id."""


def shipped_claims() -> list[str]:
    """Names of the files of claims in the package."""
    return sorted(path.stem for path in (shipped_folder() / "claims").glob("*.yaml"))


def load_claims(name_or_path: str = PHANG2020) -> Claims:
    """Read a file of claims, by the name of a shipped one or by path.

    Raises:
        RecipeError: not found (suggests the nearest name), not YAML, an unknown key, or values that do not fit.
    """
    path = Path(name_or_path)
    if not path.is_file():
        if name_or_path not in shipped_claims():
            known = shipped_claims()
            raise RecipeError(
                f"no claims '{name_or_path}'{suggestion(name_or_path, known)}: it is neither a file nor one of the "
                f"shipped ones ({', '.join(known)})"
            )
        path = shipped_folder() / "claims" / f"{name_or_path}.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} cannot be read as claims, a YAML file in UTF-8: {error}") from None
    try:
        return Claims.model_validate(read_mapping(text, source=str(path), what="file of claims"))
    except ValidationError as error:
        raise RecipeError(f"{path}: {explain(error, Claims)}") from None
