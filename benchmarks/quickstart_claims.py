"""Runs `studies/quickstart_claims` for several seeds and prints what its three claims came to.

    python benchmarks/quickstart_claims.py --out runs/claims --seeds 1 2 3 4 5

Seeds are given beforehand and all of them are reported. A seed draws the start model's weights, the order of examples
and the heads; the made-up world is the same. Arms of a seed share their start model, so differences are paired.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from scipy.stats import spearmanr

from ds_stilts.synthetic import SOURCE, distance

RECIPE = "studies/quickstart_claims"


def run_seed(seed: int, folder: Path) -> None:
    """One run; continues where it was interrupted."""
    command = [sys.executable, "-m", "ds_stilts", "run", RECIPE, "--set", f"seed={seed}", "--out", str(folder)]
    subprocess.run(command, check=True)


def cell(folder: Path, arm: str, target: str, language: str) -> float:
    """The task value of one language: the mean of F1 and exact match for questions, F1 for tags."""
    scores = json.loads((folder / "targets" / arm / target / "scores.json").read_text(encoding="utf-8"))
    metrics = scores["languages"][language]["metrics"]
    return statistics.mean(metrics[name] for name in (["f1", "exact_match"] if target == "synth_qa_low" else ["f1"]))


def paired(folders: list[Path], arm: str, target: str, language: str) -> tuple[list[float], float, float]:
    """Differences to the baseline by seed, their mean, and the standard error of the mean."""
    differences = [cell(f, arm, target, language) - cell(f, "none", target, language) for f in folders]
    return differences, statistics.mean(differences), statistics.stdev(differences) / len(differences) ** 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    options = parser.parse_args()
    folders = [options.out / f"seed-{seed}" for seed in options.seeds]
    for seed, folder in zip(options.seeds, folders, strict=True):
        run_seed(seed, folder)
    languages = list(json.loads((folders[0] / "targets/none/synth_pos/scores.json").read_text())["languages"])

    print(f"seeds {options.seeds}; differences to no intermediate task in points, by seed, mean ± standard error")
    for arm in ("qa", "qa_shuffled"):
        for target in ("synth_qa_low", "synth_pos"):
            for language in languages:
                values, mean, error = paired(folders, arm, target, language)
                shown = " ".join(f"{value:+6.1f}" for value in values)
                within = "within 2 SE of 0" if abs(mean) <= 2 * error else "beyond 2 SE of 0"
                print(f"{arm:12} {target:13} {language}  {shown}   {mean:+6.2f} ± {error:.2f}  {within}")
            totals = [
                statistics.mean(cell(f, arm, target, lang) - cell(f, "none", target, lang) for lang in languages)
                for f in folders
            ]
            mean, error = statistics.mean(totals), statistics.stdev(totals) / len(totals) ** 0.5
            print(f"{arm:12} {target:13} all languages: {mean:+.2f} ± {error:.2f}")
    print("zero-shot part-of-speech F1 without intermediate task, mean over seeds, by distance from the source")
    zero_shot = [language for language in languages if language != SOURCE]
    means = {lang: statistics.mean(cell(f, "none", "synth_pos", lang) for f in folders) for lang in languages}
    for language in sorted(languages, key=lambda lang: distance(SOURCE, lang)):
        print(f"  {language}  distance {distance(SOURCE, language)}  {means[language]:6.2f}")
    rho = [
        float(
            spearmanr(
                [distance(SOURCE, lang) for lang in zero_shot],
                [cell(f, "none", "synth_pos", lang) for lang in zero_shot],
            ).statistic
        )
        for f in folders
    ]
    print(
        f"Spearman correlation, distance and F1, over {len(zero_shot)} languages, by seed: {[round(r, 2) for r in rho]}"
    )


if __name__ == "__main__":
    main()
