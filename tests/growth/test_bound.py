"""The bound on how many mounts there can be, and its closed form."""

from decimal import Decimal, getcontext

import pytest

from nsmodel.growth.bound import Size, closed_form, closed_text, most, product


@pytest.mark.parametrize("shared", [False, True])
def test_the_closed_form_is_the_bound(shared: bool) -> None:
    start = Size(1, 1 if shared else 0)
    assert [closed_form(k, shared=shared) for k in range(12)] == [most(start, k) for k in range(12)]


def test_numbers() -> None:
    assert [closed_form(k, shared=False) for k in range(7)] == [1, 2, 4, 8, 42, 1806, 3263442]
    assert [product(k) for k in range(6)] == [1, 2, 6, 42, 1806, 3263442]


def test_the_closed_form_in_writing() -> None:
    getcontext().prec = 40
    e = Decimal("1.26408473530530111307959958416466949111")
    assert [int(e ** (2 ** (k + 1)) + Decimal("0.5")) - 1 for k in range(7)] == [product(k) for k in range(7)]
    assert closed_text(3, shared=False) == "2^3"
    assert closed_text(4, shared=False) == closed_text(3, shared=True) == "⌊E^(2^4) + 1/2⌋ - 1"


def test_it_grows_with_both() -> None:
    for calls in range(5):
        assert most(Size(3, 2), calls) <= most(Size(4, 2), calls)
        assert most(Size(3, 2), calls) <= most(Size(3, 3), calls)


def test_what_one_call_can_make() -> None:
    assert Size(1, 0).allows(Size(2, 0))
    assert Size(1, 0).allows(Size(1, 1))
    assert not Size(1, 1).allows(Size(3, 1))
    assert not Size(2, 2).allows(Size(6, 7))
