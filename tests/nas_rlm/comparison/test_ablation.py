"""The ablation: every row can be made and differs from the default in what it says."""

import pytest

from nas_rlm.comparison import find_method, find_protocol
from nas_rlm.comparison.ablation import ABLATIONS
from nas_rlm.comparison.methods import new_surrogate
from nas_rlm.comparison.protocol import ComparisonProtocol
from surrogates.rlm.regressor import RlmRegressor

by_name = pytest.mark.parametrize("protocol", ABLATIONS, ids=lambda protocol: protocol.name)


@by_name
def test_no_two_methods_are_the_same(protocol: ComparisonProtocol) -> None:
    made = set()
    for name in protocol.methods:
        method = find_method(name, protocol.own_methods)
        surrogate = new_surrogate(method)
        assert isinstance(surrogate, RlmRegressor)
        own = (method.decoding, method.is_pruned, method.pretrained_on)
        made.add((str(surrogate.settings), *own))
    assert len(made) == len(protocol.methods)


@by_name
def test_the_first_method_is_the_default(protocol: ComparisonProtocol) -> None:
    method = find_method(protocol.methods[0], protocol.own_methods)
    assert (method.name, dict(method.settings), method.decoding) == ("rlm", {}, "alone")
    assert find_protocol(protocol.name) is protocol
