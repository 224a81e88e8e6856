#!/usr/bin/env bash
# tools/demo.sh [OUT [DEMO_OPTION...]]: from a bare machine to a first result. Installs what is missing, builds the tool, and runs
# `arcuate demo OUT`. Without OUT: demo_out in the current folder, made anew.
[ $# -gt 0 ] || set -- demo_out --force
out=$(realpath -m -- "$1")
shift
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

stage "install what is missing" bash docker/install.sh build $thrust
stage "configure ($preset)" configure -DARCUATE_TESTS=OFF -DARCUATE_BENCH=OFF -DARCUATE_SOFTWARE_GPU=OFF
stage "build" cmake --build "$build" --target arcuate_tool -j "$(nproc)"
stage "demo" "$build/tools/arcuate" demo "$out" "$@"
echo "program: $PWD/$build/tools/arcuate"
echo "result:  $out"
