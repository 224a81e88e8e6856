#!/usr/bin/env bash
# bench/bundle.sh OUT.tar.xz [ARCHITECTURE|none|software]: builds everything for one GPU architecture (default 90) and packs programs, tests, their shared
# libraries and bench/gpu.sh, to run on a machine that has a GPU, its driver and nothing of ours installed:
#     tar -xf OUT.tar.xz && arcuate-bundle/gpu.sh RESULTS
# Without nvcc, and with none, the CPU backend alone is packed, which serves to try gpu.sh --cpu-only. With software the programs run on the GPU of software that the tests have
# (tests/software_gpu): ARCUATE_SOFTWARE_GPUS=1 arcuate-bundle/gpu.sh RESULTS --parts 2. Over 64 MiB is an error.
set -euo pipefail
out=$(realpath -m -- "${1:?usage: bench/bundle.sh OUT.tar.xz [ARCHITECTURE]}")
architecture=${2:-90}
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=cpu code=$architecture-real software=OFF
if [ "$architecture" = none ]; then code=90-real
elif command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ]; then preset=cuda; fi
build=build/bundle-$preset
if [ "$architecture" = software ]; then code=80-virtual software=ON build=build/software; fi
launcher=()
if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_CUDA_COMPILER_LAUNCHER=ccache); fi
cmake --preset "$preset" -B "$build" -DARCUATE_CUDA_ARCHITECTURES="$code" -DARCUATE_SOFTWARE_GPU=$software "${launcher[@]}"
cmake --build "$build" -j "${JOBS:-$(nproc)}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bundle=$work/arcuate-bundle
mkdir -p "$bundle/bin" "$bundle/tests" "$bundle/lib"
find "$build/tools" "$build/bench" -maxdepth 1 -type f -executable -not -name bench_kernels -exec cp {} "$bundle/bin/" \;  # which has the processor's figures alone
find "$build/tests" -type f -executable -name 'test_*' -not -path '*/outside/*' -exec cp {} "$bundle/tests/" \;
cp "$build"/tests/kernels/same_bytes.*.x86-64-v3.O3 "$bundle/bin/"
# Tests without code for a GPU have nothing to show there.
if [ $preset = cuda ]; then
    for test in "$bundle"/tests/*; do objdump -h "$test" | grep -q nv_fatbin || rm "$test"; done
fi
strip "$bundle"/bin/* "$bundle"/tests/*
cp bench/gpu.sh bench/results/kernel_resources.json "$bundle/"
git rev-parse HEAD >"$bundle/commit.txt" 2>/dev/null || echo unknown >"$bundle/commit.txt"

# Everything but the C library and the loader, which belong to the machine that runs it.
ldd "$bundle"/bin/* "$bundle"/tests/* | sed -n 's/.* => \(\/[^ ]*\) (.*/\1/p' | sort -u | while read -r library; do
    case $(basename "$library") in
    libc.so.* | libm.so.* | libdl.so.* | librt.so.* | libpthread.so.* | ld-linux* | libcuda.so.*) ;;
    *) cp -L "$library" "$bundle/lib/" ;;
    esac
done
tar -C "$work" -c arcuate-bundle | xz -9 -T1 >"$work/bundle.tar.xz"  # which sees that the test programs are alike, 64 MiB apart
size=$(du -m "$work/bundle.tar.xz" | cut -f1)
if [ "$size" -gt 64 ]; then echo "bundle.sh: $size MiB is over 64 MiB; nothing written" >&2; exit 1; fi
mkdir -p "$(dirname "$out")"
mv "$work/bundle.tar.xz" "$out"
echo "$out: $(find "$bundle/tests" -type f | wc -l) test programs, $size MiB packed, $(du -sm "$bundle" | cut -f1) MiB unpacked"
