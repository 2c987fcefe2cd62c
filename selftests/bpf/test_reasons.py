# SPDX-License-Identifier: Apache-2.0
"""Runs last: every reason that a packet can end with was produced by one of the tests before."""

# Not to be had by a test run: a partial checksum cannot be made there, and writing fails only
# when the kernel is out of memory. The net tier and the code's reader have these.
ELSEWHERE = {"PARTIAL_CSUM", "WRITE_ERROR"}


def test_every_reason_was_produced(fx):
    missing = set(fx.reason_names.values()) - fx.produced - ELSEWHERE
    assert not missing, "never produced: %s" % ", ".join(sorted(missing))
