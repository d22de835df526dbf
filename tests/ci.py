"""What continuous integration has to have, and other machines may lack."""

import os
from typing import NoReturn

import pytest


def skip_unless_ci(reason: str) -> NoReturn:
    """Skip where a package or a right is missing; fail in continuous integration, which has to have them."""
    if os.environ.get("DS_STILTS_CI"):
        pytest.fail(f"{reason}, and continuous integration needs it")
    pytest.skip(reason)
