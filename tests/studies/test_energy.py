"""Energy counters as the kernel shows them, in files of their layout."""

from pathlib import Path

from ds_stilts.studies.energy import Reading, read_counters, used


def package(folder: Path, name: str, microjoules: int, wraps_at: int = 262_143_328_850) -> None:
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "energy_uj").write_text(f"{microjoules}\n")
    (folder / name / "max_energy_range_uj").write_text(f"{wraps_at}\n")


def test_packages_are_added_and_their_parts_are_not_counted_twice(tmp_path: Path) -> None:
    package(tmp_path, "intel-rapl:0", 1_000_000)
    package(tmp_path, "intel-rapl:0:0", 700_000)
    package(tmp_path, "intel-rapl:1", 5_000_000)
    before = read_counters(tmp_path)
    package(tmp_path, "intel-rapl:0", 3_500_000)
    package(tmp_path, "intel-rapl:1", 6_000_000)

    assert before.source == "RAPL" and set(before.joules) == {"RAPL intel-rapl:0", "RAPL intel-rapl:1"}
    assert used(before, read_counters(tmp_path)) == 3.5


def test_a_counter_that_began_again_is_taken_on_from_its_end(tmp_path: Path) -> None:
    package(tmp_path, "intel-rapl:0", 9_000_000, wraps_at=10_000_000)
    before = read_counters(tmp_path)
    package(tmp_path, "intel-rapl:0", 500_000, wraps_at=10_000_000)
    assert used(before, read_counters(tmp_path)) == 1.5


def test_where_nothing_can_be_read_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "intel-rapl:0").mkdir()
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("not a number")
    found = read_counters(tmp_path)
    assert found == Reading(joules={}, wraps_at={}) and found.source is None
    assert used(found, found) is None
