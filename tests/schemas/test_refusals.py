"""Does the door say where and why, never raise, and never repeat what was sent?"""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import LARGEST_MESSAGE, Refusal, parse
from tests import builders
from tests.schemas.examples import Example, examples

NAME = "Jörg Quandary"
MARKERS = [
    NAME,
    "Quandary, J",
    "  Quandary",
    "Quandary\n",
    "Quandary10",
    "Quandary" * 400,
    "2026-Quandary",
    "Quandary*",
]
WRONG_KINDS: list[Any] = [{NAME: NAME}, [NAME], [[NAME]], {"drug": NAME, "lesion": NAME}]

every_example = pytest.mark.parametrize("example", examples(), ids=str)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place of a document, the document itself aside."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in inner:
        yield (*path, step)
        yield from places(below, (*path, step))


def replaced(document: Any, path: tuple[str | int, ...], value: Any) -> Any:
    changed = copy.deepcopy(document)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return changed


def silent(raw: bytes) -> None:
    refusal = parse(raw)
    if isinstance(refusal, Refusal):
        assert "quandary" not in f"{refusal.path} {refusal.message}".lower()
        assert len(refusal.path) + len(refusal.message) < 1_000


@every_example
def test_a_refusal_never_repeats_the_value_of_any_field(example: Example) -> None:
    for path in places(example.document):
        for value in (*MARKERS, *WRONG_KINDS):
            silent(json.dumps(replaced(example.document, path, value)).encode())


@every_example
def test_a_refusal_never_repeats_a_key_that_is_no_field_name(example: Example) -> None:
    for path in (("a",), ("data", "a")):
        for key in (NAME, "Quandary " * 50, "Quandary@example.org"):
            refusal = parse(json.dumps(replaced(example.document, (*path[:-1], key), 1)).encode())
            assert isinstance(refusal, Refusal)
            assert refusal.path == ".".join((*path[:-1], "(unknown field)"))


@given(before=st.text(max_size=40), after=st.text(max_size=40), place=st.sampled_from(["verbatim", "term", "onset"]))
def test_no_text_around_a_name_makes_a_refusal_repeat_it(before: str, after: str, place: str) -> None:
    message = builders.adverse_event(data={place: f"{before}{NAME}{after}", "grade": 9})
    refusal = parse(json.dumps(message).encode())
    assert isinstance(refusal, Refusal)
    silent(json.dumps(message).encode())


@pytest.mark.parametrize(
    "raw", [b'{"verbatim": "Quandary', b"Quandary", b'{"Quandary": \\q}', b'{"a": "Quandary\xff"}', b'["Quandary"]']
)
def test_a_refusal_never_repeats_what_is_no_json(raw: bytes) -> None:
    assert isinstance(parse(raw), Refusal)
    silent(raw)


def test_an_unknown_field_is_named_with_its_path() -> None:
    refusal = parse(builders.as_bytes(builders.lab(data={"haemolysed": True})))
    assert refusal == Refusal("data.haemolysed", "Extra inputs are not permitted")


GOOD = builders.as_bytes(builders.lab())


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "not JSON"),
        (b"null", "object"),
        (b"[]", "object"),
        (b"\xef\xbb\xbf" + GOOD, "not JSON"),
        (GOOD + GOOD, "not JSON"),
        (GOOD[:-1], "not JSON"),
        (GOOD.replace(b'"trial":"', b'"trial":"\xff'), "not UTF-8"),
        (GOOD.replace(b'"trial":', b'"record":"x","trial":'), "twice"),
        (GOOD.replace(b'"revision":1', b'"revision":NaN'), "NaN"),
        (GOOD.replace(b'"revision":1', b'"revision":-Infinity'), "NaN"),
        (GOOD.replace(b'"revision":1', b'"revision":' + b"9" * 5_000), "too long"),
        (b"[" * 200_000, "deep"),
        (b'{"a":' * 150_000, "deep"),
        (GOOD.replace(b'"trial":"', b'"trial":"' + b"x" * 10_000_000), "longer"),
        (GOOD.replace(b'"trial":"', b'"trial":"' + b"x" * (LARGEST_MESSAGE - 2_000)), "120"),
        (GOOD.replace(b'"trial":"', b'"trial":"\\ud800'), "JSON"),
        (GOOD.replace(b"LabResulted.v1", b"LabResulted.v9"), "unknown fact"),
        (GOOD.replace(b"LabResulted.v1", b"LabGuessed.v1"), "unknown fact"),
        (GOOD.replace(b'"type":"', b'"kind":"'), "names its type"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[:12].decode("ascii", "replace"),
)
def test_what_is_no_fact_is_refused_in_words(raw: bytes, said: str) -> None:
    refusal = parse(raw)
    assert isinstance(refusal, Refusal)
    assert said in refusal.message


def test_nothing_passes_for_being_nested_between_two_limits() -> None:
    for depth in (100, 199, 200, 201, 500, 900, 1_100):
        nested = GOOD.replace(b'"revision":1', b'"revision":' + b"[" * depth + b"]" * depth)
        assert isinstance(parse(nested), Refusal)


@given(st.binary(max_size=300))
def test_no_bytes_make_the_door_raise(raw: bytes) -> None:
    parse(raw)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(value=json_values, example=st.sampled_from(examples()), pick=st.randoms(use_true_random=False))
def test_no_value_in_any_place_makes_the_door_raise(value: Any, example: Example, pick: Any) -> None:
    path = pick.choice(list(places(example.document)))
    parse(json.dumps(replaced(example.document, path, value)).encode())
