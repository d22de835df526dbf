"""How much ranks send each other: the counts of the ZeRO paper, and what of the time they take."""

from dataclasses import replace

import pytest

from ds_stilts.planning.communication import step_time, traffic
from ds_stilts.planning.machine import Machine
from ds_stilts.planning.zero import ZeroSetting

PSI = 1_000_000
BF16 = ZeroSetting(stage=2, dtype_bytes=2, gradient_bytes=2)
FOUR = Machine(nodes=4, gpus=1)


@pytest.mark.parametrize(("stage", "times"), [(0, 1), (1, 2), (2, 2), (3, 3)])
def test_messages_of_a_step_are_so_many_times_the_parameters(stage: int, times: int) -> None:
    assert traffic(replace(BF16, stage=stage), PSI, FOUR).messages == times * 2 * PSI


@pytest.mark.parametrize(("stage", "times"), [(0, 2), (1, 3), (2, 3), (3, 3)])
def test_a_ring_passes_its_share_of_them_on(stage: int, times: int) -> None:
    assert traffic(replace(BF16, stage=stage), PSI, FOUR).wire == pytest.approx(times * 3 / 4 * 2 * PSI)


@pytest.mark.parametrize(("stage", "times"), [(0, 1), (1, 2), (2, 4), (3, 9)])
def test_accumulation_costs_where_gradients_or_weights_are_partitioned(stage: int, times: int) -> None:
    assert traffic(replace(BF16, stage=stage), PSI, FOUR, accumulation=3).messages == times * 2 * PSI


def test_hpz_gathers_for_the_backward_pass_within_a_node() -> None:
    machine = Machine(nodes=2, gpus=4)
    plain, within = (traffic(replace(BF16, stage=3, hpz=hpz), PSI, machine) for hpz in (1, 4))
    assert within.wire == pytest.approx(plain.wire * 2 / 3)
    assert within.messages == plain.messages


def test_one_rank_sends_nothing() -> None:
    assert traffic(BF16, PSI, Machine(nodes=1, gpus=1)).messages == 0


def test_the_backward_pass_hides_communication_only_with_overlap() -> None:
    sent = traffic(BF16, PSI, FOUR)
    link = sent.wire / 0.5  # half a second
    plain = step_time(sent, BF16, compute_s=1.0, link_bytes_per_s=link)
    assert (plain.total_s, plain.exposed_share) == (pytest.approx(1.5), pytest.approx(1 / 3))
    hidden = step_time(sent, replace(BF16, overlap_comm=True), compute_s=1.0, link_bytes_per_s=link)
    assert (hidden.total_s, hidden.exposed_share) == (1.0, 0.0)
    slow = step_time(sent, replace(BF16, overlap_comm=True), compute_s=0.3, link_bytes_per_s=link)
    assert slow.exposed_s == pytest.approx(0.3)
