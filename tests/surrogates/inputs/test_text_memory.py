"""What is remembered of texts, and for how long."""

from surrogates.inputs.text_memory import N_REMEMBERED, TextMemory


def test_forgets_what_was_not_asked_for_longest() -> None:
    memory: TextMemory[int] = TextMemory()
    for number in range(N_REMEMBERED):
        memory.put(str(number), number)
    assert memory.get("0") == 0
    assert "1" in memory  # is no use of it
    memory.put("new", -1)
    assert "1" not in memory
    assert memory.get("1") is None
    assert (memory.get("0"), memory.get("new")) == (0, -1)


def test_forgets_all() -> None:
    memory: TextMemory[int] = TextMemory()
    memory.put("a", 1)
    memory.forget()
    assert memory.get("a") is None
