"""The parts of a study's report in their order."""

from ds_stilts.studies.report.document import Part
from ds_stilts.studies.report.record import budget_part, claims_part, distance_part, integrity_part, plan_part
from ds_stilts.studies.report.results import (
    contrasts_part,
    decomposition_part,
    fairness_part,
    gains_part,
    kinds_part,
    languages_part,
)
from ds_stilts.studies.report.summary import StudyReport


def all_parts(report: StudyReport) -> tuple[Part, ...]:
    """Every part; where there is nothing to show yet, it says so."""
    made = (
        contrasts_part, gains_part, languages_part, kinds_part, distance_part, decomposition_part, fairness_part,
        budget_part, integrity_part, plan_part, claims_part,
    )  # fmt: skip
    return tuple(part(report) for part in made)
