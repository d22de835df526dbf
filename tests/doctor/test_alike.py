"""Clocks by arithmetic, versions and names by comparison."""

import pytest

from ds_stilts.doctor.alike import Offset, compare_versions, judge_clocks, judge_own_names, offset

HERE = {
    "name": "head", "addresses": ["10.0.0.1"], "interface": "", "master": "10.0.0.1", "python": "3.11.7",
    "packages": {"torch": "2.13.0", "peft": None}, "code": "aaaa", "user": "me (1000)",
}  # fmt: skip


def test_a_clock_is_read_from_the_quickest_round_trip() -> None:
    slow, quick = (100.0, 113.0, 104.0), (200.0, 210.3, 200.2)
    found = offset([slow, quick])
    assert found.ahead_s == pytest.approx(10.2)
    assert found.within_s == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("ahead_s", "within_s", "verdict"),
    [(0.4, 0.01, "ok"), (3.0, 0.01, "warn"), (-3.0, 0.01, "warn"), (3.0, 2.5, "ok"), (-90.0, 0.1, "fail")],
)
def test_a_clock_is_wrong_only_by_more_than_what_the_network_can_explain(
    ahead_s: float, within_s: float, verdict: str
) -> None:
    (found,) = judge_clocks({"node1": Offset(ahead_s=ahead_s, within_s=within_s)})
    assert found.verdict == verdict
    if verdict != "ok":
        assert ("ahead of" if ahead_s > 0 else "behind") in found.found and found.host == "node1"


def test_what_differs_is_named_with_both_values() -> None:
    there = {**HERE, "python": "3.11.9", "packages": {"torch": "2.12.0", "peft": "0.21"}, "user": "you (1001)"}
    found = {each.name: (each.verdict, each.found) for each in compare_versions(HERE, {"node1": HERE, "node2": there})}
    assert found == {
        "Python": ("fail", "3.11.9, and 3.11.7 here"),
        "packages": ("fail", "torch 2.12.0 (here 2.13.0); peft 0.21 (here missing)"),
        "user": ("warn", "you (1001), and me (1000) here"),
    }


def test_the_same_everywhere_is_one_line() -> None:
    (found,) = compare_versions(HERE, {"node1": HERE, "node2": HERE})
    assert found.verdict == "ok" and "1 packages" in found.found


def test_a_name_without_an_address_or_with_loopback_fails_unless_an_interface_is_named() -> None:
    loopback = {**HERE, "name": "node1", "addresses": ["127.0.1.1"], "master": "10.0.0.2"}
    nowhere = {**HERE, "name": "node2", "addresses": [], "master": ""}
    facts = {"node1": loopback, "node2": nowhere, "node3": HERE, "node4": {**loopback, "interface": "eth0"}}
    assert [(each.host, each.verdict) for each in judge_own_names(facts, False)] == [
        ("node1", "fail"), ("node2", "fail"),
    ]  # fmt: skip
    assert {each.verdict for each in judge_own_names(facts, True)} == {"warn"}
