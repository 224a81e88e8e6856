# Sourced by tools/demo.sh and tests/run.sh: the two commands differ only in how much they install, build and run.
# Leaves the current folder at the repository's root, and sets `preset` (cpu or cuda), `build` (build/<preset>) and `thrust`
# (the group of packages that brings Thrust; empty where the CUDA Toolkit does).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# stage <title> <command>...: runs the command and notes how long it took; ends the script where it fails.
timings=()
stage() {
    local title=$1 start=$SECONDS status=0
    shift
    echo "== $title"
    "$@" || status=$?
    [ $status -eq 0 ] || title+=": FAILED, exit code $status"
    timings+=("$(printf '%6d s  %s' $((SECONDS - start)) "$title")")
    return $status
}
print_timings() { echo "== time"; printf '%s\n' "${timings[@]}"; printf '%6d s  in all\n' "$SECONDS"; }
trap print_timings EXIT

preset=cpu thrust=thrust
if command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ]; then preset=cuda thrust=; fi
build=build/$preset

has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; }

# One GPU architecture, to keep the build short: that of this machine's GPU, else 8.0, with its PTX as it is, which tests without a GPU read.
configure() {
    local options=("$@")
    if [ "$preset" = cuda ]; then
        if has_gpu; then
            options+=(-DARCUATE_CUDA_ARCHITECTURES=native)
        else
            options+=(-DARCUATE_CUDA_ARCHITECTURES=80 -DCMAKE_CUDA_FLAGS=--no-compress)
        fi
    fi
    if command -v ccache >/dev/null; then options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache); fi
    cmake --preset "$preset" "${options[@]}"
}
