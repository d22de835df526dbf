"""What a phase with running text asks of the model that it begins with."""

from pathlib import Path

import pytest

from ds_stilts.errors import CheckpointError
from ds_stilts.models.loading import open_start
from ds_stilts.phases.training import check_masking
from ds_stilts.tasks import get_task
from tests.small import mt5, mt5_tokenizer, tokenizer, xlmr

TASKS = [get_task("mnli"), get_task("text")]


def test_a_fresh_language_head_is_said_and_a_pretrained_one_is_not(tmp_path: Path) -> None:
    xlmr().base_model.save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    bare = open_start(str(tmp_path))
    said = check_masking(bare, TASKS, "arms/mixed")
    assert said.startswith("arms/mixed  the model that it begins with has no masked-LM head (lm_head.")
    assert said.endswith("a fresh one is trained")
    assert check_masking(bare, TASKS[:1], "arms/mixed") == ""
    assert check_masking(open_start(str(tmp_path), random_init=True), TASKS, "arms/mixed") == ""
    xlmr().save_pretrained(tmp_path)
    assert check_masking(open_start(str(tmp_path)), TASKS, "arms/mixed") == ""


def test_a_tokenizer_without_a_mask_is_refused_before_anything_is_masked(tmp_path: Path) -> None:
    xlmr().save_pretrained(tmp_path)
    own = tokenizer()
    own.mask_token = None
    own.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"'text' is learned by masking, and the tokenizer .* no mask"):
        check_masking(open_start(str(tmp_path)), TASKS, "arms/mixed")


def test_a_model_that_writes_text_needs_neither(tmp_path: Path) -> None:
    mt5().save_pretrained(tmp_path)
    mt5_tokenizer().save_pretrained(tmp_path)
    assert check_masking(open_start(str(tmp_path), text=True), TASKS, "arms/mixed") == ""
