"""Products of columns through the inverse of a mixed model's covariance, without a matrix of rows × rows.

With C = [X Z y] (fixed effects, random intercepts, outcome) and V = I + Σ_k r_k·Z_k·Z_k', the covariance in units of
the residual variance, V⁻¹ = I − Z·(I + R·Z'Z)⁻¹·R·Z' (Woodbury 1950; R has the ratios on its diagonal). So V⁻¹·C =
C·step for a small matrix, and all that REML and Kenward and Roger ask for follows from both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np


@dataclass(frozen=True, kw_only=True, eq=False)
class Products:
    """C'C, and which of its rows are what."""

    gram: np.ndarray
    """float64 [columns, columns]."""
    fixed: slice
    blocks: tuple[slice, ...]
    """Of each random intercept."""
    num_rows: int

    @property
    def num_fixed(self) -> int:
        return self.fixed.stop

    @property
    def random(self) -> slice:
        """All random intercepts."""
        return slice(self.num_fixed, self.blocks[-1].stop if self.blocks else self.num_fixed)

    @staticmethod
    def of(outcome_N: np.ndarray, design_NP: np.ndarray, effects_NQ: Sequence[np.ndarray]) -> "Products":
        """From columns [rows, …]; each random intercept is the indicator matrix of its levels."""
        columns = np.concatenate([design_NP, *effects_NQ, outcome_N[:, None]], axis=1)
        bounds = design_NP.shape[1] + np.cumsum([0, *(one.shape[1] for one in effects_NQ)])
        return Products(
            gram=columns.T @ columns,
            fixed=slice(0, design_NP.shape[1]),
            blocks=tuple(slice(int(first), int(last)) for first, last in pairwise(bounds)),
            num_rows=len(columns),
        )

    def with_outcome(self, columns_NC: np.ndarray, outcome_N: np.ndarray) -> "Products":
        """The same of another outcome, from all columns before it [rows, columns]."""
        gram, across = self.gram.copy(), columns_NC.T @ outcome_N
        gram[-1, :-1] = gram[:-1, -1] = across
        gram[-1, -1] = outcome_N @ outcome_N
        return replace(self, gram=gram)

    def lowest(self, place: int) -> float:
        """The ratio of one random intercept at which V stops being positive definite if no other ratio is below 0."""
        return -1 / float(np.diagonal(self.gram)[self.blocks[place]].max())

    def inverse(self, ratios: np.ndarray) -> "Inverse":
        """For variances in units of the residual's, float64 [random intercepts], that leave V positive definite."""
        own = self.random
        each: np.ndarray = np.repeat(ratios, [block.stop - block.start for block in self.blocks])
        inner = np.eye(len(each)) + each[:, None] * self.gram[own, own]
        middle = np.linalg.solve(inner, np.diag(each))
        step = np.eye(len(self.gram))
        step[own] -= middle @ self.gram[own]
        shrunk = middle @ self.gram[own, own]
        return Inverse(
            step=step,
            log_determinant=float(np.linalg.slogdet(inner)[1]),
            trace_of_square=self.num_rows - 2 * float(np.trace(shrunk)) + float((shrunk * shrunk.T).sum()),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Inverse:
    """V⁻¹, as far as it is needed."""

    step: np.ndarray
    """V⁻¹·C = C·step."""
    log_determinant: float
    """Of V."""
    trace_of_square: float
    """Of V⁻²."""
