"""Is Faust what we proved our consumer on? And is what differs told, and answered?"""

from streams.kafka.chunked import NEEDED_BY_BOTH, NEEDED_BY_RUNS, SOURCES, changed


def test_the_private_parts_of_faust_are_those_that_the_crash_tests_passed_on() -> None:
    """Where this fails, run the crash tests and the soak on the new version; then write its hashes down."""
    assert changed(NEEDED_BY_BOTH) == ()
    assert changed(NEEDED_BY_RUNS) == ()
    assert set(SOURCES) == set(NEEDED_BY_BOTH) | set(NEEDED_BY_RUNS)


def test_a_part_that_has_changed_is_named() -> None:
    def other() -> None: ...

    name = "consumer.Consumer.getmany"
    assert changed({**NEEDED_BY_RUNS, name: other}) == (name,)
