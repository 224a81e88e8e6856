#!/usr/bin/env python3
"""arcuate connectome beside MRtrix3's tck2connectome and tcksample, on the same streamlines: every way of assignment and
every metric; and arcuate tract edges beside connectome2tck.

    compare_connectomes.py DATA_DIR ARCUATE_BIN [--select N] [--fod FOD] [--work DIR]

DATA_DIR holds human_rescan; its FODs are computed unless --fod gives them. A phantom (arcuate phantom) is made on the spot. Needs
MRtrix3 and numpy.
Assignments and counts must be equal, everything else must agree to 1e-6 (relative), but for what EXCEPTIONS says. Exit code 1 where something does not.
"""
import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np

TOLERANCE = 1e-6
# What differs, why, and how far it may: the largest relative difference, and the median one.
# With -precise tcksample follows a spline through the vertices, arcuate the streamline's straight segments: lengths differ a little everywhere, and a voxel that is
# grazed belongs to one of the two alone. Its median is the value before half of the length is reached, ours the one at which it is. (The sums over straight segments
# are tested against double precision in tests/connectome.)
# Without, tcksample's interpolation is in single precision, which shows in edges of a streamline or two: of the largest difference seen, 2.0e-6, double precision says that
# all but 5e-9 is the peer's.
EXCEPTIONS = {name: (5e-6, TOLERANCE) for name in ("mean_fa", "median_fa", "min_fa", "max_fa", "max_mean_fa")} | {
    "precise mean_fa": (2e-2, 1e-3), "precise median_fa": (1, 5e-2), "precise min_fa": (1, 2e-3), "precise max_fa": (1, 2e-3)}

WAYS = [("radial-search", 4.0, ["-assignment_radial_search", "4"]), ("radial-search", 2.0, ["-assignment_radial_search", "2"]),
        ("end-voxels", None, ["-assignment_end_voxels"]), ("reverse-search", 0.0, ["-assignment_reverse_search", "0"]),
        ("reverse-search", 15.0, ["-assignment_reverse_search", "15"]), ("forward-search", 6.0, ["-assignment_forward_search", "6"]),
        ("forward-search", 12.0, ["-assignment_forward_search", "12"]), ("all-voxels", None, ["-assignment_all_voxels"])]

# metric, options of tck2connectome. FILE: values per streamline from tcksample.
METRICS = [("count", []), ("weight", ["WEIGHTS"]), ("mean_length", ["WEIGHTS", "-scale_length", "-stat_edge", "mean"]), ("sum_length", ["WEIGHTS", "-scale_length"]),
           ("min_length", ["-scale_length", "-stat_edge", "min"]), ("max_length", ["-scale_length", "-stat_edge", "max"]),
           ("inverse_length", ["WEIGHTS", "-scale_invlength"]), ("mean_inverse_length", ["WEIGHTS", "-scale_invlength", "-stat_edge", "mean"]),
           ("inverse_volume", ["WEIGHTS", "-scale_invnodevol"]), ("density", ["WEIGHTS", "-scale_invlength", "-scale_invnodevol"])]
ALONG = ["mean", "median", "min", "max"]
# Of values from a file, s, by -scale_file.
SCALED = [("mean_s", ["WEIGHTS", "-stat_edge", "mean"]), ("sum_s", ["WEIGHTS"]), ("min_s", ["-stat_edge", "min"]), ("max_s", ["-stat_edge", "max"]),
          ("mean_s_length", ["WEIGHTS", "-scale_length", "-stat_edge", "mean"]), ("s_inverse_length", ["WEIGHTS", "-scale_invlength"]), ("s_inverse_volume", ["WEIGHTS", "-scale_invnodevol"]),
          ("s_density", ["WEIGHTS", "-scale_invlength", "-scale_invnodevol"]), ("max_s_density", ["-scale_invlength", "-scale_invnodevol", "-stat_edge", "max"])]


def run(*command):
    subprocess.run([str(c) for c in command], check=True)


def vertices(path):
    """What a .tck holds behind its header."""
    data = open(path, "rb").read()
    return data[int(data.split(b"file: . ", 1)[1].split(b"\n", 1)[0]):]


def plain(path):
    return np.nan_to_num(np.atleast_2d(np.loadtxt(path, delimiter=",")))


class Comparison:
    def __init__(self, arcuate, work, tracks, parcels, fa, name):
        self.arcuate, self.tracks, self.parcels, self.fa, self.name = arcuate, tracks, parcels, fa, name
        self.at = lambda file: os.path.join(work, name + "_" + file)
        self.failed = 0
        count = sum(1 for _ in open(self.at("weights.txt"))) if os.path.exists(self.at("weights.txt")) else None
        if count is None:
            n = int(subprocess.run(["tckinfo", "-count", tracks, "-quiet"], capture_output=True, text=True, check=True).stdout.split("actual count in file:")[1])
            np.savetxt(self.at("weights.txt"), np.random.default_rng(1).lognormal(-1, 1, n), fmt="%.7g")
        self.sampled = {}
        for precise in (False, True):
            for stat in ALONG:
                file = self.at(f"sampled_{stat}_{precise}.txt")
                run("tcksample", tracks, fa, file, "-stat_tck", stat, *(["-precise"] if precise else []), "-quiet", "-force")
                self.sampled[precise, stat] = file

    def report(self, what, ours, theirs):
        there = theirs != 0
        relative = np.abs(ours[there] - theirs[there]) / np.abs(theirs[there])
        worst, median = (relative.max(), np.median(relative)) if relative.size else (0.0, 0.0)
        stray = int(((ours != 0) & ~there).sum())
        limit, median_limit = (0.0, 0.0) if what.endswith("count") else EXCEPTIONS.get(what.split(": ")[-1], (TOLERANCE, TOLERANCE))
        fine = worst <= limit and median <= median_limit and stray == 0
        self.failed += not fine
        print(f"{self.name} {what}: largest relative difference {worst:.1e}, median {median:.1e}{'' if fine else '   TOO LARGE'}{f', {stray} only ours' if stray else ''}")

    def way(self, way, reach, theirs, metrics, vector=False):
        label = way + ("" if reach is None else f" {reach:g}") + (", vector" if vector else "")
        ours = ["--assign", way] + ([] if reach is None else ["--search", reach]) + (["--vector"] if vector else [])
        theirs = theirs + (["-vector"] if vector else [])
        names = [m for m, _ in metrics]
        common = [self.arcuate, "connectome", self.tracks, self.parcels, self.at("{metric}.csv"), *ours, "--mrtrix", "--keep-unassigned", "--weights", self.at("weights.txt"),
                  "--scalar", "fa=" + self.fa, "--scale-file", "s=" + self.sampled[False, "max"], "--force", "--quiet", "--device", "cpu"]
        run(*common, *[a for n in names for a in ("--metric", n)], "--out-assignments", self.at("a.txt"))
        self.tck2connectome(theirs, [], "m.csv", "-out_assignments", self.at("m_a.txt"))
        lines = lambda file: [line.split() for line in open(self.at(file)) if not line.startswith("#")]
        a, b = lines("a.txt"), lines("m_a.txt")
        differ = sum(x != y for x, y in zip(a, b)) + abs(len(a) - len(b))
        self.failed += differ != 0
        print(f"{self.name} {label}: {len(a)} streamlines, {sum(x.count('0') == 0 and len(x) > 1 for x in a)} connect regions; assignments that differ: {differ}")
        for metric, options in metrics:
            self.tck2connectome(theirs, options, "m.csv")
            self.report(f"{label}: {metric}", plain(self.at(metric + ".csv")), plain(self.at("m.csv")))

    def tck2connectome(self, way, options, out, *more):
        options = [x for o in options for x in (["-tck_weights_in", self.at("weights.txt")] if o == "WEIGHTS" else [o])]
        run("tck2connectome", self.tracks, self.parcels, self.at(out), *way, *options, "-keep_unassigned", "-quiet", "-force", *more)

    def all(self):
        along = lambda precise: [(f"{s}_fa", ["WEIGHTS", "-scale_file", self.sampled[precise, s], "-stat_edge", "mean"]) for s in ALONG]
        scaled = [(name, options + ["-scale_file", self.sampled[False, "max"]]) for name, options in SCALED]
        for i, (way, reach, theirs) in enumerate(WAYS):
            self.way(way, reach, theirs, METRICS + scaled if way in ("radial-search", "all-voxels") else METRICS[:4], vector=True)
            self.way(way, reach, theirs, METRICS + (along(False) + [("max_mean_fa", ["-scale_file", self.sampled[False, "mean"], "-stat_edge", "max"])] + scaled if i == 0 else []))
        precise = along(True)
        run(self.arcuate, "connectome", self.tracks, self.parcels, self.at("{metric}.csv"), "--mrtrix", "--keep-unassigned", "--weights", self.at("weights.txt"), "--scalar", "fa=" + self.fa,
            "--precise", "--force", "--quiet", "--device", "cpu", *[a for n, _ in precise for a in ("--metric", n)])
        for metric, options in precise:
            self.tck2connectome([], options, "m.csv")
            self.report("radial-search 4: precise " + metric, plain(self.at(metric + ".csv")), plain(self.at("m.csv")))
        # The options of the output.
        for ours, theirs in ((["--symmetric", "--zero-diagonal"], ["-symmetric", "-zero_diagonal"]), (["--zero-diagonal"], ["-zero_diagonal"]), (["--keep-unassigned"], ["-keep_unassigned"])):
            run(self.arcuate, "connectome", self.tracks, self.parcels, self.at("c.csv"), "--mrtrix", *ours, "--force", "--quiet", "--device", "cpu")
            run("tck2connectome", self.tracks, self.parcels, self.at("m.csv"), *theirs, "-quiet", "-force")
            self.report(" ".join(ours) + " count", plain(self.at("c.csv")), plain(self.at("m.csv")))
        self.edges()
        return self.failed

    def edges(self):
        """arcuate tract edges beside connectome2tck. By pairs of regions: of a streamline with more, connectome2tck asks whether all or any of them are listed, arcuate
        looks at each pair. Files per edge apart, connectome2tck keeps what has one end in no region, asked or not."""
        self.tck2connectome([], [], "m.csv", "-out_assignments", self.at("m_a.txt"))
        for theirs, ours in ((["-nodes", "0", "-keep_self"], ["--nodes", "0", "--keep-self"]), (["-nodes", "1,2,3", "-exclusive"], ["--nodes", "1,2,3", "--exclusive"]),
                             (["-nodes", "2"], ["--nodes", "2", "--keep-unassigned"]), (["-keep_self", "-keep_unassigned"], ["--keep-self", "--keep-unassigned"])):
            run("connectome2tck", self.tracks, self.at("m_a.txt"), self.at("m_edges.tck"), "-files", "single", *theirs, "-quiet", "-force")
            run(self.arcuate, "tract", "edges", self.tracks, self.at("m_a.txt"), self.at("edges.tck"), *ours, "--force", "--quiet")
            same = vertices(self.at("edges.tck")) == vertices(self.at("m_edges.tck"))
            self.failed += not same
            print(f"{self.name} tract edges {' '.join(ours)}: {len(vertices(self.at('edges.tck'))) // 12} vertices, {'the same' if same else 'OTHERS'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("arcuate")
    parser.add_argument("--select", type=int, default=100000)
    parser.add_argument("--fod", help="of ses-01, instead of computing it")
    parser.add_argument("--work", help="keep intermediate files here, and use those that are there")
    args = parser.parse_args()
    work = args.work or tempfile.mkdtemp(prefix="compare_connectomes_")
    os.makedirs(work, exist_ok=True)
    at = lambda name: os.path.join(work, name)
    common = ["--force", "--quiet", "--device", "cpu"]

    root = os.path.join(args.data, "human_rescan")
    dwi = os.path.join(root, "sub-01/ses-01/dwi/sub-01_ses-01_dwi.nii.gz")
    mask = os.path.join(root, "derivatives/masks/sub-01/ses-01/dwi/sub-01_ses-01_desc-brain_mask.nii.gz")
    parcels = os.path.join(root, "derivatives/parcels/sub-01/ses-01/dwi/sub-01_ses-01_desc-shell84_dseg.nii.gz")
    if not os.path.exists(at("fa.nii.gz")):
        run(args.arcuate, "tensor", dwi, at("t"), "--mask", mask, *common)
        os.rename(at("t_fa.nii.gz"), at("fa.nii.gz"))
    fod = args.fod or at("fod.nii.gz")
    if not os.path.exists(fod):
        run(args.arcuate, "response", dwi, at("response.txt"), "--mask", mask, *common)
        run(args.arcuate, "fod", dwi, fod, "--mask", mask, "--response", at("response.txt"), *common)
    if not os.path.exists(at("tracks.tck")):
        run(args.arcuate, "track", fod, at("tracks.tck"), "--seed-image", mask, "--mask", mask, "--select", args.select, *common)
    failed = Comparison(args.arcuate, work, at("tracks.tck"), parcels, at("fa.nii.gz"), "human_rescan").all()

    if not os.path.exists(at("phantom.tck")):
        run(args.arcuate, "phantom", at("phantom"), "--sessions", "1", *common)
        pdwi = at("phantom/sub-01/ses-01/dwi/sub-01_ses-01_dwi.nii.gz")
        pmask = at("phantom/derivatives/masks/sub-01/ses-01/dwi/sub-01_ses-01_desc-brain_mask.nii.gz")
        run(args.arcuate, "tensor", pdwi, at("p"), "--mask", pmask, *common)
        run(args.arcuate, "response", pdwi, at("presponse.txt"), "--mask", pmask, *common)
        run(args.arcuate, "fod", pdwi, at("pfod.nii.gz"), "--mask", pmask, "--response", at("presponse.txt"), *common)
        run(args.arcuate, "track", at("pfod.nii.gz"), at("phantom.tck"), "--seed-image", pmask, "--mask", pmask, "--select", min(args.select, 20000), *common)
    labels = [os.path.join(f, n) for f, _, names in os.walk(at("phantom")) for n in names if n.endswith("dseg.nii.gz")]
    failed += Comparison(args.arcuate, work, at("phantom.tck"), labels[0], at("p_fa.nii.gz"), "phantom").all()
    print("ok" if not failed else f"{failed} comparisons NOT EQUAL")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
