#!/usr/bin/env bash
# gpu.sh OUT [--cpu-only] [--parts 123456]: what only a machine with a GPU can show, in one go, from a bundle of bench/bundle.sh:
#   1. every test program, so that its CUDA cases run; 2. every command on the CPU and on the GPU, byte for byte: voxels, every tracking algorithm without and with
#   anatomical constraints, weights, connectomes, a BIDS data set of two sessions; 3. on every visible device its ceilings (device_limits), streamlines and arcs
#   a second from 10 k to 10 M, from FOD file to matrix, voxels a second, and the power drawn; 4. compute-sanitizer on a small case; 5. the time of every command
#   on either side (with 2); 6. the time of every kernel of the main commands, by the profiler.
# Logs and summary.json in OUT. Exit code 1 where anything failed, 3 without a GPU. It needs bash, a driver, and nothing else of NVIDIA's but compute-sanitizer for 4 and
# Nsight Compute (ncu) for 6.
# Parts 3 to 6 leave out what would not be done by SECONDS_AT_MOST (500), and say so.
# --cpu-only tries the script itself: one thread against all of them takes the place of CPU against GPU, and counts are small.
# From a bundle for the software GPU (bench/bundle.sh OUT software) with ARCUATE_SOFTWARE_GPUS=1, parts 1 and 2 run the kernels' PTX on the host, on small cases. Responses, for which FODs are
# estimated again and again, come from the processor there, and `run`, which estimates them itself, is left out.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
usage="usage: gpu.sh OUT [--cpu-only] [--parts 123456]"
out=$(realpath -m -- "${1:?$usage}")
shift
cpu_only=false parts=123456
while [ $# -gt 0 ]; do
    case $1 in
    --cpu-only) cpu_only=true ;;
    --parts) parts=${2:?$usage}; shift ;;
    *) echo "$usage" >&2; exit 2 ;;
    esac
    shift
done
part() { [[ $parts == *$1* ]]; }
export out LD_LIBRARY_PATH=$here/lib:${LD_LIBRARY_PATH:-}
arcuate=$here/bin/arcuate
sides=(cpu cuda) voxel=2.5 brain_voxel=2 profiled_voxel=1.5 equal=${STREAMLINES:-20000} timed=100000 counts=(10000 100000 1000000 10000000) repeats=3
most=${SECONDS_AT_MOST:-500} command_seconds=60  # a command that takes longer hangs
rm -rf "$out/work" && mkdir -p "$out/work" || exit 2
rm -f "$out"/{commands,test_*,memcheck_*,initcheck_*,racecheck_*,synccheck_*}.log "$out"/{summary.json,power.csv} "$out"/kernels_*.csv

software=false
if [ "${ARCUATE_SOFTWARE_GPUS:-0}" -gt 0 ]; then
    software=true voxel=4 brain_voxel=5 equal=${STREAMLINES:-60} command_seconds=1800
    export ARCUATE_SOFTWARE_GPU_MEMORY=${ARCUATE_SOFTWARE_GPU_MEMORY:-32}  # MiB: chunks are as small
    parts=${parts//[3456]/}
fi
if $cpu_only; then
    sides=(cpu-1-thread cpu) voxel=4 brain_voxel=4 profiled_voxel=4 equal=300 timed=300 counts=(300 1000) repeats=1
elif ! "$arcuate" doctor --device cuda >"$out/doctor.txt" 2>&1; then
    cat "$out/doctor.txt" >&2
    echo "gpu.sh: no usable GPU; not measured: GPU tests, equality of CPU and GPU, compute-sanitizer, times" >&2
    exit 3
fi
device_options() { case $1 in cpu-1-thread) echo "--device cpu --threads 1" ;; *) echo "--device $1" ;; esac }

failed=0
complain() { echo "FAILED: $*" >&2; failed=1; }
left_out=()
# in_time <seconds> <what>: whether something of so many seconds can still be done; else it is noted.
in_time() {
    if [ $((SECONDS + $1)) -lt "$most" ]; then return 0; fi
    left_out+=("$2")
    return 1
}
quoted() { local item list=""; for item in "$@"; do list+="${list:+, }\"$item\""; done; echo "$list"; }
side_by_side=$(($(nproc) < 12 ? $(nproc) : 12))

# The commands of the whole path, by name. They run inside the folder of their data, so that no output that names its inputs depends on the side.
d=. o=out
algorithms=(ifod1 sd ptt prob tensor-det tensor-prob fact nulldist1 nulldist2)
names=(tensor bootstrap replicate kurtosis response tissues fod fod-2 msmt normalise mean track half dynamic regions)
for algorithm in "${algorithms[@]}"; do names+=("$algorithm"); done
names+=(ifod1-rk4 act act-interface)
for algorithm in "${algorithms[@]}"; do names+=("act-$algorithm"); done
names+=(weights weights-act session-weights connectome soft assign-all from-fod from-fod-act from-fod-sift2 transform move register)
if ! $software; then names+=(run run-at-once); fi
# Field and gradient table of a tracking algorithm: on the bundles, or, where $1 is act, on the brain; what needs a signal walks on the bundles there, too.
field_of() {
    local gradients="--bval $d/dwi.bval --bvec $d/dwi.bvec"
    case $1/$2 in
    */tensor-*) echo "$d/dwi.nii.gz $o/$3.tck $gradients --seed-image $d/mask.nii.gz" ;;
    */fact) echo "$o/maps_v1.nii.gz $o/$3.tck --seed-image $d/mask.nii.gz" ;;
    act/*) echo "$d/brain_fod.nii.gz $o/$3.tck --seed-image $d/white.nii.gz" ;;
    *) echo "$o/fod.nii.gz $o/$3.tck --seed-image $d/mask.nii.gz" ;;
    esac
}
arguments() {
    local dwi="$d/dwi.nii.gz" gradients="--bval $d/dwi.bval --bvec $d/dwi.bvec --mask $d/mask.nii.gz" seeds="--seeds $((50 * select))"
    local gradients_2="--bval $d/dwi_2.bval --bvec $d/dwi_2.bvec --mask $d/mask.nii.gz" brain_act="--act $d/5tt.nii.gz" few=$((select / 4))
    case $1 in
    tensor) echo "tensor $dwi $o/maps $gradients" ;;
    bootstrap) echo "bootstrap $dwi $o/maps $gradients --replicates 100" ;;
    replicate) echo "replicate $dwi $o/again.nii.gz $gradients" ;;
    kurtosis) echo "kurtosis $dwi $o/dki $gradients" ;;
    response) echo "response $dwi $o/response.txt $gradients" ;;
    tissues) echo "response $dwi $o/tissue $gradients --algorithm dhollander" ;;
    fod) echo "fod $dwi $o/fod.nii.gz $gradients --response $o/response.txt" ;;
    fod-2) echo "fod $d/dwi_2.nii.gz $o/fod_2.nii.gz $gradients_2 --response $o/response.txt" ;;
    msmt) echo "fod $dwi $o/msmt $gradients --response wm=$o/tissue_wm.txt gm=$o/tissue_gm.txt csf=$o/tissue_csf.txt" ;;
    normalise) echo "normalise $o/normalised --tissue wm=$o/msmt_wm.nii.gz gm=$o/msmt_gm.nii.gz csf=$o/msmt_csf.nii.gz --mask $d/mask.nii.gz" ;;
    mean) echo "mean $o/mean_fod.nii.gz $o/fod.nii.gz $o/fod_2.nii.gz" ;;
    track) echo "track $o/mean_fod.nii.gz $o/tracks.tck --seed-image $d/mask.nii.gz --mask $d/mask.nii.gz --select $select" ;;
    half) echo "track $o/mean_fod.nii.gz $o/half.tck --seed-image $d/mask.nii.gz --mask $d/mask.nii.gz --fod-precision half --select $select" ;;
    dynamic) echo "track $o/mean_fod.nii.gz $o/dynamic.tck --seed-dynamic $o/mean_fod.nii.gz --select $few $seeds" ;;
    regions) echo "track $o/mean_fod.nii.gz $o/regions.trx --seed-grid-per-voxel $d/mask.nii.gz 1 --include 0,0,0,20 --exclude 0,40,0,5 --stop-at-include --select $few $seeds" ;;
    ifod1-rk4) echo "track $(field_of plain ifod1 rk4) --algorithm ifod1 --rk4 --select $few $seeds" ;;
    act) echo "track $(field_of act ifod2 act) $brain_act --backtrack --crop --select $select $seeds" ;;
    act-interface) echo "track $d/brain_fod.nii.gz $o/interface.trk --seed-interface $d/border.nii.gz $brain_act --backtrack --crop --select $few $seeds" ;;
    act-sd | act-ptt | act-tensor-* | act-fact) echo "track $(field_of act "${1#act-}" "$1") --algorithm ${1#act-} $brain_act --crop --select $few $seeds" ;;
    act-*) echo "track $(field_of act "${1#act-}" "$1") --algorithm ${1#act-} $brain_act --backtrack --crop --select $few $seeds" ;;
    weights) echo "weights $o/tracks.tck $o/mean_fod.nii.gz $o/weights.txt --out-mu $o/mu.txt" ;;
    weights-act) echo "weights $o/act.tck $d/brain_fod.nii.gz $o/weights_act.txt $brain_act" ;;
    session-weights) echo "session-weights $o/tracks.tck --fod $o/fod.nii.gz $o/fod_2.nii.gz --out $o/weights_1.txt $o/weights_2.txt" ;;
    connectome) echo "connectome $o/tracks.tck $d/nodes.nii.gz $o/connectome.h5 --scalar fa=$o/maps_fa.nii.gz --scalar md=$o/maps_md.nii.gz --peaks $o/maps_v1.nii.gz --weights $o/weights.txt --mu $o/mu.txt --metric all --metric sd_length --errors" ;;
    soft) echo "connectome $o/act.tck $d/5tt.nii.gz $o/soft.h5 --errors" ;;
    assign-all) echo "connectome $o/tracks.tck $d/nodes.nii.gz $o/all_voxels.h5 --assign all-voxels --scalar fa=$o/maps_fa.nii.gz --precise" ;;
    from-fod) echo "connectome --from-fod $o/mean_fod.nii.gz --seed-image $d/mask.nii.gz --mask $d/mask.nii.gz --select $select --errors $d/nodes.nii.gz $o/from_fod.h5" ;;
    from-fod-act) echo "connectome --from-fod $d/brain_fod.nii.gz --seed-image $d/white.nii.gz $brain_act --backtrack --crop --select $few $d/brain_nodes.nii.gz $o/from_fod_act.h5" ;;
    from-fod-sift2) echo "connectome --from-fod $o/mean_fod.nii.gz --seed-image $d/mask.nii.gz --mask $d/mask.nii.gz --select $few --sift2 $d/nodes.nii.gz $o/from_fod_sift2.h5" ;;
    transform) echo "transform $o/fod.nii.gz $o/moved_fod.nii.gz --kind fod --transform $d/motion.txt" ;;
    move) echo "transform $o/maps_fa.nii.gz $o/moved_fa.nii.gz --kind scalar --transform $d/motion.txt" ;;
    register) echo "register $o/maps_fa.nii.gz $o/moved_fa.nii.gz $o/common" ;;
    run) echo "run $d/bids $o/run participant --select $few" ;;
    run-at-once) echo "run $d/bids $o/run_at_once participant --select $few --trajectories independent --weights none --sessions-at-once 2" ;;
    *) echo "track $(field_of plain "$1" "$1") --algorithm $1 --select $few $seeds" ;;
    esac
}
# run_command <name> <side> <folder>: prints seconds.
run_command() {
    local begin=$EPOCHREALTIME
    # shellcheck disable=SC2046
    (cd "$3" && timeout "$command_seconds" "$arcuate" $(arguments "$1") $(device_options "$2") --force --quiet) >>"$out/commands.log" 2>&1 || { echo "$1 on $2: rc $?" >>"$out/commands.log"; return 1; }
    awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f", b - a }'
}
# brain <folder> <side> <voxel size>: the phantom brain, its files under short names.
brain() {
    local truth=$1/brain/derivatives/truth
    # shellcheck disable=SC2046
    "$arcuate" phantom "$1/brain" --preset brain --voxel-size "$3" $(device_options "$2") --quiet >>"$out/commands.log" 2>&1 || return 1
    ln -s "$truth/fod.nii.gz" "$1/brain_fod.nii.gz"
    ln -s "$truth/5tt.nii.gz" "$1/5tt.nii.gz"
    ln -s "$truth/white_mask.nii.gz" "$1/white.nii.gz"
    ln -s "$truth/border_mask.nii.gz" "$1/border.nii.gz"
    ln -s "$(find "$1/brain/derivatives/parcels" -name '*_dseg.nii.gz' | head -n 1)" "$1/brain_nodes.nii.gz"
}
# phantoms <folder> <side> <voxel size> <brain's voxel size>: a BIDS data set of two sessions and two shells, and the brain.
phantoms() {
    local folder=$1 side=$2 suffix
    # shellcheck disable=SC2046
    "$arcuate" phantom "$folder/bids" --sessions 2 --b-value 700,2000 --ventricles --voxel-size "$3" $(device_options "$side") --quiet >>"$out/commands.log" 2>&1 || return 1
    for suffix in nii.gz bval bvec; do
        ln -s "$(find "$folder/bids" -name "sub-*_ses-01*_dwi.$suffix" | head -n 1)" "$folder/dwi.$suffix"
        ln -s "$(find "$folder/bids" -name "sub-*_ses-02*_dwi.$suffix" | head -n 1)" "$folder/dwi_2.$suffix"
    done
    ln -s "$(find "$folder/bids/derivatives" -name 'sub-*_ses-01*_desc-brain_mask.nii.gz' | head -n 1)" "$folder/mask.nii.gz"
    ln -s "$(find "$folder/bids/derivatives" -name 'sub-*_ses-01*_dseg.nii.gz' | head -n 1)" "$folder/nodes.nii.gz"
    printf '0.98 -0.199 0 3\n0.199 0.98 0 -2\n0 0 1 1\n0 0 0 1\n' >"$folder/motion.txt"  # 11.5 degrees and 3.7 mm
    brain "$folder" "$side" "$4"
}
# Sidecars say on which device and when; everything else must agree.
fingerprints() { (cd "$1" && find . -type f -not -name '*.json' | sort | xargs sha256sum); }

tests=0 tests_failed=0 tests_skipped=0 cuda_skipped=0
if part 1; then
    echo "== 1. tests"
    run_test() { cd "$out/work" && timeout 300 "$1" >"$out/$(basename "$1").log" 2>&1 || basename "$1" >>"$out/work/failed_tests"; }
    export -f run_test
    : >"$out/work/failed_tests"
    # test_kernels_same_bytes_cuda is in part 2.
    find "$here/tests" -name 'test_*' -not -name '*_same_bytes_cuda' | sort | xargs -P "$side_by_side" -I {} bash -c 'run_test {}'
    tests=$(find "$here/tests" -name 'test_*' -not -name '*_same_bytes_cuda' | wc -l) tests_failed=$(wc -l <"$out/work/failed_tests")
    while read -r name; do complain "$name, see $out/$name.log"; done <"$out/work/failed_tests"
    tests_skipped=$(cat "$out"/test_*.log | grep -c '^\[  SKIPPED \].*ms)$')
    cuda_skipped=$(cat "$out"/test_*.log | grep -A1 ': Skipped$' | grep -ci 'cuda')
    echo "$((tests - tests_failed)) programs passed, $tests_failed failed; $tests_skipped cases skipped, $cuda_skipped of them for want of CUDA (${SECONDS} s)"
    if [ "$cuda_skipped" -gt 0 ] && [ "${sides[1]}" = cuda ]; then complain "$cuda_skipped CUDA cases were skipped though a GPU is here"; fi
fi

files=0 same=null
if part 2; then
    echo "== 2. one answer: ${sides[0]} against ${sides[1]}"
    # The arithmetic alone (tests/kernels/same_bytes): one digest for all builds.
    digests=$(for program in "$here"/bin/same_bytes.* "$here"/tests/test_kernels_same_bytes_cuda; do
        [ "${sides[1]}" = cuda ] || [[ $program != *_cuda ]] || continue
        "$program"
    done | sort -u)
    [ "$(wc -w <<<"$digests")" = 1 ] || complain "the arithmetic differs: $digests"
    select=$equal
    # of_side <side>: everything on one of them; both go at the same time, in folders of their own.
    of_side() {
        local side=$1 folder=$out/work/$1 name seconds on
        mkdir -p "$folder/out"
        phantoms "$folder" "$side" "$voxel" "$brain_voxel" || echo "phantoms on $side" >>"$out/work/failed_commands"
        for name in "${names[@]}"; do
            on=$side
            if $software; then case $name in response | tissues) on=cpu ;; esac; fi
            seconds=$(run_command "$name" "$on" "$folder") || echo "$name on $side" >>"$out/work/failed_commands"
            echo "$name $seconds" >>"$out/work/seconds_$side"
            # Where one hangs, others may: no more than a few are waited for.
            if [ "$(grep -c "on $side: rc 124" "$out/commands.log")" -gt 3 ]; then echo "what follows $name on $side: four hung" >>"$out/work/failed_commands"; break; fi
        done
        { fingerprints "$folder/bids"; fingerprints "$folder/brain"; fingerprints "$folder/out"; } >"$out/sha256_$side.txt"
    }
    : >"$out/work/failed_commands"
    for side in "${sides[@]}"; do of_side "$side" & done
    wait
    while read -r name; do complain "$name, see $out/commands.log"; done <"$out/work/failed_commands"
    files=$(wc -l <"$out/sha256_${sides[0]}.txt")
    same=true
    diff "$out/sha256_${sides[0]}.txt" "$out/sha256_${sides[1]}.txt" >"$out/different.txt" || { same=false; complain "outputs differ:"; cat "$out/different.txt" >&2; }
    [ "$files" -ge 100 ] || { same=false; complain "only $files outputs to compare"; }
    # Equal files prove little where an algorithm made no streamline.
    empty=()
    for file in "$out/work/${sides[1]}"/out/*.json; do
        if grep -q '"command": "track"' "$file" && ! grep -q '"streamlines": [1-9]' "$file"; then empty+=("$(basename "$file" .json)"); fi
    done
    [ ${#empty[@]} = 0 ] || { same=false; complain "no streamlines of: ${empty[*]}"; }
    [ $same = false ] || echo "${#names[@]} commands, $files files, the same bytes (${SECONDS} s)"
fi

rates=""
if part 3; then
    echo "== 3. rates of every device"
    [ -d "$out/work/${sides[1]}/brain" ] || { mkdir -p "$out/work/${sides[1]}"; brain "$out/work/${sides[1]}" "${sides[1]}" "$brain_voxel"; } || complain "the brain, see $out/commands.log"
    profiled=$out/work/profiled select=$equal
    mkdir -p "$profiled/out"
    phantoms "$profiled" "${sides[1]}" "$profiled_voxel" "$brain_voxel" || complain "phantoms of many voxels, see $out/commands.log"
    value() { sed -n "s/^ *\"$2\": \([0-9.]*\),\{0,1\}$/\1/p" "$1" | head -n 1; }  # value <sidecar> <name>
    devices=("${sides[1]}")
    if [ "${sides[1]}" = cuda ]; then mapfile -t devices < <("$arcuate" doctor | sed -n 's/^\(cuda:[0-9]*\) .*/\1/p'); fi
    sampler=
    if [ "${sides[1]}" = cuda ] && command -v nvidia-smi >/dev/null; then
        nvidia-smi --query-gpu=index,power.draw --format=csv,noheader,nounits --loop-ms=200 >"$out/power.csv" 2>/dev/null &
        sampler=$!
    fi
    # rate <device> <count> <whole command>: a row of JSON. Bytes and operations of a candidate of iFOD2 (lmax 8): bench/README.md.
    mkdir -p "$out/work/rates"
    rate() {
        local device=$1 count=$2 what=$3 sidecar=$out/work/rates/$3.json begin=$EPOCHREALTIME seconds d=$out/work/${sides[1]} o=$out/work/rates
        local fod="$d/brain_fod.nii.gz" options="--select $2 --seed-image $d/white.nii.gz"
        case $what in
        track) set -- track "$fod" "$o/track.tck" $options ;;
        track-half) set -- track "$fod" "$o/track-half.tck" $options --fod-precision half ;;
        track-act) set -- track "$fod" "$o/track-act.tck" $options --act "$d/5tt.nii.gz" --backtrack --crop ;;
        matrix) set -- connectome --from-fod "$fod" $options "$d/brain_nodes.nii.gz" "$o/matrix.h5" ;;
        matrix-*) set -- connectome --from-fod "$fod" $options --algorithm "${what#matrix-}" "$d/brain_nodes.nii.gz" "$o/$what.h5" ;;
        esac
        "$arcuate" "$@" --device "$device" --force --quiet >>"$out/commands.log" 2>&1 || return 1
        seconds=$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f", b - a }')
        awk -v what="$what" -v count="$count" -v t="$seconds" -v steps="$(value "$sidecar" steps)" -v arcs="$(value "$sidecar" candidates)" -v limits="$limits" 'BEGIN {
            bytes = what == "track-half" ? 2304e-9 : 4608e-9  # GB of a candidate
            printf "{\"what\": \"%s\", \"streamlines\": %d, \"seconds\": %.3f, \"streamlines_per_s\": %.0f", what, count, t, count / t
            if (steps != "") printf ", \"steps_per_s\": %.0f, \"arcs_per_s\": %.0f", steps / t, arcs / t
            if (what !~ /^matrix-/ && arcs != "" && match(limits, /"l2_read_gb_s": [0-9.]+/)) {
                l2 = substr(limits, RSTART + 16, RLENGTH - 16); match(limits, /"copy_gb_s": [0-9.]+/); copy = substr(limits, RSTART + 13, RLENGTH - 13)
                match(limits, /"fp32_gflop_s": [0-9.]+/); fp32 = substr(limits, RSTART + 16, RLENGTH - 16)
                printf ", \"gathered_over_copy\": %.4f, \"gathered_over_l2\": %.4f, \"share_of_fp32\": %.4f", arcs / t * bytes / copy, arcs / t * bytes / l2, arcs / t * 2646e-9 / fp32
            }
            printf "}" }'
    }
    for device in "${devices[@]}"; do
        limits=null
        if [ "${sides[1]}" = cuda ]; then limits=$("$here/bin/device_limits" "${device#cuda:}") || { limits=null; complain "device_limits of $device"; }; fi
        rows="" begin_power=$({ wc -l <"$out/power.csv" || echo 0; } 2>/dev/null)
        for what in track track-half track-act matrix matrix-ifod1 matrix-sd matrix-prob matrix-ptt; do
            last_seconds=1
            for count in "${counts[@]}"; do
                # Ten times the last count takes ten times as long at most; the last step of tracks would write gigabytes and is for matrices alone.
                if [ "$count" -gt 1000000 ] && [[ $what != matrix* ]]; then continue; fi
                in_time $((10 * last_seconds + 5)) "$device $what $count" || continue
                row=$(rate "$device" "$count" "$what") || { complain "$what of $count on $device, see $out/commands.log"; continue; }
                last_seconds=$(sed -n 's/.*"seconds": \([0-9]*\)\..*/\1/p' <<<"$row")
                last_seconds=${last_seconds:-1}
                echo "$device $row"
                rows+="${rows:+,
      }$row"
            done
        done
        # Voxels: whole commands on a box of many, with the reading and writing of images.
        # shellcheck disable=SC2046
        voxels=$(cd "$profiled" && "$arcuate" $(arguments tensor) --device "$device" --force 2>&1 | sed -n 's/^tensors of \([0-9]*\) voxels.*/\1/p')
        for name in tensor response tissues fod msmt bootstrap kurtosis; do
            in_time 15 "$device $name" || continue
            seconds=$(run_command "$name" "$device" "$profiled") || { complain "$name of $voxels voxels on $device, see $out/commands.log"; continue; }
            row="{\"what\": \"$name\", \"voxels\": ${voxels:-null}, \"seconds\": $seconds}"
            echo "$device $row"
            rows+="${rows:+,
      }$row"
        done
        watts=null
        if [ -s "$out/power.csv" ]; then
            watts=$(tail -n +"$((begin_power + 1))" "$out/power.csv" | awk -F, -v device="${device#cuda:}" '$1 == device { n++; s += $2; if ($2 > m) m = $2 } END { if (n) printf "{\"mean\": %.0f, \"most\": %.0f}", s / n, m; else print "null" }')
        fi
        rates+="${rates:+,
     }{\"device\": \"$device\", \"limits\": $limits, \"watts\": $watts, \"rates\": [
      $rows]}"
    done
    [ -z "$sampler" ] || kill "$sampler" 2>/dev/null
fi

sanitizer='"absent"'
tool=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
if part 4 && [ "${sides[1]}" = cuda ] && [ -x "$tool" ]; then
    echo "== 4. compute-sanitizer"
    # sanitize <check> <name>, unless there is no time for it.
    sanitize() {
        local more=""  # of memory that one stream gives back while another one uses it, where the tool knows of it
        if [ "$EPOCHSECONDS" -gt "$sanitize_until" ]; then echo "$1 $2" >>"$out/work/not_sanitized"; return; fi
        [ "$1" != memcheck ] || ! "$tool" --help 2>&1 | grep -q track-stream-ordered-races || more="--track-stream-ordered-races all"
        # shellcheck disable=SC2046,SC2086
        (cd "$out/work/small" && timeout 60 "$tool" --tool "$1" $more --error-exitcode 9 "$arcuate" $(cat "$2.arguments") --device cuda --force --quiet) >"$out/${1}_$2.log" 2>&1
        echo "$1 $2 $?" >>"$out/work/sanitized"
    }
    export -f sanitize
    export tool arcuate
    export sanitize_until=$((EPOCHSECONDS + most - SECONDS - 30))
    select=200 folder=$out/work/small
    mkdir -p "$folder/out"
    : >"$out/work/sanitized"
    : >"$out/work/not_sanitized"
    phantoms "$folder" cpu 4 5 || complain "small phantoms"
    # Inputs of each are made first, so that commands can be looked at side by side.
    for name in "${names[@]}"; do run_command "$name" cpu "$folder" >/dev/null || complain "small $name"; arguments "$name" >"$folder/$name.arguments"; done
    # Shared memory, of which racecheck looks for races, is in few kernels or in none (the compiler's report is packed with the bundle); threads that wait for each other, in teams alone.
    with_shared=(tensor track)
    if grep -q '"shared": [1-9]' "$here/kernel_resources.json"; then with_shared=("${names[@]}"); fi
    for check in memcheck synccheck racecheck initcheck; do
        case $check in racecheck) looked_at=("${with_shared[@]}") ;; synccheck) looked_at=(track half act ifod1 ptt prob msmt) ;; *) looked_at=("${names[@]}") ;; esac
        printf '%s\n' "${looked_at[@]}" | xargs -P "$side_by_side" -I {} bash -c "sanitize $check {}"
    done
    while read -r name; do left_out+=("$name"); done <"$out/work/not_sanitized"
    faults=$(awk '$3 != 0 { print $1 ": " $2 " (" $3 ")" }' "$out/work/sanitized")
    while read -r fault; do [ -z "$fault" ] || complain "compute-sanitizer, $fault"; done <<<"$faults"
    sanitizer="{\"looked_at\": $(wc -l <"$out/work/sanitized"), \"faults\": [$(while read -r fault; do [ -z "$fault" ] || printf '%s"%s"' "${comma-}" "$fault"; comma=", "; done <<<"$faults")]}"
    echo "$sanitizer (${SECONDS} s)"
fi

times="" select=$timed
if part 5 && part 2; then
    echo "== 5. time of whole commands (part 2: $equal streamlines, or a quarter; once) and of the main ones again (median of $repeats, $timed streamlines)"
    for name in "${names[@]}"; do
        row=""
        for side in "${sides[@]}"; do
            once=$(sed -n "s/^$name \(.*\)/\1/p" "$out/work/seconds_$side")
            row+="${row:+, }\"$side\": ${once:-null}"
            case $name in
            tensor | bootstrap | kurtosis | fod | msmt | track | act | weights | connectome | from-fod)
                if in_time $((repeats * 8)) "$name again on $side"; then
                    median=$(for ((n = 0; n < repeats; ++n)); do run_command "$name" "$side" "$out/work/$side" || echo -n nan; echo; done | sort -n | sed -n "$(((repeats + 1) / 2))p")
                    row+=", \"${side}_again\": ${median/nan/null}"
                fi
                ;;
            esac
        done
        echo "$name: $row"
        times+="${times:+,
      }\"$name\": {$row}"
    done
fi

# Launches are counted one by one, so the sum is the device's time without anything that overlaps.
ncu=$(command -v ncu || echo /usr/local/cuda/bin/ncu)
if part 6 && [ "${sides[1]}" = cuda ] && [ -x "$ncu" ]; then
    echo "== 6. kernels"
    select=$equal folder=$out/work/profiled
    mkdir -p "$folder/out"
    [ -e "$folder/dwi.nii.gz" ] || phantoms "$folder" cuda "$profiled_voxel" "$brain_voxel" || complain "phantoms to profile, see $out/commands.log"
    for name in response fod fod-2 mean; do run_command "$name" cuda "$folder" >/dev/null || complain "$name to profile, see $out/commands.log"; done  # inputs
    for name in tensor response tissues fod msmt bootstrap kurtosis track weights connectome half act ifod1 sd ptt prob tensor-det tensor-prob fact; do
        in_time 15 "kernels of $name" || continue
        # shellcheck disable=SC2046
        (cd "$folder" && timeout "$command_seconds" "$ncu" --clock-control none --launch-count 40 --csv --print-units base \
            --metrics gpu__time_duration.sum,sm__inst_executed.avg.per_cycle_active,lts__t_bytes.sum,dram__bytes.sum \
            "$arcuate" $(arguments "$name") --device cuda --force --quiet) >"$out/kernels_$name.csv" 2>&1 || complain "kernels of $name, see $out/kernels_$name.csv"
    done
fi
gpu=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null | head -n 1)
if $software; then gpu="software GPU"; fi
commit=$(cat "$here/commit.txt" 2>/dev/null)
cat >"$out/summary.json" <<JSON
{"version": "$("$arcuate" --version)", "commit": "$commit", "gpu": "$gpu", "cpu_threads": $(nproc), "sides": [$(quoted "${sides[@]}")], "seconds_in_all": $SECONDS,
 "left_out_for_time": [$(quoted ${left_out[@]+"${left_out[@]}"})],
 "tests": {"passed": $((tests - tests_failed)), "failed": $tests_failed, "cases_skipped": $tests_skipped, "cuda_cases_skipped": $cuda_skipped},
 "one_answer": {"commands": ${#names[@]}, "files": $files, "same": $same}, "compute_sanitizer": $sanitizer,
 "devices": [$rates],
 "streamlines": {"once": $equal, "again": $timed},
 "seconds": {
  $times}}
JSON
rm -rf "$out/work"
cat "$out/summary.json"
exit $failed
