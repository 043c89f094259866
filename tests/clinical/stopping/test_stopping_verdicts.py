"""Official, certain, possible: T had the event, N completed without it, P is still in the window."""

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.stopping.boundary import Boundary, pocock
from clinical.stopping.verdicts import Status, Verdict, judge

LETTERS = {"T": Status.EVENT, "N": Status.COMPLETED, "P": Status.PENDING}

# 3 of 3, 4 of 4 or 5, 5 of 6 or 7, 6 of 8 or 9, …
CONTINUOUS = pocock(Decimal("0.30"), Decimal("0.10"), range(1, 31))
# 4 of 5, 6 of 10, 8 of 15
EVERY_FIVE = pocock(Decimal("0.30"), Decimal("0.10"), (5, 10, 15))


def group(letters: str) -> tuple[Status, ...]:
    return tuple(LETTERS[letter] for letter in letters if letter != " ")


def verdict(letters: str, boundary: Boundary = CONTINUOUS) -> Verdict:
    return judge(boundary, group(letters))


def in_words(found: Verdict) -> str:
    return " ".join(word for word in ("official", "certain", "possible") if getattr(found, word))


ALL = "official certain possible"


def test_the_sparse_boundary_is_the_one_these_stories_assume() -> None:
    assert EVERY_FIVE.stop_at == (4, 6, 8)


def test_a_third_toxicity_among_three_stops_the_group() -> None:
    assert in_words(verdict("TTT")) == ALL
    assert verdict("TTT").crossed_at == 3


def test_a_third_toxicity_among_four_does_not() -> None:
    assert in_words(verdict("TNTT")) == ""


def test_nobody_enrolled_is_below_every_bound() -> None:
    assert verdict("") == Verdict(
        crossed_at=None,
        certain_at=None,
        possible_at=None,
        x=0,
        n=0,
        bound=None,
        distance=3,
        enrolled=0,
        known_events=0,
        pending=0,
    )


def test_two_toxicities_and_one_pending_is_possible_only() -> None:
    assert in_words(verdict("TTP")) == "possible"
    assert verdict("TTP").possible_at == 3


def test_a_pending_first_participant_holds_the_official_verdict_back_but_not_the_certain_one() -> None:
    found = verdict("PTTTT")
    assert in_words(found) == "certain possible"
    assert (found.n, found.x, found.known_events, found.pending) == (0, 0, 4, 1)
    assert (found.crossed_at, found.certain_at, found.possible_at) == (None, 5, 3)


def test_toxicities_known_early_behind_pending_participants_do_not_stop_the_group_officially() -> None:
    # Counting "those whose outcome is known" would see 3 of 3 here.
    assert in_words(verdict("TPPTPT")) == "possible"
    assert (verdict("TPPTPT").x, verdict("TPPTPT").n) == (1, 1)


def test_a_crossing_stays_when_later_participants_dilute_the_rate() -> None:
    found = verdict("TTT NNNNNNNN")
    assert in_words(found) == ALL
    assert (found.crossed_at, found.x, found.n, found.bound) == (3, 3, 11, 7)


def test_all_enrolled_is_a_later_test_than_certain() -> None:
    # x >= b(n enrolled) is 3 of 4 against 4, but the third of the first three has crossed already.
    found = verdict("TTTP")
    assert in_words(found) == ALL
    assert found.known_events < (CONTINUOUS.bound_at(4) or 0)


def test_a_late_event_in_a_completed_participant_reopens_an_earlier_look() -> None:
    assert in_words(verdict("TTN NN")) == ""
    assert verdict("TTT NN").crossed_at == 3


def test_a_corrected_event_takes_its_crossing_back() -> None:
    assert in_words(verdict("TTTN")) == ALL
    assert in_words(verdict("TTNN")) == ""


def test_the_bound_is_named_only_where_the_official_run_ends_at_a_look() -> None:
    assert verdict("TN").bound is None
    assert verdict("TNN").bound == 3
    assert verdict("TNNTN", EVERY_FIVE).bound == 4
    assert verdict("TNNTNN", EVERY_FIVE).bound is None


@pytest.mark.parametrize(
    ("letters", "distance"),
    [
        ("", 3),  # the first look that can stop: 3 of 3
        ("TT", 1),  # one more and it is 3 of 3
        ("TTN", 2),  # 4 of 4 is out of reach with one person; the bound is still two events away
        ("TNP TTT", 2),  # the official run is TN, its next look 3 of 3
        ("TTT", 1),  # crossed; the next look would ask for a fourth
        ("TTTTTTTTTTTTTTT", 0),  # 15 of 15 against 9 of 16
    ],
)
def test_the_distance_is_the_bound_at_the_next_look_less_the_official_count(letters: str, distance: int) -> None:
    assert verdict(letters).distance == distance


def test_after_the_last_look_no_bound_is_left_to_reach() -> None:
    assert verdict("N" * 30).distance is None
    assert verdict("N" * 29).distance == 15


def test_participants_beyond_the_last_look_change_nothing() -> None:
    assert verdict("TNPTN TNNNN NNNNN" + "TTTT", EVERY_FIVE) == verdict("TNPTN TNNNN NNNNN", EVERY_FIVE)


def test_between_sparse_looks_the_next_one_may_already_be_within_reach() -> None:
    # Eight enrolled, looks at 5 and 10: 3 of 5 stayed below 4, and for 6 of 10 the pending one decides.
    found = verdict("TNTNT TTP", EVERY_FIVE)
    assert in_words(found) == "possible"
    assert found.possible_at == 10
    assert in_words(verdict("TNTNT TTN", EVERY_FIVE)) == ""


def test_persons_not_yet_enrolled_are_not_counted_as_pending() -> None:
    # With the third, who is not there, taken as pending the crossing would be possible: the reading we
    # did not choose. One enrolled and pending makes it possible; until then the distance tells.
    assert in_words(verdict("TT")) == ""
    assert verdict("TT").distance == 1
    assert in_words(verdict("TTP")) == "possible"


def test_known_events_that_reach_the_next_bound_are_possible_and_certain_only_at_the_look() -> None:
    # Four of four before a look at five: nothing can undo it, yet no look has been reached.
    assert in_words(verdict("TTTT", EVERY_FIVE)) == "possible"
    assert in_words(verdict("TTTTP", EVERY_FIVE)) == "certain possible"
    assert in_words(verdict("TTTTN", EVERY_FIVE)) == ALL


def test_a_look_that_cannot_stop_is_no_look() -> None:
    listed = Boundary("table", CONTINUOUS.p0, CONTINUOUS.alpha, (1, 2, 3, 5), (None, None, None, 3), None)
    left_out = Boundary("table", CONTINUOUS.p0, CONTINUOUS.alpha, (5,), (3,), None)
    for letters in product("TNP", repeat=3):
        assert verdict("".join(letters), listed) == verdict("".join(letters), left_out)


def by_the_text(boundary: Boundary, statuses: tuple[Status, ...]) -> tuple[bool, bool, bool]:
    """Read the three definitions word by word, without any economy."""

    def reached(m: int, counting: set[Status]) -> bool:
        bound = boundary.bound_at(m)
        return bound is not None and sum(status in counting for status in statuses[:m]) >= bound

    known, open_too = {Status.EVENT}, {Status.EVENT, Status.PENDING}
    enrolled = range(1, len(statuses) + 1)
    run = [m for m in enrolled if Status.PENDING not in statuses[:m]]
    following = [m for m in boundary.looks if m > len(statuses) and boundary.bound_at(m) is not None][:1]
    return (
        any(reached(m, known) for m in run),
        any(reached(m, known) for m in enrolled),
        any(reached(m, open_too) for m in [*enrolled, *following]),
    )


@pytest.mark.parametrize("boundary", [CONTINUOUS, EVERY_FIVE, pocock(Decimal("0.25"), Decimal("0.2"), (2, 4, 7))])
@pytest.mark.parametrize("size", range(8))
def test_every_small_group_is_judged_as_the_text_says(boundary: Boundary, size: int) -> None:
    for statuses in product(Status, repeat=size):
        found = judge(boundary, statuses)
        assert (found.official, found.certain, found.possible) == by_the_text(boundary, statuses)


boundaries = st.sampled_from([CONTINUOUS, EVERY_FIVE, pocock(Decimal("0.25"), Decimal("0.2"), (2, 3, 7, 8, 13, 21))])
groups = st.lists(st.sampled_from(Status), max_size=35).map(tuple)


def ended(statuses: tuple[Status, ...], as_status: Status) -> tuple[Status, ...]:
    return tuple(as_status if status is Status.PENDING else status for status in statuses)


def replaced(statuses: tuple[Status, ...], i: int, status: Status) -> tuple[Status, ...]:
    return (*statuses[:i], status, *statuses[i + 1 :])


@given(boundaries, groups)
def test_official_implies_certain_implies_possible(boundary: Boundary, statuses: tuple[Status, ...]) -> None:
    found = judge(boundary, statuses)
    assert found.official <= found.certain <= found.possible
    if found.crossed_at is not None:
        assert found.certain_at == found.crossed_at <= found.n
    if found.certain_at is not None:
        assert found.possible_at is not None
        assert found.possible_at <= found.certain_at <= found.enrolled


@given(boundaries, groups)
def test_certain_is_official_however_the_pending_end(boundary: Boundary, statuses: tuple[Status, ...]) -> None:
    at_best = judge(boundary, ended(statuses, Status.COMPLETED))
    assert judge(boundary, statuses).certain == at_best.official


@given(boundaries, groups)
def test_whatever_may_become_official_among_the_enrolled_is_possible(
    boundary: Boundary, statuses: tuple[Status, ...]
) -> None:
    found = judge(boundary, statuses)
    at_worst = judge(boundary, ended(statuses, Status.EVENT))
    if found.possible_at is None or found.possible_at <= found.enrolled:
        assert found.possible == at_worst.official
    else:
        assert not at_worst.official


@given(groups)
def test_with_continuous_looks_and_nobody_pending_the_three_verdicts_are_one(
    statuses: tuple[Status, ...],
) -> None:
    found = judge(CONTINUOUS, ended(statuses, Status.COMPLETED))
    assert found.official == found.certain == found.possible


@given(boundaries, groups.filter(bool), st.data())
def test_a_new_event_never_uncrosses(boundary: Boundary, statuses: tuple[Status, ...], data: st.DataObject) -> None:
    i = data.draw(st.integers(0, len(statuses) - 1))
    before, after = judge(boundary, statuses), judge(boundary, replaced(statuses, i, Status.EVENT))
    assert before.official <= after.official
    assert before.certain <= after.certain
    assert before.possible <= after.possible


@given(boundaries, groups.filter(lambda statuses: Status.PENDING in statuses))
def test_a_completed_window_settles_and_never_alarms(boundary: Boundary, statuses: tuple[Status, ...]) -> None:
    i = statuses.index(Status.PENDING)
    before, after = judge(boundary, statuses), judge(boundary, replaced(statuses, i, Status.COMPLETED))
    assert before.official <= after.official
    assert before.certain == after.certain
    assert before.possible >= after.possible


@given(boundaries, groups, st.sampled_from(Status))
def test_a_newly_enrolled_participant_takes_no_crossing_back(
    boundary: Boundary, statuses: tuple[Status, ...], newcomer: Status
) -> None:
    before, after = judge(boundary, statuses), judge(boundary, (*statuses, newcomer))
    assert before.official <= after.official
    assert before.certain <= after.certain
    assert before.possible <= after.possible


@given(boundaries, groups, st.data())
def test_the_order_in_which_outcomes_become_known_does_not_matter(
    boundary: Boundary, statuses: tuple[Status, ...], data: st.DataObject
) -> None:
    known_by_now = (Status.PENDING,) * len(statuses)
    crossings = []
    for i in data.draw(st.permutations(range(len(statuses)))):
        known_by_now = replaced(known_by_now, i, statuses[i])
        crossings.append(judge(boundary, known_by_now).crossed_at)
    assert known_by_now == statuses
    at_last = judge(boundary, statuses)
    # Whatever was official on the way is official at the end, at the same look.
    assert {look for look in crossings if look is not None} <= {at_last.crossed_at}


@given(boundaries, groups)
def test_the_counts_describe_the_group(boundary: Boundary, statuses: tuple[Status, ...]) -> None:
    found = judge(boundary, statuses)
    counted = statuses[: boundary.looks[-1]]
    assert found.enrolled == len(counted)
    assert found.known_events == counted.count(Status.EVENT)
    assert found.pending == counted.count(Status.PENDING)
    assert Status.PENDING not in counted[: found.n]
    assert counted[found.n : found.n + 1] in ((), (Status.PENDING,))
    assert found.x == counted[: found.n].count(Status.EVENT)
    assert found.bound == boundary.bound_at(found.n)
