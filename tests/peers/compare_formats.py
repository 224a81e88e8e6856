#!/usr/bin/env python3
"""arcuate tract beside nibabel (.tck, .trk), Python's zipfile (.trx) and MRtrix3 (tckinfo, tckstats, tckedit, tckmap).

    compare_formats.py DATA_DIR ARCUATE_BIN

DATA_DIR holds tract_formats. Vertices read must agree to 1e-4 mm; counts and lengths with MRtrix3; streamlines chosen must be the same as tckedit's. tckmap -upsample 20 puts
vertices on a curve and misses corners, where Arcuate cuts straight segments exactly: its total may fall short by 2%, and 2% of its voxels may count more. Exit code 1
where one does not.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import zipfile

import nibabel
import numpy as np

failures = []


def run(*command):
    result = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True)
    return result.stdout


def check(what, good, seen=""):
    print(f"{'ok  ' if good else 'FAIL'} {what} {seen}")
    if not good:
        failures.append(what)


def read_trx(path):
    """Vertices and offsets of a .trx, by the specification alone."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        header = json.loads(archive.read("header.json"))
        arrays = {n: np.frombuffer(archive.read(n), n.rsplit(".", 1)[1]) for n in archive.namelist() if not n.endswith((".json", "/"))}
    positions = next(v for n, v in arrays.items() if n.startswith("positions")).reshape(-1, 3).astype(np.float64)
    offsets = next(v for n, v in arrays.items() if n.startswith("offsets")).astype(np.int64)
    assert len(positions) == header["NB_VERTICES"]
    if offsets[-1] != len(positions):  # a file without the sentinel
        offsets = np.append(offsets, len(positions))
    return np.split(positions, offsets[1:-1]), arrays


def read(path):
    if path.endswith(".trx"):
        return read_trx(path)[0]
    return [np.asarray(s, np.float64) for s in nibabel.streamlines.load(path).streamlines]


def distance(a, b):
    if [len(s) for s in a] != [len(s) for s in b]:
        return np.inf
    return max((np.abs(x - y).max() for x, y in zip(a, b) if len(x)), default=0.0)


def lengths(streamlines):
    return np.array([np.linalg.norm(np.diff(s, axis=0), axis=1).sum() for s in streamlines])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("arcuate")
    args = parser.parse_args()
    folder = os.path.join(args.data, "tract_formats")
    arcuate = lambda *command: run(args.arcuate, "tract", *command, "--quiet", "--force")
    with tempfile.TemporaryDirectory() as work:
        at = lambda name: os.path.join(work, name)
        reference = at("reference.nii")
        nibabel.save(nibabel.Nifti1Image(np.zeros((90, 100, 80), np.float32), np.array([[0, -1.5, 1, -20], [0, 2, 0.7, -90], [2, 0, 0, -60], [0, 0, 0, 1.0]])), reference)

        for name in sorted(os.listdir(folder)):
            if not name.endswith((".tck", ".trk", ".trk.gz", ".trx")):
                continue
            path = os.path.join(folder, name)
            truth = read(path)
            info = json.loads(run(args.arcuate, "tract", "info", path, "--json"))
            check(f"{name}: streamlines and vertices", info["streamlines"] == len(truth) and info["vertices"] == sum(map(len, truth)))
            check(f"{name}: mean length", abs(info["length_mm"]["mean"] - lengths(truth).mean()) < 1e-3)
            for out in ("tck", "trk", "trx"):
                arcuate("convert", path, at("a." + out), "--reference", reference)
                d = distance(read(at("a." + out)), truth)
                check(f"{name} -> .{out}: vertices", d < 1e-4, f"{d:.2g} mm")
                arcuate("convert", at("a." + out), at("b.tck"))
                d = distance(read(at("b.tck")), truth)
                check(f"{name} -> .{out} -> .tck: vertices", d < 1e-4, f"{d:.2g} mm")
            arcuate("convert", path, at("h.trx"), "--reference", reference, "--float16", "--deflate")
            d = distance(read(at("h.trx")), truth)
            check(f"{name} -> half precision", d < 0.07, f"{d:.2g} mm")

        # Data go into a .trk and back.
        dpsv = os.path.join(folder, "dpsv.trx")
        arcuate("convert", dpsv, at("d.trk"))
        seen, (streamlines, arrays) = nibabel.streamlines.load(at("d.trk")).tractogram, read_trx(dpsv)
        check("dpsv.trx -> .trk: data per streamline", np.array_equal(seen.data_per_streamline["DataSetID"][:, 0], arrays["dps/DataSetID.float32"]))
        check("dpsv.trx -> .trk: data per vertex", np.array_equal(seen.data_per_point["z"].get_data()[:, 0], arrays["dpv/z.float32"]))
        # nibabel's own .trk with data, back from us.
        nibabel.streamlines.save(nibabel.streamlines.load(at("d.trk")), at("n.trk"))
        arcuate("convert", at("n.trk"), at("n.trx"))
        check("nibabel's .trk -> .trx: data", np.array_equal(read_trx(at("n.trx"))[1]["dpv/z.float32"], arrays["dpv/z.float32"]))

        # MRtrix3
        arcuate("convert", dpsv, at("m.tck"))
        check("tckinfo counts", f"actual count in file: {len(streamlines)}" in run("tckinfo", "-quiet", "-count", at("m.tck")))
        stats = [float(x) for x in run("tckstats", "-quiet", "-output", "mean", "-output", "min", "-output", "max", at("m.tck")).split()]
        info = json.loads(run(args.arcuate, "tract", "info", at("m.tck"), "--json"))["length_mm"]
        check("tckstats: mean, min, max", np.allclose(stats, [info["mean"], info["min"], info["max"]], rtol=1e-5), str(stats))
        middle = np.concatenate(streamlines).mean(axis=0)
        sphere = ",".join(f"{x:.3f}" for x in [*middle, 12])
        lower = ",".join(f"{x:.3f}" for x in [*(middle - [0, 0, 25]), 9])
        nibabel.save(nibabel.Nifti1Image((np.indices((80, 100, 80))[0] < 45).astype(np.uint8), np.array([[1, 0, 0, -40], [0, 1, 0, -90], [0, 0, 1, -35], [0, 0, 0, 1.0]])), at("half.nii"))
        for ours, theirs in ((["--include", sphere], ["-include", sphere]), (["--include", sphere, "--exclude", lower], ["-include", sphere, "-exclude", lower]),
                             (["--mask", at("half.nii")], ["-mask", at("half.nii")]), (["--include", at("half.nii"), "--min-length", 100], ["-include", at("half.nii"), "-minlength", 100])):
            arcuate("filter", at("m.tck"), at("f.tck"), *ours)
            run("tckedit", "-quiet", "-force", at("m.tck"), at("e.tck"), *theirs)
            a, b = read(at("f.tck")), read(at("e.tck"))
            a.sort(key=lambda s: s.tobytes())  # tckedit's order depends on its threads
            b.sort(key=lambda s: s.tobytes())
            check("tckedit " + " ".join(str(t).replace(work + "/", "") for t in theirs), distance(a, b) == 0, f"{len(a)} and {len(b)} streamlines")
        arcuate("resample", at("m.tck"), at("r.tck"), "--step", 0.37)  # vertices of half precision often lie on a boundary between voxels
        arcuate("density", at("r.tck"), at("ours.nii"), "--template", at("half.nii"))
        run("tckmap", "-quiet", "-force", at("r.tck"), at("theirs.nii"), "-template", at("half.nii"), "-upsample", 20)
        ours, theirs = (np.asarray(nibabel.load(at(n)).dataobj).astype(np.int64) for n in ("ours.nii", "theirs.nii"))
        check("tckmap: total", 1 <= ours.sum() / theirs.sum() < 1.02, f"{ours.sum()} and {theirs.sum()}")
        check("tckmap: voxels that count more", (ours < theirs).sum() < 0.02 * (theirs > 0).sum(), f"{(ours < theirs).sum()} of {(theirs > 0).sum()}, by at most {(theirs - ours).max()}")
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
