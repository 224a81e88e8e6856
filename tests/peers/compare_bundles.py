#!/usr/bin/env python3
"""Does tracking find real bundles, and as well as MRtrix's tckgen: iFOD2 of both on one field, from the voxels of each of 17 bundles, keeping streamlines that
reach both of its ends.

    /usr/bin/python3 tests/peers/compare_bundles.py DATA ARCUATE [--select 1000] [--threads 1] [--work DIR] [--only CST_left,...]

DATA holds tractseg: three CSD peaks per voxel of one person, and TractSeg's masks of the bundles and of their ends, drawn without either program.
The field is made by MRtrix's peaks2fixel and fixel2sh -lmax 8: each peak becomes an apodised delta function along it, 1.08 times the peak's length high, in the
basis that both trackers read; sh2peaks finds the first peaks again within 0.14 degrees (median). The peaks are along the scanner's axes, although the image's x
runs the other way. So tracking says: of 2000 seeds in AF_left, UF_left, IFO_right and CC_6, 143, 328, 87 and 308 reach both ends with the peaks as they are, at most
34, 40, 34 and 125 with x, y or z turned round (CST_left alone, nearly along z, has more with x turned: 308 against 118); and the peaks a step along a peak
continue it better in each of the 17 bundles.
Both trackers: seeds in the bundle's mask, --include each end, --mask brain, defaults otherwise, at most 50 seeds per wanted streamline. Then once more
with the bundle widened by a voxel for a mask.
  coverage   share of the bundle's voxels that a streamline visits
  overreach  share of the visited voxels outside the bundle
  kept       share of seeds with a first direction whose streamline reaches both ends
  time       user and system [s] of the processor
The peer runs twice, its seeds of random numbers fixed, for the noise. Exit code 1 where, in the mean over bundles, ours is worse than the peer's two runs by more than
chance explains (three standard deviations, 0.13%): Student's t over the standard error that the two runs' own differences give.
"""
import argparse
import json
import os
import pathlib
import resource
import sys
import tempfile

import nibabel
import numpy as np
import scipy.stats

from compare_trackers import sh

MEASURES = {"coverage": 1, "overreach": -1, "Dice": 1, "kept": 1}  # sign: which way is better
SEEDS_PER_STREAMLINE = 50


def voxels(image):
    return np.asarray(nibabel.load(str(image)).dataobj) > 0


class Bundles:
    def __init__(self, data, arcuate, work, select, threads):
        self.root, self.arcuate, self.work, self.select, self.threads = pathlib.Path(data) / "tractseg", arcuate, pathlib.Path(work), select, threads
        self.names = sorted(p.name[:-7] for p in (self.root / "bundle_segmentations").glob("*.nii.gz"))
        self.brain = self.root / "nodif_brain_mask.nii.gz"
        self.fod = self.work / "fod.nii.gz"
        if not self.fod.exists():
            sh("peaks2fixel", self.root / "peaks.nii.gz", self.work / "fixels", "-dataname", "length.mif", "-quiet")
            sh("fixel2sh", self.work / "fixels/length.mif", self.fod, "-lmax", "8", "-quiet")

    def bundle(self, name):
        return self.root / f"bundle_segmentations/{name}.nii.gz"

    def track(self, program, name, mask):
        """Measures of one run, and how many streamlines it kept. `program` is ours (None) or the peer's seed of random numbers."""
        tck, density = self.work / f"{name}_{program or 'ours'}.tck", self.work / "density.nii.gz"
        seed_image, ends = self.bundle(name), [self.root / f"endings_segmentations/{name}_{end}.nii.gz" for end in "be"]
        counts = self.select, SEEDS_PER_STREAMLINE * self.select
        usage = lambda: sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
        before = usage()
        if program is None:
            sh(self.arcuate, "track", self.fod, tck, "--seed-image", seed_image, "--mask", mask, "--include", ends[0], "--include", ends[1], "--select", counts[0],
               "--seeds", counts[1], "--device", "cpu", "--threads", self.threads, "--force", "--quiet")
        else:
            os.environ["MRTRIX_RNG_SEED"] = str(program)
            sh("tckgen", self.fod, tck, "-seed_image", seed_image, "-mask", mask, "-include", ends[0], "-include", ends[1], "-select", counts[0], "-seeds", counts[1],
               "-nthreads", self.threads, "-force", "-quiet")
        seconds = usage() - before
        header = nibabel.streamlines.load(str(tck), lazy_load=True).header
        kept, seeds = int(header["count"]), int(header["total_count"])
        if program is None:  # the peer does not count seeds without a first direction
            seeds -= json.load(open(tck.with_suffix(".json")))["Results"]["seed_outcomes"]["invalid_seed"]
        # -precise: every voxel that a streamline passes through, also between the points that tckmap would put on it.
        sh("tckmap", tck, density, "-template", self.bundle(name), "-precise", "-force", "-quiet")
        reference, visited = voxels(self.bundle(name)), voxels(density)
        both = np.count_nonzero(reference & visited)
        return {"coverage": both / reference.sum(), "overreach": 1 - both / max(1, visited.sum()), "Dice": 2 * both / (reference.sum() + visited.sum()),
                "kept": kept / seeds, "time": seconds}, kept

    def compare(self, title, names, mask_of):
        print(f"\n{title}\n\n| bundle | streamlines | " + " | ".join(f"{m}, peer | ours" for m in (*MEASURES, "time")) + " |\n|---|---|" + "---|---|" * (len(MEASURES) + 1))
        runs = {}
        for name in names:
            mask = mask_of(name)
            results = [self.track(program, name, mask) for program in (1, 2, None)]
            runs[name] = [r[0] for r in results]
            self.row(name, "{}, {}; {}".format(*(r[1] for r in results)), runs[name])
        means = [{m: np.mean([r[i][m] for r in runs.values()]) for m in (*MEASURES, "time")} for i in range(3)]
        self.row("mean", "", means)
        failed = []
        for m, better in MEASURES.items():
            a, b = (np.array([r[i][m] for r in runs.values()]) for i in range(2))
            # Each run's variance is half of the squared difference of two; ours less the mean of two has 1.5 times a run's.
            error = np.sqrt(1.5 * np.sum((a - b) ** 2 / 2)) / len(a)
            difference = means[2][m] - (means[0][m] + means[1][m]) / 2
            bound = scipy.stats.t.ppf(0.99865, len(a)) * error
            fine = better * difference >= -bound
            print(f"{'ok      ' if fine else 'FAILED  '}{m}: ours less the peer's {100 * difference:+.2f}%, bound {100 * bound:.2f}%")
            if not fine:
                failed.append(m)
        return failed

    def row(self, name, streamlines, runs):
        cells = [f"{100 * runs[0][m]:.1f}, {100 * runs[1][m]:.1f} | {100 * runs[2][m]:.1f}" for m in MEASURES]
        cells.append(f"{runs[0]['time']:.1f}, {runs[1]['time']:.1f} | {runs[2]['time']:.1f}")
        print(f"| {name} | {streamlines} | " + " | ".join(cells) + " |", flush=True)

    def widened(self, name):
        out = self.work / "widened.nii.gz"
        sh("maskfilter", self.bundle(name), "dilate", out, "-npass", "1", "-quiet", "-force")
        return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data"), parser.add_argument("arcuate")
    parser.add_argument("--select", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--work")
    parser.add_argument("--only", default="")
    a = parser.parse_args()
    work = a.work or tempfile.mkdtemp(prefix="compare_bundles_")
    os.makedirs(work, exist_ok=True)
    c = Bundles(a.data, a.arcuate, work, a.select, a.threads)
    names = [n for n in c.names if not a.only or n in a.only.split(",")]
    if not names:
        parser.error(f"no bundle is called {a.only}; there are {', '.join(c.names)}")
    failed = []
    print(f"{a.select} streamlines per bundle wanted; all but time in percent, time in seconds of the processor")
    failed += c.compare("Within the brain", names, lambda name: c.brain)
    failed += c.compare("Within the bundle widened by a voxel", names, c.widened)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
