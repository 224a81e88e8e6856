#!/usr/bin/env python3
"""What the CUDA compiler makes of every kernel: registers, spills, stack and shared memory, and the occupancy that follows from them.

    cmake --preset cuda && bench/kernel_resources.py build/cuda [--architectures 75,80,86,89,90,100,120] [--files ifod2.cu,csd.cu] [--out resources.json] [--jobs 2]

Compiles each .cu file once more per architecture (to machine code alone, with the build's own flags) and reads `ptxas -v`; needs nvcc, no GPU. Occupancy is the share of a multiprocessor's
warps that its registers leave room for, with the block of 256 threads that launch() gets from Thrust; shared memory bounds nothing here. Ends with 1 where a kernel of src/tracking spills.
Half an hour of processor time for all files and architectures: the trackers are large.
"""
import argparse
import collections
import concurrent.futures
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

# Registers and warps of a multiprocessor (CUDA C++ Programming Guide, "Technical Specifications per Compute Capability"); registers are given out by 256 per warp.
WARPS = {"75": 32, "80": 64, "86": 48, "89": 48, "90": 64, "100": 64, "120": 48}
REGISTERS, GRANULE, BLOCK_WARPS = 65536, 256, 8


def occupancy(registers, architecture):
    per_warp = -(-registers * 32 // GRANULE) * GRANULE
    blocks = min(REGISTERS // per_warp // BLOCK_WARPS, WARPS[architecture] // BLOCK_WARPS)
    return blocks * BLOCK_WARPS / WARPS[architecture]


def demangled(names):
    out = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(zip(names, out))


def kernel_of(name):
    """Ours inside Thrust's: arcuate::kernels::AddToEdges out of cub::...<..., thrust::...<arcuate::kernels::AddToEdges>...>."""
    found = re.search(r"arcuate::(?:\w+::)*", name)
    if not found:
        return None
    depth, end = 0, found.start()
    for end in range(found.start(), len(name)):
        c = name[end]
        if c == "<":
            depth += 1
        elif c in ">,)" and depth == 0:
            break
        elif c == ">":
            depth -= 1
    short = re.sub(r"arcuate::(kernels::)?|\((int|bool)\)", "", name[found.start():end])
    return short.strip()


def compile_one(command, architecture):
    words, skip, kept = shlex.split(command["command"]), False, []
    for word in words:
        if skip:
            skip = False
        elif word in ("-o", "-MF", "-MT"):
            skip = True
        elif not word.startswith("--generate-code") and word not in ("-c", "-MD"):
            kept.append(word)
    while "ccache" in pathlib.Path(kept[0]).name:
        kept = kept[1:]
    with tempfile.TemporaryDirectory() as folder:
        kept += [f"-arch=sm_{architecture}", "-cubin", "-Xptxas=-v", "-o", f"{folder}/out.cubin"]
        done = subprocess.run(kept, cwd=command["directory"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command['file']} for sm_{architecture}: {done.stderr[-2000:]}")
    rows, name = [], None
    for line in done.stderr.splitlines():
        if found := re.search(r"Compiling entry function '(\w+)'", line):
            name = found[1]
        elif found := re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line):
            frame = [int(x) for x in found.groups()]
        elif (found := re.search(r"Used (\d+) registers", line)) and name:
            shared = re.search(r"(\d+) bytes smem", line)
            rows.append((name, int(found[1]), *frame, int(shared[1]) if shared else 0))
            name = None
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--architectures", default=",".join(WARPS))
    parser.add_argument("--files", default="")
    parser.add_argument("--out")
    parser.add_argument("--jobs", type=int, default=2)
    o = parser.parse_args()
    commands = [c for c in json.load(open(o.build / "compile_commands.json")) if "/src/" in c["file"] and c["file"].endswith(".cu")]
    if o.files:
        commands = [c for c in commands if pathlib.Path(c["file"]).name in o.files.split(",")]
    architectures = o.architectures.split(",")
    results = collections.defaultdict(dict)
    tracking = set()
    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        jobs = {pool.submit(compile_one, c, a): (c, a) for c in commands for a in architectures}
        for job in concurrent.futures.as_completed(jobs):
            command, architecture = jobs[job]
            rows = job.result()
            names = demangled([row[0] for row in rows])
            for mangled, registers, stack, stores, loads, shared in rows:
                kernel = kernel_of(names[mangled])
                if kernel is None:
                    continue
                if "/tracking/" in command["file"]:
                    tracking.add(kernel)
                # Thrust compiles each for 32- and 64-bit counts: the larger of both.
                new = {"registers": registers, "stack": stack, "spill_stores": stores, "spill_loads": loads, "shared": shared, "occupancy": occupancy(registers, architecture)}
                old = results[kernel].get(architecture)
                if old is None or new["registers"] >= old["registers"]:
                    results[kernel][architecture] = new
            print(f"{pathlib.Path(command['file']).name} sm_{architecture}", file=sys.stderr, flush=True)
    if o.out:
        json.dump({"nvcc": subprocess.run(["nvcc", "--version"], capture_output=True, text=True).stdout.splitlines()[-2:], "kernels": results}, open(o.out, "w"), indent=1, sort_keys=True)
    print("registers / stack / spilled bytes / occupancy\n\n| kernel | " + " | ".join(f"sm_{a}" for a in architectures) + " |\n|---" * 1 + "|---" * len(architectures) + "|")
    for kernel in sorted(results):
        cells = []
        for a in architectures:
            r = results[kernel].get(a)
            cells.append(f"{r['registers']} / {r['stack']} / {r['spill_stores'] + r['spill_loads']} / {100 * r['occupancy']:.0f}%" if r else "")
        print(f"| `{kernel}` | " + " | ".join(cells) + " |")
    spilling = [f"{k} (sm_{a})" for k in sorted(tracking) for a, r in results[k].items() if r["spill_stores"] + r["spill_loads"] > 0]
    if spilling:
        sys.exit("trackers that spill: " + ", ".join(spilling))


main()
