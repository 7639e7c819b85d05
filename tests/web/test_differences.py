"""What a change touched, as the reader sees it: money is grouped, numbers of documents are not."""

from __future__ import annotations

import json

import pytest

from collect.web.differences import differences


@pytest.mark.parametrize(
    "field, kept, shown",
    [
        ("amount", "95739.50", "95,739.50"),
        ("amount", "-1234567.00", "-1,234,567.00"),
        ("amount", "1234567", "1,234,567"),  # JPY has no decimals
        ("overdue", "999.00", "999.00"),
        ("number", "20260301.00", "20260301.00"),
        ("items", {"20260301": "13308.40 CNY"}, "20260301 = 13,308.40 CNY"),
        ("items", ["20260301"], "20260301"),
        ("balance", ["CNY 91462.60"], "CNY 91,462.60"),
        ("settled", [{"invoice": "FP2609-062", "amount": "16141.90"}], "FP2609-062 16,141.90"),
        ("line_state", "ignored", "Set aside"),
        ("facts", {"stock_value": "19000.00"}, "Value of our goods in stock = 19,000.00"),
    ],
)
def test_money_in_a_change_is_grouped_and_a_documents_number_is_left(field: str, kept: object, shown: str) -> None:
    assert [entry.after for entry in differences(None, json.dumps({field: kept}), {})] == [shown]
