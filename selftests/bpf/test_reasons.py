# SPDX-License-Identifier: Apache-2.0
"""Runs last: every reason that a packet can end with was produced by one of the tests before."""

# Both come of a checksum that the device is still to complete, and a test run cannot make such a
# frame. selftests/net/test_offload.c has them, by a real tap.
ELSEWHERE = {"PARTIAL_CSUM", "WRITE_ERROR"}


def test_every_reason_was_produced(fx):
    missing = set(fx.reason_names.values()) - fx.produced - ELSEWHERE
    assert not missing, "never produced: %s" % ", ".join(sorted(missing))
