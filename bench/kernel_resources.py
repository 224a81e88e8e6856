#!/usr/bin/env python3
"""What the CUDA compiler makes of every kernel: registers, spills, stack and shared memory, and the occupancy that follows from them.

    cmake --preset cuda && bench/kernel_resources.py build/cuda [--architectures 75,80,86,89,90,100,120] [--files ifod2.cu,csd.cu] [--out resources] [--jobs 2]

Compiles each .cu file once more per architecture (to machine code alone, with the build's own flags) and reads `ptxas -v`; needs nvcc, no GPU. Occupancy is the share of a multiprocessor's
warps that its registers leave room for, with the blocks of launch_cuda.cuh; shared memory bounds nothing here. Ends with 1 where a kernel of src/tracking spills.
--out writes resources.json and resources.md after every file; what they hold of other files and architectures stays.
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
REGISTERS, GRANULE, BLOCK_WARPS = 65536, 256, 4


def occupancy(registers, architecture):
    per_warp = -(-registers * 32 // GRANULE) * GRANULE
    blocks = min(REGISTERS // per_warp // BLOCK_WARPS, WARPS[architecture] // BLOCK_WARPS)
    return blocks * BLOCK_WARPS / WARPS[architecture]


def demangled(names):
    out = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(zip(names, out))


def kernel_of(name):
    """Ours: TrackStreamline<Ifod2<8>> of void arcuate::detail::run_walks<arcuate::kernels::TrackStreamline<arcuate::kernels::Ifod2<8> > >(...), or the name of a function
    that is called; None of what belongs to a library."""
    found = re.search(r"run_(?:item|walks|teams)<(.*) ?>\(", name) or re.search(r"(arcuate::kernels::.*?)\(", name)
    return re.sub(r"arcuate::(kernels::)?|\((int|bool)\)", "", found[1]).replace(" >", ">").strip() if found else None


def cell(row):
    counted = f"{row['registers']} / {{}} / {100 * row['occupancy']:.0f}%" if "registers" in row else "called / {}"
    return counted.format(f"{row['stack']} / {row['spilled']}")


def table(results, version):
    architectures = [a for a in WARPS if any(a in of for of in results.values())]
    lines = ["Registers / bytes of stack / bytes spilled / occupancy by registers; functions that kernels call: stack and spills. By bench/kernel_resources.py, " + version + ".", "",
             "| kernel | " + " | ".join(f"sm_{a}" for a in architectures) + " |", "|---" * (1 + len(architectures)) + "|"]
    for kernel in sorted(results):
        lines.append(f"| `{kernel}` | " + " | ".join(cell(results[kernel][a]) if a in results[kernel] else "" for a in architectures) + " |")
    return "\n".join(lines) + "\n"


def compiler_of(command):
    """The first word that is not ccache."""
    return next(word for word in shlex.split(command["command"]) if "ccache" not in pathlib.Path(word).name)


def compile_one(command, architecture):
    words, skip, kept = shlex.split(command["command"]), False, []
    for word in words:
        if skip:
            skip = False
        elif word in ("-o", "-MF", "-MT"):
            skip = True
        elif not word.startswith(("--generate-code", "-Xptxas=--warn")) and word not in ("-c", "-MD"):
            kept.append(word)
    kept = kept[kept.index(compiler_of(command)):]
    with tempfile.TemporaryDirectory() as folder:
        kept += [f"-arch=sm_{architecture}", "-cubin", "-Xptxas=-v", "-o", f"{folder}/out.cubin"]
        done = subprocess.run(kept, cwd=command["directory"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command['file']} for sm_{architecture}: {done.stderr[-2000:]}")
    # Of the kernels themselves, and (without a count of registers, which is in that of their kernel) of the functions that they call.
    rows, name = {}, None
    for line in done.stderr.splitlines():
        if found := re.search(r"Compiling entry function '(\w+)'", line):
            entry = found[1]
        elif found := re.search(r"Function properties for (\w+)", line):
            name = found[1]
        elif found := re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line):
            rows[name] = {"stack": int(found[1]), "spilled": int(found[2]) + int(found[3])}
        elif found := re.search(r"Used (\d+) registers", line):
            shared = re.search(r"(\d+) bytes smem", line)
            rows[entry] |= {"registers": int(found[1]), "shared": int(shared[1]) if shared else 0, "occupancy": occupancy(int(found[1]), architecture)}
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
    version = subprocess.run([compiler_of(commands[0]), "--version"], capture_output=True, text=True).stdout.splitlines()[-2]
    results, tracking = collections.defaultdict(dict), set()
    if o.out and (stored := pathlib.Path(o.out + ".json")).exists():
        results |= json.loads(stored.read_text())["kernels"]
    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        jobs = {pool.submit(compile_one, c, a): (c, a) for c in commands for a in architectures}
        for job in concurrent.futures.as_completed(jobs):
            command, architecture = jobs[job]
            rows = job.result()
            names = demangled(rows)
            for mangled, row in rows.items():
                if kernel := kernel_of(names[mangled]):
                    if "/tracking/" in command["file"]:
                        tracking.add(kernel)
                    results[kernel][architecture] = row
            print(f"{pathlib.Path(command['file']).name} sm_{architecture}", file=sys.stderr, flush=True)
            if o.out:
                pathlib.Path(o.out + ".json").write_text(json.dumps({"nvcc": version, "kernels": results}, indent=1, sort_keys=True) + "\n")
                pathlib.Path(o.out + ".md").write_text(table(results, version))
    print(table(results, version))
    spilling = [f"{k} (sm_{a})" for k in sorted(tracking) for a, r in results[k].items() if r["spilled"] > 0]
    if spilling:
        sys.exit("trackers that spill: " + ", ".join(spilling))


main()
