#!/usr/bin/env bash
# gpu.sh OUT [--cpu-only]: what only a machine with a GPU can show, in one go, from a bundle of bench/bundle.sh:
#   1. every test program, so that its CUDA cases run; 2. the whole path on the CPU and on the GPU, byte for byte; 3. compute-sanitizer
#   on a small case; 4. the time of every command on either. Logs and summary.json in OUT. Exit code 1 where anything failed, 3 without a GPU.
# --cpu-only tries the script itself: one thread against all of them takes the place of CPU against GPU.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(realpath -m -- "${1:?usage: gpu.sh OUT [--cpu-only]}")
export LD_LIBRARY_PATH=$here/lib:${LD_LIBRARY_PATH:-}
arcuate=$here/bin/arcuate
sides=(cpu cuda)
rm -rf "$out/work" && mkdir -p "$out/work" || exit 2

if [ "${2:-}" = --cpu-only ]; then
    sides=(cpu-1-thread cpu)
elif ! "$arcuate" doctor --device cuda >"$out/doctor.txt" 2>&1; then
    cat "$out/doctor.txt" >&2
    echo "gpu.sh: no usable GPU; not measured: GPU tests, equality of CPU and GPU, compute-sanitizer, times" >&2
    exit 3
fi
device_options() { case $1 in cpu-1-thread) echo "--device cpu --threads 1" ;; *) echo "--device $1" ;; esac }

failed=0
complain() { echo "FAILED: $*" >&2; failed=1; }
# The commands of the whole path on one device, by name; $d is the folder of data, $o that of outputs.
names=(tensor bootstrap response fod msmt track weights connectome from-fod transform move register)
arguments() {
    local dwi="$d/dwi.nii.gz" gradients="--bval $d/dwi.bval --bvec $d/dwi.bvec --mask $d/mask.nii.gz"
    case $1 in
    tensor) echo "tensor $dwi $o/maps $gradients" ;;
    bootstrap) echo "bootstrap $dwi $o/maps $gradients --replicates 100" ;;
    response) echo "response $dwi $o/response.txt $gradients" ;;
    fod) echo "fod $dwi $o/fod.nii.gz $gradients --response $o/response.txt" ;;
    msmt) echo "fod $dwi $o/tissues $gradients --response wm=$d/wm.txt csf=$d/csf.txt" ;;
    track) echo "track $o/fod.nii.gz $o/tracks.tck --seed-image $d/mask.nii.gz --mask $d/mask.nii.gz --select $select" ;;
    weights) echo "weights $o/tracks.tck $o/fod.nii.gz $o/weights.txt" ;;
    from-fod) echo "connectome --from-fod $o/fod.nii.gz --seed-image $d/mask.nii.gz --mask $d/mask.nii.gz --select $select --errors $d/nodes.nii.gz $o/from_fod.h5" ;;
    transform) echo "transform $o/fod.nii.gz $o/moved_fod.nii.gz --kind fod --transform $d/motion.txt" ;;
    move) echo "transform $o/maps_fa.nii.gz $o/moved_fa.nii.gz --kind scalar --transform $d/motion.txt" ;;
    register) echo "register $o/maps_fa.nii.gz $o/moved_fa.nii.gz $o/common" ;;
    connectome) echo "connectome $o/tracks.tck $d/nodes.nii.gz $o/connectome.h5 --scalar fa=$o/maps_fa.nii.gz --scalar md=$o/maps_md.nii.gz --peaks $o/maps_v1.nii.gz --metric all --metric sd_length --errors" ;;
    esac
}
# run_command <name> <side>: prints seconds.
run_command() {
    local begin=$EPOCHREALTIME
    # shellcheck disable=SC2046
    "$arcuate" $(arguments "$1") $(device_options "$2") --force --quiet >>"$out/commands.log" 2>&1 || return 1
    awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f", b - a }'
}
# phantom <folder> <side> <option>...: a data set of one session, its files under short names.
phantom() {
    local folder=$1 side=$2
    shift 2
    # shellcheck disable=SC2046
    "$arcuate" phantom "$folder/bids" --sessions 2 "$@" $(device_options "$side") --quiet >>"$out/commands.log" 2>&1 || return 1
    local name suffix
    for suffix in nii.gz bval bvec; do ln -s "$(find "$folder/bids" -name "sub-*_ses-01*_dwi.$suffix" | sort | head -n 1)" "$folder/dwi.$suffix"; done
    ln -s "$(find "$folder/bids/derivatives" -name 'sub-*_ses-01*_desc-brain_mask.nii.gz' | sort | head -n 1)" "$folder/mask.nii.gz"
    ln -s "$(find "$folder/bids/derivatives" -name 'sub-*_ses-01*_dseg.nii.gz' | sort | head -n 1)" "$folder/nodes.nii.gz"
    responses "$folder"
    printf '0.98 -0.199 0 3\n0.199 0.98 0 -2\n0 0 1 1\n0 0 0 1\n' >"$folder/motion.txt"  # 11.5 degrees and 3.7 mm
}
# Responses of two tissues for b = 0 and b = 2000, good enough to compute with.
responses() {
    printf '3545\n1200 -650 240 -70 18\n' >"$1/wm.txt"
    printf '3545\n9\n' >"$1/csf.txt"
}
# Sidecars say on which device and when; everything else must agree.
fingerprints() { (cd "$1" && find . -type f -not -name '*.json' | sort | xargs sha256sum); }

echo "== 1. tests"
tests_passed=0 tests_failed=0
for program in "$here"/tests/test_*; do
    name=$(basename "$program")
    [ "$name" != test_kernels_same_bytes_cuda ] || continue  # in part 2
    if (cd "$out/work" && timeout 300 "$program" >"$out/$name.log" 2>&1); then tests_passed=$((tests_passed + 1)); else tests_failed=$((tests_failed + 1)); complain "$name, see $out/$name.log"; fi
done
tests_skipped=$(cat "$out"/test_*.log | grep -c '^\[  SKIPPED \].*ms)$')
cuda_skipped=$(cat "$out"/test_*.log | grep -A1 ': Skipped$' | grep -ci 'cuda')
echo "$tests_passed programs passed, $tests_failed failed; $tests_skipped cases skipped, $cuda_skipped of them for want of CUDA"
if [ "$cuda_skipped" -gt 0 ] && [ "${sides[1]}" = cuda ]; then complain "$cuda_skipped CUDA cases were skipped though a GPU is here"; fi

echo "== 2. one answer: ${sides[0]} against ${sides[1]}"
# The arithmetic alone (tests/kernels/same_bytes): one digest for all builds.
digests=$(for program in "$here"/bin/same_bytes.* "$here"/tests/test_kernels_same_bytes_cuda; do
    [ "${sides[1]}" = cuda ] || [[ $program != *_cuda ]] || continue
    "$program"
done | sort -u)
[ "$(wc -w <<<"$digests")" = 1 ] || complain "the arithmetic differs: $digests"
select=20000
for side in "${sides[@]}"; do
    d=$out/work/$side o=$d/out
    mkdir -p "$o"
    phantom "$d" "$side" || complain "phantom on $side, see $out/commands.log"
    for name in "${names[@]}"; do run_command "$name" "$side" >/dev/null || complain "$name on $side, see $out/commands.log"; done
    { fingerprints "$d/bids"; fingerprints "$o"; } >"$out/sha256_$side.txt"
done
files=$(wc -l <"$out/sha256_${sides[0]}.txt")
same=true
diff "$out/sha256_${sides[0]}.txt" "$out/sha256_${sides[1]}.txt" >"$out/different.txt" || { same=false; complain "outputs differ:"; cat "$out/different.txt" >&2; }
[ "$files" -ge 10 ] || { same=false; complain "only $files outputs to compare"; }
[ $same = false ] || echo "$files files, the same bytes"

echo "== 3. compute-sanitizer"
sanitizer=absent
tool=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
if [ "${sides[1]}" = cuda ] && [ -x "$tool" ]; then
    sanitizer=clean select=200 d=$out/work/small o=$out/work/small/out
    mkdir -p "$o"
    phantom "$d" cpu --voxel-size 4 || complain "small phantom"
    for name in "${names[@]}"; do
        # shellcheck disable=SC2046
        timeout 120 "$tool" --tool memcheck --error-exitcode 9 "$arcuate" $(arguments "$name") --device cuda --force --quiet >"$out/sanitizer_$name.log" 2>&1 ||
            { sanitizer=faults; complain "compute-sanitizer on $name, see $out/sanitizer_$name.log"; }
    done
fi
echo "$sanitizer"

echo "== 4. time (median of three, whole commands)"
times="" select=100000
for name in "${names[@]}"; do
    row=""
    for side in "${sides[@]}"; do
        d=$out/work/$side o=$d/out
        median=$(for _ in 1 2 3; do run_command "$name" "$side" || echo nan; echo; done | sort -n | sed -n 2p)
        row+="${row:+, }\"$side\": ${median/nan/null}"
        printf '%-12s %-14s %10s s\n' "$name" "$side" "$median"
    done
    times+="${times:+, }\"$name\": {$row}"
done
gpu=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null | head -n 1)
cat >"$out/summary.json" <<JSON
{"version": "$("$arcuate" --version)", "gpu": "$gpu", "cpu_threads": $(nproc), "sides": ["${sides[0]}", "${sides[1]}"],
 "tests": {"passed": $tests_passed, "failed": $tests_failed, "cases_skipped": $tests_skipped, "cuda_cases_skipped": $cuda_skipped},
 "one_answer": {"files": $files, "same": $same}, "compute_sanitizer": "$sanitizer", "streamlines_timed": $select, "seconds": {$times}}
JSON
rm -rf "$out/work"
cat "$out/summary.json"
exit $failed
