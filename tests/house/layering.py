#!/usr/bin/env python3
"""layering.py ROOT: holds the rules of ARCHITECTURE.md ("Layers", "One answer") that can be read off the sources.

Every rule broken is one line `file:line: what (why)`; exit code 1 where there is any. `layering.py ROOT --self-test` plants one
violation of every kind in an empty tree and fails unless each is found and the lawful lines beside them are not.
"""
import pathlib
import re
import sys
import tempfile

COMPUTE = {"dwi", "registration", "tracking", "tract", "connectome", "weights", "phantom"}
# What each layer may include besides itself: the arrows of ARCHITECTURE.md, closed downward.
MAY_INCLUDE = {
    "core": set(),
    "kernels": set(),
    "io": {"core"},
    "backend": {"core", "kernels"},
    **{module: {"core", "kernels", "backend"} for module in COMPUTE},
    "study": {"core", "kernels", "backend", "io"} | COMPUTE,
    "tools": {"core", "kernels", "backend", "io", "study"} | COMPUTE,
}
SUFFIXES = {".hpp", ".cpp", ".cu", ".cuh"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# libm by any of its names. sqrt and fma are exact and pass; so do the project's own, called without std:: or from kernels::.
LIBM = r"(?:exp2?|expm1|log(?:2|10|1p)?|pow|cbrt|hypot|a?(?:sin|cos|tan)h?|atan2|sincos|tgamma|lgamma|erfc?)"
LIBM_CALL = re.compile(r"(?:\bstd::|(?<![\w:])::|\b__builtin_|\b__)" + LIBM + r"[fl]?\s*\(|(?<![\w:.])" + LIBM + r"f\s*\(")
FAST_MATH = re.compile(r"-ffast-math|-Ofast|use_fast_math|-ffp-contract=(?!off)|-fmad=true|-ftz=true|-prec-(?:div|sqrt)=false|-freciprocal-math"
                       r"|-fassociative-math|-funsafe-math|-ffinite-math-only|fp_contract\s*\(\s*on|FP_CONTRACT\s+ON")
THROW_OR_NEW = re.compile(r"(?<![\w.])(?:throw|new|delete|malloc|free|try|catch|virtual)\b(?!\s*[\w/]*\.hpp)")
NOT_IN_KERNELS = re.compile(r"^(?:vector|string|string_view|map|unordered_map|set|memory|functional|iostream|ostream|sstream|fstream|cstdio|stdexcept"
                            r"|exception|new|random|numeric|algorithm|thread|mutex|atomic|filesystem)$|^Eigen/|^fmt/|^thrust/")


def layer_of_file(path):
    """The layer a source file belongs to, or None: conventions.hpp is below all of them, tests and benchmarks above."""
    parts = path.parts
    if parts[:2] == ("include", "arcuate"):
        return parts[2] if len(parts) > 3 else "core"
    if parts[0] == "src":
        return parts[1]
    return parts[0] if parts[0] in ("kernels", "tools") else None


def layer_of_include(target, from_layer):
    """The layer that an include names, or None for other libraries and for files of the same folder."""
    parts = target.split("/")
    if parts[0] == "arcuate":
        return parts[1] if len(parts) > 2 else None
    if parts[0] == "src":
        parts = parts[1:]
    return parts[0] if len(parts) > 1 and parts[0] in MAY_INCLUDE else None


def without_comments(text):
    """The text with comments blanked and every line kept, so that line numbers stay right."""
    blank = lambda match: re.sub(r"[^\n]", " ", match.group()) if match.group().startswith("/") else match.group()
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def faults_of(path, text):
    """Yields (line number, what, why) for one source file; `path` is relative to the root."""
    layer = layer_of_file(path)
    public = path.parts[0] == "include"
    for number, line in enumerate(without_comments(text).splitlines(), 1):
        if FAST_MATH.search(line):
            yield number, "fast-math", "the same inputs give the same bytes everywhere"
        if layer is None:
            continue
        include = INCLUDE.match(line)
        if include:
            target = include.group(2)
            other = layer_of_include(target, layer)
            if other and other != layer and other not in MAY_INCLUDE.get(layer, set()):
                yield number, f"{layer} includes {target}", f"{layer} may include {', '.join(sorted(MAY_INCLUDE.get(layer, []))) or 'nothing of ours'}"
            elif public and (other == "kernels" or (other and not target.startswith("arcuate/")) or re.match(r"(?:cuda|thrust/|cub/)", target)):
                yield number, f"a public header includes {target}", "public headers hold host types only and stand on public headers alone"
            if layer == "kernels" and NOT_IN_KERNELS.search(target):
                yield number, f"a kernel includes {target}", "kernels neither allocate, throw nor print"
            if target.startswith("thrust/") and layer != "backend":
                yield number, f"{layer} includes {target}", "only the backend sees Thrust"
            continue
        if layer == "kernels" and not line.lstrip().startswith("#"):
            code = re.sub(r'"(?:\\.|[^"\\])*"', '""', line)
            if THROW_OR_NEW.search(code):
                yield number, f"a kernel says: {line.strip()}", "kernels neither allocate nor throw"
            if LIBM_CALL.search(code):
                yield number, f"a kernel calls libm: {line.strip()}", "use kernels/math.hpp, whose bits are the same everywhere"


def check(root):
    faults, files = [], 0
    for folder in ("include", "src", "kernels", "tools", "tests", "bench"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in SUFFIXES:
                continue
            files += 1
            relative = path.relative_to(root)
            faults += [f"{relative}:{n}: {what} ({why})" for n, what, why in faults_of(relative, path.read_text(encoding="utf-8"))]
    build_files = [root / "CMakeLists.txt", root / "CMakePresets.json"]
    build_files += [p for folder in ("cmake", "src", "tools", "tests", "bench", "docker", ".ci") for p in sorted((root / folder).rglob("*"))
                    if p.is_file() and (p.name == "CMakeLists.txt" or p.suffix in (".cmake", ".sh", ".in") or "Dockerfile" in p.name or p.name == "run")]
    for path in build_files:
        if path.exists():
            for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if FAST_MATH.search(line.split("#")[0]):
                    faults.append(f"{path.relative_to(root)}:{n}: fast-math (the same inputs give the same bytes everywhere)")
    return faults, files


# File -> lines; a line that must be found ends in BAD.
PLANTED = {
    "include/arcuate/core/a.hpp": ['#include "arcuate/io/nifti.hpp"  // BAD', '#include "arcuate/conventions.hpp"', '#include "arcuate/core/b.hpp"'],
    "include/arcuate/dwi/a.hpp": ['#include "kernels/math.hpp"  // BAD', "#include <cuda_runtime.h>  // BAD", '#include "backend/launch.hpp"  // BAD',
                                  '#include "arcuate/backend/device.hpp"', '#include "arcuate/tracking/track.hpp"  // BAD'],
    "src/dwi/a.cpp": ['#include "arcuate/io/nifti.hpp"  // BAD', '#include "io/text.hpp"  // BAD', "#include <thrust/for_each.h>  // BAD",
                      '#include "arcuate/study/bids.hpp"  // BAD', '#include "backend/launch.hpp"', '#include "dwi/dense.hpp"', '#include "kernels/math.hpp"'],
    "src/io/a.cpp": ['#include "arcuate/backend/device.hpp"  // BAD', '#include "arcuate/core/image.hpp"', '#include "text.hpp"'],
    "src/backend/a.cpp": ["#include <thrust/for_each.h>", '#include "arcuate/dwi/fod.hpp"  // BAD'],
    "src/study/a.cpp": ['#include "arcuate/io/nifti.hpp"', '#include "tools/command.hpp"  // BAD'],
    "kernels/a.hpp": ["#include <vector>  // BAD", "#include <cmath>", '#include "arcuate/core/image.hpp"  // BAD', "#include <Eigen/Dense>  // BAD",
                      "float a = std::exp(x);  // BAD", "float b = expf(x);  // BAD", "float c = exp(x) + kernels::exp(x) + sincos(x).sin;",
                      "throw 1;  // BAD", "float* d = new float;  // BAD", "float e = std::sqrt(x);  // throw, new and std::exp in a comment",
                      "float f = __builtin_powf(x, y);  // BAD", "float g = __sinf(x);  // BAD"],
    "tools/a.cpp": ['#include "arcuate/study/run.hpp"', '#include "arcuate/io/nifti.hpp"', '#include "kernels/math.hpp"'],
    "src/io/b.cpp": ['#include "kernels/math.hpp"  // BAD'],
    "src/core/CMakeLists.txt": ["add_compile_options(-ffast-math) #BAD", "add_compile_options(-ffp-contract=off)"],
    "tests/a.cpp": ["#pragma STDC FP_CONTRACT ON  // BAD", '#include "src/io/text.hpp"'],
}


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        expected = set()
        for name, lines in PLANTED.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text("\n".join(lines) + "\n")
            expected |= {f"{name}:{n}" for n, line in enumerate(lines, 1) if line.endswith("BAD")}
        found = {":".join(fault.split(":")[:2]) for fault in check(root)[0]}
    for what, places in (("not found", expected - found), ("found though lawful", found - expected)):
        for place in sorted(places):
            print(f"self-test: {what}: {place}")
    print(f"self-test: {len(expected & found)} of {len(expected)} planted violations found")
    return found == expected


def main():
    root = pathlib.Path(sys.argv[1])
    if "--self-test" in sys.argv:
        sys.exit(0 if self_test() else 1)
    faults, files = check(root)
    print("\n".join(faults + [f"{files} source files, {len(faults)} faults"]))
    sys.exit(1 if faults or not files else 0)


if __name__ == "__main__":
    main()
