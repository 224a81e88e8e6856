#!/usr/bin/env bash
# tests/run.sh [CTEST_OPTION...]: installs what is missing, builds everything, and runs the whole suite, or a part of it, for instance
# `tests/run.sh -R io`. Tests on real data run where ARCUATE_TEST_DATA names a folder of them, and skip elsewhere. With nvcc and without a GPU, what is for CUDA runs on one of software.
source "$(dirname "${BASH_SOURCE[0]}")/../tools/setup.sh"

# ctest calls a test passed whose cases were all skipped; so the reasons are gathered and said.
run_suite() {
    local status=0
    ctest --test-dir "$build" --output-on-failure --no-tests=error -j "$(nproc)" "$@" | tee "$build/ctest.log" || status=$?
    echo "== cases that were skipped, and why"
    sed -n '/: Skipped$/{n;p}' "$build/Testing/Temporary/LastTest.log" | sort | uniq -c
    echo "== result"
    sed -n '/% tests passed/p; /The following tests FAILED/,/^$/p' "$build/ctest.log"
    return $status
}

stage "install what is missing" bash docker/install.sh build $thrust test peer
software_gpu=OFF
if [ "$preset" = cuda ] && ! has_gpu; then software_gpu=ON; fi
stage "configure ($preset)" configure -DARCUATE_TESTS=ON -DARCUATE_BENCH=ON -DARCUATE_SOFTWARE_GPU=$software_gpu
stage "build" cmake --build "$build" -j "$(nproc)"
stage "test" run_suite "$@"
