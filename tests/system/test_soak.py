"""A short soak; `make soak MINUTES=n` is the long one."""

from soak import soak


def test_everything_at_once():
    assert soak(4, 2, 1) > 100
