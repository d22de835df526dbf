"""What is lost when only the arms that look best beforehand are run: Regret@k, that of chance, and how ranks agree.

    Regret@k = (max over all s of T(s) - max over the k first s of T(s)) / max over all s of T(s)

T(s) is the score of the target after intermediate arm s; the k first are those that a predictor puts on top. It is the
relative regret of Renggli et al. 2022 (Which Model To Transfer? Finding the Needle in the Growing Haystack, CVPR,
arXiv:2010.06402), as Poth et al. 2021 (What to Pre-Train on? Efficient Intermediate Task Selection, EMNLP,
arXiv:2104.08247) take it over to intermediate tasks. A difference of gains over one baseline is a difference of scores,
so gains may be put in the numerator; the denominator is a score.
"""

from collections.abc import Sequence
from math import comb

import numpy as np

from ds_stilts.errors import StatisticsError

FEWEST_RANKED = 3
"""Two arms agree or disagree, which a correlation of +1 or -1 would dress up."""


def regret(scores_A: Sequence[float], predicted_A: Sequence[float], k: int) -> float:
    """Regret@k in percent of the best score: 0 if the best arm is among the k with the highest prediction.

    Arms with equal predictions stand in no order: where some of them are among the first k, it is the mean over all
    choices of which.

    Args:
        scores_A: float [arms], what the target reached after each arm; the best above 0.
        predicted_A: float [arms], higher is better; of any unit.
        k: how many arms would be run, 1 to all of them.

    Raises:
        StatisticsError: no such k, a number that is missing, or no score above 0.
    """
    scores, predicted = _checked(scores_A, k), np.asarray(predicted_A, np.float64)
    if predicted.shape != scores.shape or not np.isfinite(predicted).all():
        raise StatisticsError(
            f"regret: {len(scores)} scores and predictions {predicted.tolist()}; give one finite prediction for each"
        )
    last = np.sort(predicted)[-k]
    above, equal = scores[predicted > last], scores[predicted == last]
    return _lost(scores, np.maximum(equal, above.max(initial=-np.inf)), k - len(above))


def chance_regret(scores_A: Sequence[float], k: int) -> float:
    """Regret@k, in percent, of k arms that are drawn at random: the exact mean over all ways to draw them.

    Args, Raises: as `regret`.
    """
    scores = _checked(scores_A, k)
    return _lost(scores, scores, k)


def rank_correlation(scores_A: Sequence[float], predicted_A: Sequence[float]) -> float | None:
    """Spearman's correlation over arms, equal values at their mean rank; None for fewer than `FEWEST_RANKED` arms and
    where one side is constant, of which ranks say nothing."""
    from scipy import stats

    if len(scores_A) < FEWEST_RANKED or len(set(scores_A)) < 2 or len(set(predicted_A)) < 2:
        return None
    return float(stats.spearmanr(scores_A, predicted_A).statistic)


def _checked(scores_A: Sequence[float], k: int) -> np.ndarray:
    scores = np.asarray(scores_A, np.float64)
    if not 1 <= k <= len(scores):
        raise StatisticsError(f"regret: {k} of {len(scores)} arms cannot be chosen; give a k from 1 to their number")
    if not np.isfinite(scores).all() or scores.max() <= 0:
        raise StatisticsError(f"regret: it is a share of the best score, and the scores are {scores.tolist()}")
    return scores


def _lost(scores: np.ndarray, among: np.ndarray, drawn: int) -> float:
    """In percent, with `drawn` of the values `among` taken at random; the i-th best of n is the best that is taken in
    C(n - 1 - i, drawn - 1) of the C(n, drawn) ways."""
    best_first, ways = np.sort(among)[::-1], comb(len(among), drawn)
    shares = [comb(len(among) - 1 - place, drawn - 1) / ways for place in range(len(among))]
    return float(100 * (scores.max() - best_first @ shares) / scores.max())
