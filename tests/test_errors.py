"""Errors for people have their exit code; a stop is no error."""

import pytest

from ds_stilts.errors import (
    CheckpointError,
    ClusterError,
    DataError,
    RecipeError,
    StoppedCleanly,
    UserError,
    suggestion,
)


@pytest.mark.parametrize("kind", [RecipeError, DataError, CheckpointError, ClusterError])
def test_every_error_for_people_ends_with_code_2(kind: type[UserError]) -> None:
    assert issubclass(kind, UserError) and kind("what, where, remedy").exit_code == 2


def test_a_clean_stop_asks_to_be_run_again_and_is_no_user_error() -> None:
    assert StoppedCleanly("saved").exit_code == 85
    assert not issubclass(StoppedCleanly, UserError)


def test_the_nearest_word_is_suggested_and_nothing_where_none_is_near() -> None:
    known = ["weight_decay", "warmup", "mixing"]
    assert suggestion("weigth_decay", known) == " (did you mean 'weight_decay'?)"
    assert suggestion("wramup", known) == " (did you mean 'warmup'?)"
    assert suggestion("zzz", known) == ""
    assert suggestion("zzz", ()) == ""
