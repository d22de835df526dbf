"""Numbers of a phase that torch could not compute with."""

import pytest

from tests.test_recipe import refused, text


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("adam_betas=[0.9, 1.0]", "arms.mnli.adam_betas.2: Input should be less than 1 (found 1.0)"),
        ("adam_betas=[-0.1, 0.9]", "arms.mnli.adam_betas.1: Input should be greater than or equal to 0 (found -0.1)"),
        ("warmup=.inf", "arms.mnli.warmup: Input should be a finite number (found inf)"),
        ("lr=.inf", "arms.mnli.lr: Input should be a finite number (found inf)"),
        ("weight_decay=.nan", "arms.mnli.weight_decay: Input should be a finite number (found nan)"),
    ],
)
def test_numbers_out_of_range_are_a_sentence_before_anything_runs(override: str, sentence: str) -> None:
    assert sentence in refused(text(), f"arms.mnli.{override}")
