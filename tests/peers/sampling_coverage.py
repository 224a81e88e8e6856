#!/usr/bin/env python3
"""How often the 95% sampling intervals of `arcuate connectome --errors` hold what endless tracking would give.

    tests/peers/sampling_coverage.py ARCUATE_BIN FOD MASK PARCELLATION [--scalar NAME=MAP] [--runs 100] [--select 20000] [--reference 5M | FILE.h5] [--algorithm ifod2] [--streamlines-per-degree 4] [--folder F]

Tracks --runs times with other seeds, and once with --reference streamlines, which stand for the truth (or takes a connectome of these that is there already, made with
another --seed). Connectomes stay in --folder, if given, and those that are there already are not made again. The intervals are those of docs/connectome_hdf5.md: of sums (count, density) value x exp(+- 1.96 se / value), of means value +- t se,
t Student's for a quarter as many degrees of freedom as the edge has streamlines (--streamlines-per-degree). The truth's own sampling error, which is sqrt(select / reference) of a run's, is left in it: it lowers
coverage by 0.05 per cent where that is a twentieth. Per metric: per cent of (run, edge) pairs covered, over the edges that have more than 20 streamlines of --select by the
truth, and over those that have as many in the run; the root mean square of the errors over the spread of the values; and by size of the edge.
Ends with 1 where the first figure of a metric is not in 93 ... 97%. Needs numpy and h5py.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy as np

METRICS = ["count", "mean_length", "density"]


def read(path, metrics):
    with h5py.File(path, "r") as file:
        here = np.triu_indices(len(file["nodes/label"]))
        get = lambda name: file["edges/" + name][:][here]
        return file.attrs["streamlines"], {m: get(m) for m in metrics}, {m: get(m + "_sampling_se") for m in metrics}


def student(degrees):
    """The 97.5% point, to 0.3% from 4 degrees of freedom on (Abramowitz & Stegun 1964, 26.7.5)."""
    z, v = 1.959964, np.maximum(degrees, 1)
    return z + (z**3 + z) / (4 * v) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2) + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("arcuate", "fod", "mask", "parcellation"):
        parser.add_argument(name)
    parser.add_argument("--scalar", action="append", default=[])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--select", type=int, default=20000)
    parser.add_argument("--reference", default="5M")
    parser.add_argument("--algorithm", default="ifod2")
    parser.add_argument("--threads", default="0")
    parser.add_argument("--streamlines-per-degree", type=float, default=4)
    parser.add_argument("--folder")
    o = parser.parse_args()
    metrics = METRICS + ["mean_" + s.split("=")[0] for s in o.scalar]

    def track(select, seed, out):
        if out.exists():
            return out
        words = [o.arcuate, "connectome", "--from-fod", o.fod, "--algorithm", o.algorithm, "--seed-image", o.mask, "--mask", o.mask, "--select", select, "--seed", seed, "--errors",
                 "--quiet", "--threads", o.threads, o.parcellation, out]
        for metric in metrics:
            words += ["--metric", metric]
        for scalar in o.scalar:
            words += ["--scalar", scalar]
        subprocess.run([str(w) for w in words], check=True, stderr=subprocess.DEVNULL)
        return out

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(o.folder or folder)
        runs = []
        for seed in range(1, o.runs + 1):
            runs.append(read(track(o.select, seed, folder / f"{seed}.h5"), metrics)[1:])
            print(f"\r{seed} of {o.runs} runs", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        reference = o.reference if o.reference.endswith(".h5") else track(o.reference, 1000, folder / "reference.h5")
        total, truth, _ = read(reference, metrics)

    expected = truth["count"] * o.select / total  # per run
    print(f"{o.algorithm}, {o.runs} runs of {o.select} streamlines against {total}; {np.sum(expected > 20)} edges of more than 20 streamlines, {np.sum(expected > 0)} in all")
    counts = np.array([values["count"] for values, _ in runs])
    fine = True
    for metric in metrics:
        is_sum = metric in ("count", "density")
        target = truth[metric] * (o.select / total if is_sum else 1)
        value = np.array([values[metric] for values, _ in runs])
        error = np.array([errors[metric] for _, errors in runs])
        with np.errstate(divide="ignore", invalid="ignore"):  # false where undefined
            held = np.abs(np.log(target / value)) <= 1.96 * error / value if is_sum else np.abs(value - target) <= student(counts / o.streamlines_per_degree) * error
        per_cent = lambda which: 100 * held[:, which].mean()
        wanted = expected > 20
        overall, seen = per_cent(wanted), 100 * held[counts > 20].mean()
        ratio = np.sqrt(np.nanmean(error[:, wanted]**2 / np.nanvar(value[:, wanted], axis=0, ddof=1)))
        sizes = "; ".join(f"{low} to {high}: {per_cent((expected > low) & (expected <= high)):.1f}%" for low, high in ((5, 10), (10, 20), (20, 50), (50, 200), (200, 10**9))
                          if np.any((expected > low) & (expected <= high)))
        each = 100 * held[:, wanted].mean(axis=0)
        fine = fine and 93 <= overall <= 97
        print(f"{metric}: {overall:.2f}% ({seen:.2f}% where the run has more than 20); error / spread {ratio:.3f}; edge by edge {each.mean():.1f} +- {each.std():.1f}%, "
              f"chance alone +- {np.sqrt(95 * 5 / o.runs):.1f}%; by streamlines {sizes.replace(str(10**9), 'more')}")
    sys.exit(not fine)


if __name__ == "__main__":
    main()
