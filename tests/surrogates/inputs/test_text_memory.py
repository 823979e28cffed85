"""What is remembered of texts, and for how long."""

import pytest

from surrogates.inputs.text_memory import N_REMEMBERED, TextMemory, distinct_texts


def test_forgets_what_was_not_asked_for_longest() -> None:
    memory: TextMemory[int] = TextMemory(pytest.fail)
    for number in range(N_REMEMBERED):
        memory.put(str(number), number)
    assert memory.of("0") == 0
    assert "1" in memory  # is no use of it
    memory.put("new", -1)
    assert "1" not in memory
    assert (memory.of("0"), memory.of("new")) == (0, -1)
    with pytest.raises(pytest.fail.Exception):
        memory.of("1")


def test_reads_a_text_once() -> None:
    read: list[str] = []

    def length(text: str) -> int:
        read.append(text)
        return len(text)

    memory = TextMemory(length)
    assert [memory.of(text) for text in ("a", "bb", "a")] == [1, 2, 1]
    assert read == ["a", "bb"]


def test_forgets_all() -> None:
    memory = TextMemory(int)
    memory.put("1", 1)
    memory.forget()
    assert "1" not in memory


def test_distinct_texts_in_order_of_first_appearance() -> None:
    distinct, places = distinct_texts(["b", "a", "b", "c", "a"])
    assert distinct == ["b", "a", "c"]
    assert places.tolist() == [0, 1, 0, 2, 1]
    nothing, none = distinct_texts([])
    assert nothing == none.tolist() == []
