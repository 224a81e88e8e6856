#!/usr/bin/env python3
"""arcuate connectome beside MRtrix3's tck2connectome and tcksample, on the same streamlines.

    compare_connectome.py DATA_DIR ARCUATE_BIN [--select N] [--work DIR]

DATA_DIR holds human_rescan. Needs MRtrix3 (dwi2response, dwi2fod, tckgen, tck2connectome, tcksample) and numpy.
Counts and assignments must be equal; mean lengths and mean FA must agree to 1e-5 (relative). Exit code 1 where one does not.
"""
import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np


def run(*command):
    subprocess.run([str(c) for c in command], check=True)


def matrix(path):
    """A labelled TSV of Arcuate's as an array."""
    with open(path) as file:
        rows = [line.rstrip("\n").split("\t")[1:] for line in file][1:]
    return np.array([[float("nan") if cell == "n/a" else float(cell) for cell in row] for row in rows])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("arcuate")
    parser.add_argument("--select", type=int, default=20000)
    parser.add_argument("--work", help="keep intermediate files here, and use those that are there")
    args = parser.parse_args()
    work = args.work or tempfile.mkdtemp(prefix="compare_connectome_")
    os.makedirs(work, exist_ok=True)
    at = lambda name: os.path.join(work, name)
    root = os.path.join(args.data, "human_rescan")
    dwi = os.path.join(root, "sub-01/ses-01/dwi/sub-01_ses-01_dwi")
    mask = os.path.join(root, "derivatives/masks/sub-01/ses-01/dwi/sub-01_ses-01_desc-brain_mask.nii.gz")
    parcels = os.path.join(root, "derivatives/parcels/sub-01/ses-01/dwi/sub-01_ses-01_desc-shell84_dseg.nii.gz")
    source = [dwi + ".nii.gz", "-fslgrad", dwi + ".bvec", dwi + ".bval", "-mask", mask, "-quiet", "-force"]

    if not os.path.exists(at("tracks.tck")):
        run("dwi2response", "tournier", *source, at("response.txt"))
        run("dwi2fod", "csd", *source, at("response.txt"), at("fod.nii.gz"))
        run("tckgen", at("fod.nii.gz"), "-seed_image", mask, "-mask", mask, "-select", args.select, at("tracks.tck"), "-quiet", "-force")
    if not os.path.exists(at("fa.nii.gz")):
        run("dwi2tensor", *source, at("dt.nii.gz"))
        run("tensor2metric", at("dt.nii.gz"), "-mask", mask, "-fa", at("fa.nii.gz"), "-quiet", "-force")

    connectome = ["tck2connectome", at("tracks.tck"), parcels]
    same = ["-assignment_radial_search", 4, "-symmetric", "-quiet", "-force"]
    run(*connectome, at("m_count.csv"), *same, "-out_assignments", at("m_assignments.txt"))
    run(*connectome, at("m_length.csv"), *same, "-scale_length", "-stat_edge", "mean")
    run("tcksample", at("tracks.tck"), at("fa.nii.gz"), at("m_fa.txt"), "-stat_tck", "mean", "-quiet", "-force")
    run(*connectome, at("m_fa.csv"), *same, "-scale_file", at("m_fa.txt"), "-stat_edge", "mean")

    for metric in ("count", "mean_length", "mean_fa"):
        run(args.arcuate, "connectome", at("tracks.tck"), parcels, at(metric + ".tsv"), "--metric", metric, "--scalar", "fa=" + at("fa.nii.gz"), "--out-assignments",
            at("assignments.txt"), "--force", "--quiet", "--device", "cpu")

    ours, theirs = np.loadtxt(at("assignments.txt"), dtype=int), np.loadtxt(at("m_assignments.txt"), dtype=int)
    count, m_count = matrix(at("count.tsv")), np.loadtxt(at("m_count.csv"), delimiter=",")
    differ = int((ours != theirs).any(axis=1).sum())
    print(f"streamlines {len(ours)}, assigned {int((ours > 0).all(axis=1).sum())}; assignments that differ: {differ}")
    print(f"edges {int((np.triu(count) > 0).sum())}, largest count {count.max():.0f}; counts that differ: {int((count != m_count).sum())}")
    ok = differ == 0 and (count == m_count).all()
    edges = count > 0
    for metric, file in (("mean_length", "m_length.csv"), ("mean_fa", "m_fa.csv")):
        a, b = matrix(at(metric + ".tsv")), np.loadtxt(at(file), delimiter=",")
        relative = np.abs(a[edges] - b[edges]) / np.abs(b[edges])
        print(f"{metric}: largest relative difference {relative.max():.2e}, median {np.median(relative):.1e}; defined without streamlines: {int(np.isfinite(a[~edges]).sum())}")
        ok = ok and relative.max() < 1e-5 and np.isnan(a[~edges]).all()
    print("ok" if ok else "NOT EQUAL")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
