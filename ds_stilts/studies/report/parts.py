"""The parts of a study's report in their order."""

from ds_stilts.studies.report.contrast_part import contrasts_part
from ds_stilts.studies.report.distance_part import distance_part
from ds_stilts.studies.report.document import Part
from ds_stilts.studies.report.domains_part import domains_part
from ds_stilts.studies.report.gradients_part import gradients_part
from ds_stilts.studies.report.language_parts import kinds_part, languages_part
from ds_stilts.studies.report.learning_part import learning_part
from ds_stilts.studies.report.mean_parts import decomposition_part, fairness_part
from ds_stilts.studies.report.orders_part import orders_part
from ds_stilts.studies.report.record_parts import budget_part, claims_part, integrity_part, plan_part
from ds_stilts.studies.report.scaling_part import scaling_part
from ds_stilts.studies.report.secondary_part import secondary_part
from ds_stilts.studies.report.summary import StudyReport
from ds_stilts.studies.report.target_part import targets_part
from ds_stilts.studies.report.watched_parts import probe_part, selection_part


def all_parts(report: StudyReport) -> tuple[Part, ...]:
    """Every part; where there is nothing to show yet, it says so. What was not asked for has none."""
    made = (
        contrasts_part, scaling_part, orders_part, targets_part, languages_part, kinds_part, distance_part,
        domains_part, decomposition_part, fairness_part, secondary_part, learning_part, selection_part, probe_part,
        gradients_part, budget_part, integrity_part, plan_part, claims_part,
    )  # fmt: skip
    return tuple(part for make in made if (part := make(report)) is not None)
