import pytest

from search_spaces import InvalidTextError, digest, from_text


def test_digest_is_the_start_of_sha256() -> None:
    assert digest("abc") == "ba7816bf8f01cfea"
    assert digest("abc") != digest("abd")


@pytest.mark.parametrize("text", ["", "no text", "<ir_version: 8>", "g (float x) => () { y = }"])
def test_what_does_not_parse_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InvalidTextError, match="does not parse") as caught:
        from_text(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("between", ["", "# )\n"])
def test_deep_nesting_is_refused_before_the_parser_sees_it(between: str) -> None:
    opened = f"seq({between}" * 20_000
    with pytest.raises(InvalidTextError, match="at most 24 deep"):
        from_text(f"g ({opened}float{')' * 20_000} x) => (float y) {{ y = Relu(x) }}")
