"""Made-up languages of known typology: the offline default, and ground truth for what transfer should look like.

`write_world` writes their data sets in the official layouts; `oracle_start` writes a start model whose languages are
aligned to a chosen degree; `distance` says how far apart two of the languages are.
"""

from pathlib import Path

from ds_stilts.recipe import Architecture
from ds_stilts.synthetic.languages import LANGUAGES, SOURCE, distance
from ds_stilts.synthetic.write import write_world

__all__ = ["LANGUAGES", "SOURCE", "distance", "oracle_start", "write_world"]


def oracle_start(
    folder_out: Path,
    *,
    preset: str,
    world_seed: int,
    seed: int,
    sigma: float,
    scale: float,
    architecture: Architecture,
) -> None:
    """See `ds_stilts.synthetic.oracle.oracle_start`; numpy and torch are loaded only when it is called."""
    from ds_stilts.synthetic import oracle

    oracle.oracle_start(
        folder_out,
        preset=preset,
        world_seed=world_seed,
        seed=seed,
        sigma=sigma,
        scale=scale,
        architecture=architecture,
    )
