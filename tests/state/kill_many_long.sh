#!/bin/bash
# The writer killed 400 times (tests/state/kill_test.c). $1: the program; the test lies beside it.
set -e
ANL_KILLS=400 exec "$(dirname "$1")/tests/state_kill_test"
