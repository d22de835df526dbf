"""When a phase stops early, which step is the best, and that a restart does not change either."""

import json
from collections.abc import Sequence
from dataclasses import fields

import pytest

from ds_stilts.data.adaptive import AdaptiveMixture
from ds_stilts.engine.choosing import Figures, Look, Rule
from ds_stilts.engine.watch import Watch
from ds_stilts.errors import StoppedCleanly


def watch(*means: float, every: int = 10, patience: int | None = 2, num_steps: int = 100) -> Watch:
    """A watch that will measure these values, one look after another, of two tasks that lie a point apart."""
    values = iter(means)

    def measure() -> Look:
        mean = next(values)
        return Look(values={"nli": mean - 0.5, "qa": mean + 0.5})

    return Watch(every=every, patience=patience, num_steps=num_steps, measure=measure)


def walk(own: Watch, first: int = 0, last: int = 100) -> int:
    """Look where it is due, as the training loop does; returns the last step."""
    for step in range(first + 1, last + 1):
        if own.is_due(step):
            own.look(step)
            if own.is_over:
                return step
    return last


def test_it_looks_every_so_many_steps_and_at_the_last() -> None:
    own = watch(every=10, num_steps=25)
    assert [step for step in range(1, 26) if own.is_due(step)] == [10, 20, 25]


def test_it_stops_after_as_many_looks_without_a_better_value_as_it_has_patience() -> None:
    own = watch(50, 60, 55, 59, 70)
    assert walk(own) == 40
    assert (own.seen.value, own.seen.best_step, own.seen.worse) == (60, 20, 2)


def test_a_better_value_renews_its_patience() -> None:
    own = watch(50, 49, 51, 50, 52, 51, 50, 99)
    assert walk(own) == 70 and own.seen.best_step == 50


def test_of_equal_values_the_first_is_the_best() -> None:
    own = watch(50, 50, 50)
    assert walk(own) == 30 and own.seen.best_step == 10


def test_a_phase_that_never_gets_better_than_at_first_stops() -> None:
    assert walk(watch(0, 0, 0)) == 30


def test_a_look_that_was_stopped_is_owed_across_a_restart_and_nothing_else_is_noted() -> None:
    own = watch(50, 40)
    own.look(10)
    before = own.state()

    def stopped() -> Look:
        raise StoppedCleanly("on request")

    own = Watch(every=10, patience=2, num_steps=100, measure=stopped)
    own.restore(before)
    assert not own.is_owed
    with pytest.raises(StoppedCleanly):
        own.look(20)
    assert own.state() == {**before, "owed": True}
    again = watch(40)
    again.restore(json.loads(json.dumps(own.state())))
    assert again.is_owed
    again.look(20)
    assert not again.is_owed and again.state() == {**before, "worse": 1}


def test_the_value_is_the_mean_over_tasks_and_each_task_is_told() -> None:
    own = watch(50)
    assert own.look(10).values == {"nli": 49.5, "qa": 50.5} and own.seen.value == 50


def test_without_patience_it_only_looks() -> None:
    own = watch(*(50 - place for place in range(10)), patience=None)
    assert walk(own) == 100 and not own.keeps_best
    assert not own.is_best(10) and own.seen.best_step == 10


def test_only_the_step_with_the_best_value_so_far_is_kept() -> None:
    own = watch(50, 49, 51)
    found = []
    for step in (10, 15, 20, 30):
        if own.is_due(step):
            own.look(step)
        found.append(own.is_best(step))
    assert found == [True, False, False, True]


def test_one_that_goes_on_from_a_cursor_stops_where_the_other_does() -> None:
    values = [50.0, 60.0, 55.0, 59.0, 70.0]
    whole = watch(*values)
    end = walk(whole)
    for cut in (5, 10, 19, 20, 30, 35):
        before = watch(*values)
        walk(before, last=cut)
        after = watch(*values[cut // 10 :])
        after.restore(json.loads(json.dumps(before.state())))
        assert walk(after, first=cut) == end and after.seen == whole.seen


def adaptive() -> AdaptiveMixture:
    goals = {"nli": 100.0, "qa": 100.0}
    return AdaptiveMixture(
        sizes={"nli": 40, "qa": 60}, seed=1, batch=4, longest=9, goals=goals, every=10, total_steps=50
    )


def test_shares_that_follow_its_looks_come_back_from_a_cursor() -> None:
    values = [{"nli": 90.0, "qa": 20.0}, {"nli": 95.0, "qa": 80.0}, {"nli": 60.0, "qa": 99.9}]

    def made(order: AdaptiveMixture, first: int) -> Watch:
        found = iter(values[first:])
        return Watch(every=10, patience=None, num_steps=50, measure=lambda: Look(values=next(found)), order=order)

    whole = adaptive()
    walk(made(whole, 0), last=30)
    before, after = adaptive(), adaptive()
    watched = made(before, 0)
    walk(watched, last=25)
    state = json.loads(json.dumps(watched.state()))
    goes_on = made(after, 2)
    goes_on.restore(state)
    assert after.num_steps == 30 and after.history == before.history
    walk(goes_on, first=25, last=30)
    assert after.history == whole.history and [*map(after.step, range(40))] == [*map(whole.step, range(40))]


def free(value: float, entropy: float, agreement: float, oracle: float | None = None) -> Look:
    return Look(values={"nli": value}, entropy=entropy, agreement=agreement, oracle=oracle)


TABLE = [(50.0, 0.9, 70.0), (55.0, 0.7, 60.0), (60.0, 0.8, 80.0), (58.0, 0.6, 75.0), (57.0, 0.65, 74.0)]


def by(rule: Rule, looks: Sequence[Look], patience: int | None = 2) -> Watch:
    found = iter(looks)
    return Watch(every=10, patience=patience, num_steps=50, measure=lambda: next(found), rule=rule)


def test_what_is_best_is_what_the_rule_says_and_its_value_is_told_all_the_same() -> None:
    rules: dict[Rule, tuple[int, float]] = {"value": (30, 60.0), "entropy": (40, 58.0), "agreement": (30, 60.0)}
    for rule, (step, value) in rules.items():
        own = by(rule, [free(*row) for row in TABLE])
        walk(own, last=50)
        assert (own.seen.best_step, own.seen.value) == (step, value)
        assert own.facts().get("choose_by", "value") == rule


def test_entropy_that_only_rises_ends_a_phase_at_its_first_look() -> None:
    own = by("entropy", [free(50 + k, 0.5 + k / 10, 50.0) for k in range(5)])
    assert walk(own, last=50) == 30 and own.seen.best_step == 10


def test_what_labels_say_changes_no_choice() -> None:
    for rule in ("value", "entropy", "agreement"):
        seen = set()
        for scores in ([1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [None] * 5):
            own = by(rule, [free(*row, oracle=score) for row, score in zip(TABLE, scores, strict=True)])  # type: ignore
            seen.add((walk(own, last=50), own.seen))
        assert len(seen) == 1
    assert "oracle" not in {field.name for field in fields(Figures)}


def test_one_that_goes_on_from_a_cursor_remembers_every_look() -> None:
    looks = [free(*row, oracle=10.0 * k) for k, row in enumerate(TABLE)]
    for rule in ("value", "entropy", "agreement"):
        whole = by(rule, looks, patience=3)
        end = walk(whole, last=50)
        for cut in (10, 25, 30):
            before = by(rule, looks, patience=3)
            walk(before, last=cut)
            after = by(rule, looks[cut // 10 :], patience=3)
            after.restore(json.loads(json.dumps(before.state())))
            assert walk(after, first=cut, last=50) == end and after.state() == whole.state()
