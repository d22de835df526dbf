"""Promises of the presets: named, and a wrong name gets a sentence."""

import pytest

from ds_stilts.errors import RecipeError
from ds_stilts.synthetic.presets import PRESETS, find_preset


def test_an_unknown_preset_is_refused_with_the_nearest_name():
    with pytest.raises(RecipeError, match="did you mean 'tiny'"):
        find_preset("tinny")


def test_small_is_larger_than_tiny_in_every_number():
    for part in ("world", "sets"):
        tiny, small = vars(getattr(PRESETS["tiny"], part)), vars(getattr(PRESETS["small"], part))
        assert all(small[name] > tiny[name] for name in tiny)
