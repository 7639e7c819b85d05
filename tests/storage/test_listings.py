"""What lists offer to choose from, on both engines."""

from __future__ import annotations

from collect.domain.rights import ALL, SYSTEM, Scope
from collect.runtime import Runtime
from collect.storage import listings
from tests.taking_in import take_in


def test_the_segments_of_a_scope(runtime: Runtime) -> None:
    """Each once, in order; customers without one add none; who sees nobody is offered none."""
    with runtime.read(SYSTEM) as view:
        assert listings.load_segments(view.session, ALL) == []
    rows = "C1,甲,dealer\nC2,乙,\nC3,丙,医院\nC4,丁,dealer\nC5,戊,Dealer\n"
    assert not take_in(runtime, "customers", "customer_no,name,segment\n" + rows).refused
    with runtime.read(SYSTEM) as view:
        assert listings.load_segments(view.session, ALL) == ["Dealer", "dealer", "医院"]
        assert listings.load_segments(view.session, Scope(frozenset())) == []
