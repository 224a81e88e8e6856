#!/usr/bin/env python3
"""What sessions gain by sharing their streamlines: false change and sensitivity, edge by edge.

    tests/peers/shared_trajectories.py ARCUATE_BIN phantom [--draws 20] [--snr 30] [--voxel-size 2.5] [--select 20000] [--sessions 4] [--folder F]
    tests/peers/shared_trajectories.py ARCUATE_BIN rescan BIDS_DIR [--select 50000] [--folder F]

Three ways, each with SIFT2 weights: streamlines of every session's own (independent), streamlines tracked once on the sessions' mean FOD with every session's own weights (shared), and
with the sessions' weights fitted together (joint). Fibre bundle capacity is mu x the sum of weights.

phantom: four sessions, the arc's FA grows by 3% (0.5 to 0.515) and the density of its fibres by 10%, nothing else changes. Per way and metric, over noise draws and the five edges that do
not change: false change, the root mean square of the relative change between the first session and each later one; over draws, the arc's change from the first session to the last, its standard
deviation, the change without noise (the same way at SNR 0, which is what it measures), the change over the false change of one edge (how clearly it stands out), and how often it is above the 95th percentile
of the edges that do not change. Runs that are there in --folder are not made again.

rescan: two scans of one person; per way the coefficient of variation of every edge that has more than 20 streamlines in both, its median and 90th percentile over edges, and the correlation
between the scans over all edges.
Needs numpy and h5py.
"""
import argparse
import pathlib
import shlex
import subprocess
import sys
import tempfile

import h5py
import numpy as np

WAYS = {"independent": ("independent", "each"), "shared": ("mean", "each"), "joint": ("mean", "joint")}
METRICS = ["count", "fibre_bundle_capacity", "mean_fa"]


def connectomes(folder):
    """(sessions) {metric: matrix}, by session label."""
    out = []
    for path in sorted(pathlib.Path(folder).rglob("*_connectome.h5")):
        with h5py.File(path, "r") as file:
            out.append({m: file["edges/" + m][:] for m in METRICS})
    return out


def run(words):
    subprocess.run([str(w) for w in words], check=True, stdout=subprocess.DEVNULL)


def sessions_of(o, data, out, way, more):
    if not (out / "change.tsv").exists():
        trajectories, weights = WAYS[way]
        run([o.arcuate, "run", data, out, "participant", "--trajectories", trajectories, "--weights", weights, "--select", o.select, "--no-gradient-check", "--quiet", "--force",
             "--threads", o.threads] + more + (shlex.split(o.joint_options) if way == "joint" else []))
        for image in out.rglob("*.nii.gz"):
            image.unlink()  # what is compared are matrices
    return connectomes(out)


def phantom(o, folder):
    edges = [(2 * b, 2 * b + 1) for b in range(6)]

    def draws(way, snr, seeds):
        out = []  # (draws, sessions, metrics) of edges
        for seed in seeds:
            data = folder / f"data_snr{snr:g}_{seed}"
            if not data.exists():
                run([o.arcuate, "phantom", data, "--sessions", o.sessions, "--fa-change", 0.015, "--density-change", 0.1, "--snr", snr, "--voxel-size", o.voxel_size, "--seed", seed, "--quiet"])
            # Every draw is another study, so it has other streamlines as well.
            sessions = sessions_of(o, data, folder / f"{way}_snr{snr:g}_{seed}", way, ["--seed", seed])
            out.append([[[s[m][e] for e in edges] for m in METRICS] for s in sessions])
            print(f"\r{way}, SNR {snr:g}: {len(out)} of {len(seeds)}   ", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        return np.array(out)

    print(f"phantom of {o.voxel_size} mm, SNR {o.snr:g}, {o.draws} draws, {o.sessions} sessions, {o.select} streamlines {o.joint_options}\n")
    print("| way | metric | false change | arc's change | without noise | change / false change | found at 5% |")
    print("|---|---|---|---|---|---|---|")
    for way in o.ways:
        noisy, clean = draws(way, o.snr, range(1, o.draws + 1)), draws(way, 0, [1])
        for m, metric in enumerate(METRICS):
            relative = noisy[:, 1:, m] / noisy[:, :1, m] - 1           # (draws, sessions - 1, edges)
            false = relative[..., :5]
            change = relative[:, -1, 5]
            threshold = np.percentile(np.abs(false[:, -1]), 95)
            rms = np.sqrt(np.mean(false**2))
            print(f"| {way} | {metric} | {100 * rms:.2f}% | {100 * change.mean():+.2f} +- {100 * change.std(ddof=1):.2f}% | {100 * (clean[0, -1, m, 5] / clean[0, 0, m, 5] - 1):+.2f}% | "
                  f"{change.mean() / max(rms, 1e-12):.1f} | {100 * np.mean(np.abs(change) > threshold):.0f}% |")


def rescan(o, folder):
    print(f"{o.data}, {o.select} streamlines {o.run_options} {o.joint_options}\n")
    print("| way | metric | edges | median CV | 90th percentile | r between scans |")
    print("|---|---|---|---|---|---|")
    for way in o.ways:
        a, b = sessions_of(o, o.data, folder / f"rescan_{way}", way, shlex.split(o.run_options))[:2]
        upper = np.triu_indices(len(a["count"]))
        chosen = (a["count"][upper] > 20) & (b["count"][upper] > 20)
        for metric in METRICS:
            x, y = a[metric][upper], b[metric][upper]
            cv = np.abs(x - y)[chosen] / np.sqrt(2) / ((x + y)[chosen] / 2)
            both = np.isfinite(x) & np.isfinite(y)
            print(f"| {way} | {metric} | {chosen.sum()} | {100 * np.median(cv):.2f}% | {100 * np.percentile(cv, 90):.2f}% | {np.corrcoef(x[both], y[both])[0, 1]:.4f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arcuate")
    parser.add_argument("what", choices=["phantom", "rescan"])
    parser.add_argument("data", nargs="?")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--snr", type=float, default=30)
    parser.add_argument("--sessions", type=int, default=4)
    parser.add_argument("--voxel-size", type=float, default=2.5)
    parser.add_argument("--select", type=int, default=20000)
    parser.add_argument("--threads", default="2")
    parser.add_argument("--ways", nargs="+", default=list(WAYS))
    parser.add_argument("--joint-options", default="")
    parser.add_argument("--run-options", default="")
    parser.add_argument("--folder")
    o = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(o.folder or temporary)
        folder.mkdir(exist_ok=True)
        phantom(o, folder) if o.what == "phantom" else rescan(o, folder)


main()
