from hypothesis import given
from hypothesis import strategies as st

from services.jobs import ACTIVE, FINAL, TRANSITIONS, Status


def test_every_state_can_be_reached_from_the_two_first_ones() -> None:
    reached = {Status.WAITING, Status.QUEUED}
    while more := {to for status in reached for to in TRANSITIONS[status]} - reached:
        reached |= more
    assert reached == set(Status)


def test_every_state_but_success_can_be_left() -> None:
    assert {status for status in Status if not TRANSITIONS[status]} == {Status.SUCCEEDED}


def test_no_state_is_both_active_and_final() -> None:
    assert not ACTIVE & FINAL


@given(st.sampled_from(sorted(Status)))
def test_an_end_is_always_possible(status: Status) -> None:
    reached = {status}
    while more := {to for known in reached for to in TRANSITIONS[known]} - reached:
        reached |= more
    assert reached & FINAL
