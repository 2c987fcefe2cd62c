#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The same as test_restart.sh, by filters of clsact, as kernels without tcx have it.
attach=clsact restarts=30 . "$(dirname "$0")/test_restart.sh"
