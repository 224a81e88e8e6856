#!/usr/bin/env python3
"""compare_fod_precision.py BIN FOD MASK PARCELS [--select 20000] [--seeds 4] [--threads 1]: what FODs in half precision do to a connectome.

Tracks (iFOD2) and counts in both precisions with each seed of the random numbers, then prints, over edges of more than 20 streamlines: the correlation of the counts, and the median
coefficient of variation of an edge, between the two precisions at one seed, and between two seeds in single precision: the sampling error. Exit code 1 unless the former is inside the latter
by a factor of two. Needs numpy.
"""
import argparse
import itertools
import pathlib
import subprocess
import tempfile

import numpy


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("bin", "fod", "mask", "parcels"):
        parser.add_argument(name)
    parser.add_argument("--select", default="20000")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--threads", default="1")
    o = parser.parse_args()
    counts = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed, precision in itertools.product(range(o.seeds), ("single", "half")):
            out = pathlib.Path(folder) / f"{precision}{seed}.csv"
            subprocess.run([o.bin, "connectome", "--from-fod", o.fod, "--seed-image", o.mask, "--mask", o.mask, "--select", o.select, "--seed", str(seed), "--fod-precision", precision,
                            o.parcels, str(out), "--mrtrix", "--threads", o.threads, "--quiet"], check=True)
            counts[seed, precision] = numpy.loadtxt(out, delimiter=",")

    def compare(pairs):
        """Mean correlation and mean of the median coefficients of variation."""
        r, cv, same = [], [], []
        for a, b in pairs:
            upper = numpy.triu_indices_from(a)
            x, y = a[upper], b[upper]
            large = (x + y) / 2 > 20
            r.append(numpy.corrcoef(x, y)[0, 1])
            cv.append(numpy.median(numpy.abs(x - y)[large] / numpy.sqrt(2) / ((x + y)[large] / 2)))
            same.append(numpy.mean(x == y))
        return numpy.mean(r), numpy.mean(cv), numpy.mean(same), int(large.sum())

    precisions = compare([(counts[s, "single"], counts[s, "half"]) for s in range(o.seeds)])
    seeds = compare([(counts[a, "single"], counts[b, "single"]) for a, b in itertools.combinations(range(o.seeds), 2)])
    for what, (r, cv, same, edges) in (("single and half, one seed", precisions), ("single, two seeds", seeds)):
        print(f"{what:28} r {r:.6f}  median coefficient of variation {100 * cv:.2f}%  edges alike {100 * same:.1f}%  ({edges} edges)")
    return 0 if 2 * precisions[1] < seeds[1] else 1


if __name__ == "__main__":
    raise SystemExit(main())
