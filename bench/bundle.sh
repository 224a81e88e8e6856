#!/usr/bin/env bash
# bench/bundle.sh OUT_DIR [ARCHITECTURE]: builds everything for one GPU architecture (default 90) and gathers programs, tests, their shared
# libraries and bench/gpu.sh in OUT_DIR, which then runs on a machine that has a GPU, its driver and nothing of ours installed.
# Without nvcc the CPU backend alone is gathered, which serves to try gpu.sh --cpu-only.
set -euo pipefail
out=$(realpath -m -- "${1:?usage: bench/bundle.sh OUT_DIR [ARCHITECTURE]}")
architecture=${2:-90}
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=cpu
if command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ]; then preset=cuda; fi
build=build/bundle-$preset
launcher=()
if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache); fi
cmake --preset "$preset" -B "$build" -DARCUATE_CUDA_ARCHITECTURES="$architecture-real" "${launcher[@]}"
cmake --build "$build" -j "$(nproc)"

rm -rf "$out"
mkdir -p "$out/bin" "$out/tests" "$out/lib"
find "$build/tools" "$build/bench" -maxdepth 1 -type f -executable -exec cp {} "$out/bin/" \;
find "$build/tests" -type f -executable -name 'test_*' -not -path '*/outside/*' -exec cp {} "$out/tests/" \;
strip "$out"/bin/* "$out"/tests/*
cp bench/gpu.sh "$out/"

# Everything but the C library and the loader, which belong to the machine that runs it.
ldd "$out"/bin/* "$out"/tests/* | sed -n 's/.* => \(\/[^ ]*\) (.*/\1/p' | sort -u | while read -r library; do
    case $(basename "$library") in
    libc.so.* | libm.so.* | libdl.so.* | librt.so.* | libpthread.so.* | ld-linux* | libcuda.so.*) ;;
    *) cp -L "$library" "$out/lib/" ;;
    esac
done
echo "$out: $(find "$out/tests" -type f | wc -l) test programs, $(du -sm "$out" | cut -f1) MiB"
