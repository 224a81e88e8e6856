#!/usr/bin/env python3
"""How often the 95% intervals of `arcuate run --replicates` hold what the measurement gives on average over its noise.

    tests/peers/measurement_coverage.py ARCUATE_BIN FOLDER [--draws 50] [--replicates 20] [--select 5000] [--voxel-size 4] [--snr 30] [--directions 60] [--fod csd] [--run-option=--x=y]
    tests/peers/measurement_coverage.py ARCUATE_BIN FOLDER --change [the same] [--run-option=--weights=none]
    tests/peers/measurement_coverage.py ARCUATE_BIN FOLDER --maps [--draws 50] [--voxel-size 4] [--snr 30] [--directions 60]

Per draw: `arcuate phantom` with noise of its own, and `arcuate run` on it, with a seed of its own, as a user would who has this one session. Everything stays in FOLDER,
and draws that are there already are not made again; FOLDER/<options> holds a folder of connectomes per draw.

What is covered: not the phantom's truth, from which the measurement is off by its bias, too, but the value that the measurement has on average, for which the mean over the other draws
stands; errors are widened by its own, a factor sqrt(1 + 1 / (draws - 1)). The interval is that of docs/connectome_hdf5.md: se^2 = sampling^2 + measurement^2; of sums value x exp(+- t se / value),
of means value +- t se; t Student's with a degree of freedom less than there are replicates. Over the edges with more than 20 streamlines on average, per metric: per cent of (draw, edge) pairs covered,
with the standard error that follows from the spread between draws; of the edges the least and the greatest; with the sampling error alone, the measurement error alone, and both with 1.96 for t; the root mean square of errors over the spread between draws; the
measurement error that there is, which is that spread without its sampling part, and the one that was found, per cent of the value; and how much of the spread's square is sampling.
Ends with 1 where a metric is not in 93 ... 97%. Needs numpy and h5py.

--change: instead, draws of two sessions between which nothing changes, with what `arcuate run` does with them by default (shared streamlines, joint weights): how often value(second) - value(first) is
within t M_change_measurement_se of nothing, t Student's as above, and the root mean square of these errors over that of the changes.

--maps: instead, before any streamline: the spread of FA, MD, AD and RD between as many replicates (`arcuate replicate`) of three of the draws, over that between draws, in single voxels and of their
mean over all voxels that one bundle fills or several do; and the mean of both, which noise shifts, in replicates twice. Needs nibabel, too.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys

import h5py
import numpy as np

METRICS = ["count", "mean_length", "mean_fa", "mean_md", "mean_ad", "mean_rd"]
KINDS = ["", "_sampling_se", "_measurement_se"]


def student(degrees):
    """The 97.5% point, to 0.3% from 4 degrees of freedom on (Abramowitz & Stegun 1964, 26.7.5)."""
    z, v = 1.959964, degrees
    return z + (z**3 + z) / (4 * v) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2) + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)


def read(path):
    with h5py.File(path, "r") as file:
        here = np.triu_indices(len(file["nodes/label"]))
        return {m + k: file[f"edges/{m}{k}"][:][here] for m in METRICS for k in KINDS}


def draws_of(o, name, sessions, options):
    """A folder per draw with the connectomes of its sessions, 1.h5 ..."""
    results = o.folder / name
    results.mkdir(parents=True, exist_ok=True)
    shells = ["--b-value", "700,2000", "--ventricles"] if o.fod == "msmt" else []
    call = lambda *words: subprocess.run([str(w) for w in (o.arcuate, *words, "--quiet", "--threads", o.threads)], check=True)
    out = []
    for draw in range(1, o.draws + 1):
        folder = results / f"{draw}"
        if not folder.exists():
            work = results / "work"
            shutil.rmtree(work, ignore_errors=True)
            call("phantom", work / "data", "--sessions", sessions, "--fa-change", 0, "--seed", draw, "--snr", o.snr, "--voxel-size", o.voxel_size, "--directions", o.directions, *shells)
            call("run", work / "data", work / "out", "participant", "--select", o.select, "--seed", draw, "--replicates", o.replicates, "--fod", o.fod,
                 *options, *(word for option in o.run_option for word in option.split("=")))
            (work / "kept").mkdir()
            for session in range(1, sessions + 1):
                shutil.move(next(work.glob(f"out/**/*ses-{session:02}*connectome.h5")), work / "kept" / f"{session}.h5")
            (work / "kept").rename(folder)
            shutil.rmtree(work)
        out.append(folder)
        print(f"\r{draw} of {o.draws} draws", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return out


def on_change(o, name):
    changes, errors, counts, metrics = {}, {}, [], None
    for folder in draws_of(o, name + "_change", 2, []):
        with h5py.File(folder / "1.h5", "r") as first, h5py.File(folder / "2.h5", "r") as second:
            here = np.triu_indices(len(first["nodes/label"]))
            metrics = metrics or [m for m in second["edges"] if f"{m}_change_measurement_se" in second["edges"]]
            for m in metrics:
                changes.setdefault(m, []).append(second["edges"][m][:][here] - first["edges"][m][:][here])
                errors.setdefault(m, []).append(second["edges"][f"{m}_change_measurement_se"][:][here])
            counts.append(first["edges/count"][:][here])
    wanted = np.mean(counts, axis=0) > 20
    t = student(o.replicates - 1)
    print(f"{name}: no change, {o.draws} draws of two sessions, {o.replicates} replicates (t = {t:.2f}); {wanted.sum()} edges of more than 20 streamlines; {np.sqrt(95 * 5 / (o.draws * wanted.sum())):.1f}% chance error")
    print(f"{'metric':<24}{'covered %':>10}{'edge by edge':>16}{'errors / changes, rms':>24}")
    fine = True
    for m in metrics:
        change, error = np.array(changes[m])[:, wanted], np.array(errors[m])[:, wanted]
        if not error.any():
            continue  # counts of shared streamlines, lengths
        held = np.abs(change) <= t * error
        each, covered = 100 * held.mean(axis=0), 100 * held.mean()
        fine = fine and 93 <= covered <= 97
        print(f"{m:<24}{covered:>10.1f}{f'{each.min():.0f} ... {each.max():.0f}':>16}{np.sqrt((error**2).mean(axis=0) / (change**2).mean(axis=0)).mean():>24.2f}")
    return not fine


def on_maps(o):
    import nibabel as nib

    f = o.folder / "maps"
    f.mkdir(parents=True, exist_ok=True)
    call = lambda *words: subprocess.run([str(w) for w in (o.arcuate, *words, "--quiet", "--force", "--threads", o.threads)], check=True)
    call("phantom", f / "p", "--sessions", o.draws, "--fa-change", 0, "--snr", o.snr, "--voxel-size", o.voxel_size, "--directions", o.directions)
    load = lambda path: np.asarray(nib.load(path).dataobj)
    shares = load(f / "p/derivatives/truth/fractions.nii.gz")
    single = (shares > 0.9).any(-1)
    mask = next(f.glob("p/derivatives/masks/**/*ses-01*mask.nii.gz"))
    stem = lambda draw: f / f"p/sub-01/ses-{draw:02}/dwi/sub-01_ses-{draw:02}_dwi"

    def maps(image, draw):
        call("tensor", image, f / "t", "--mask", mask, "--bval", f"{stem(draw)}.bval", "--bvec", f"{stem(draw)}.bvec", "--no-gradient-check")
        return np.array([load(f / f"t_{m}.nii.gz") for m in ("fa", "md", "ad", "rd")])

    def replicate(draw, number):
        call("replicate", f"{stem(draw)}.nii.gz", f / "r.nii.gz", "--number", number, "--mask", mask)
        return maps(f / "r.nii.gz", draw)

    between = np.array([maps(f"{stem(draw)}.nii.gz", draw) for draw in range(1, o.draws + 1)])
    within = [np.array([replicate(draw, number) for number in range(1, o.draws + 1)]) for draw in (1, 2, 3)]
    print(f"SNR {o.snr:g}, {o.draws} draws, {o.draws} replicates of three; chance alone +- {100 / np.sqrt(2 * o.draws):.0f}% of the means' spread")
    for name, where in (("one bundle", single), ("several", (shares.sum(-1) > 0.9) & ~single)):
        for i, m in enumerate(("FA", "MD", "AD", "RD")):
            here, there = between[:, i][:, where], [w[:, i][:, where] for w in within]
            voxel = np.sqrt(np.mean([t.var(0, ddof=1).mean() for t in there]) / here.var(0, ddof=1).mean())
            whole = np.sqrt(np.mean([t.mean(1).var(ddof=1) for t in there]) / here.mean(1).var(ddof=1))
            print(f"{name:<11}{where.sum():>5} voxels  {m}: spread found / spread {voxel:.2f} in a voxel, {whole:.2f} of their mean; mean {here.mean():.4g}, of replicates {np.mean(there):.4g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arcuate")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--draws", type=int, default=50)
    parser.add_argument("--replicates", type=int, default=20)
    parser.add_argument("--select", type=int, default=5000)
    parser.add_argument("--voxel-size", type=float, default=4)
    parser.add_argument("--snr", type=float, default=30)
    parser.add_argument("--directions", type=int, default=60)
    parser.add_argument("--fod", default="csd")
    parser.add_argument("--threads", default="0")
    parser.add_argument("--run-option", action="append", default=[], help="further options of arcuate run")
    parser.add_argument("--change", action="store_true")
    parser.add_argument("--maps", action="store_true")
    o = parser.parse_args()
    if o.maps:
        return on_maps(o)
    name = "_".join(str(x) for x in (f"{o.voxel_size:g}mm", f"snr{o.snr:g}", o.directions, o.fod, o.select, o.replicates, *(x.strip("-") for x in o.run_option)))
    if o.change:
        return on_change(o, name)
    draws = [read(folder / "1.h5") for folder in draws_of(o, name, 1, ["--trajectories", "independent", "--weights", "none"])]

    get = lambda name: np.array([d[name] for d in draws])
    wanted = get("count").mean(axis=0) > 20
    t = student(o.replicates - 1)
    print(f"{name}: {o.draws} draws, {o.replicates} replicates (t = {t:.2f}); {wanted.sum()} edges of more than 20 streamlines")
    print(f"{'metric':<12}{'covered %':>15}{'edge by edge':>16}{'sampling':>10}{'measurement':>12}{'1.96 z':>8}{'error/spread':>13}{'spread, found':>24}{'of it sampling':>15}")
    fine = True
    for metric in METRICS:
        value, sampling, measurement = (get(metric + kind)[:, wanted] for kind in KINDS)
        complete = np.isfinite(value).all(axis=0)
        mean = value.mean(axis=0)
        others = (value.sum(axis=0) - value) / (o.draws - 1)

        def held(se, factor):
            with np.errstate(divide="ignore", invalid="ignore"):
                away = value * np.abs(np.log(others / value)) if metric == "count" else np.abs(value - others)
            return away <= factor * se * np.sqrt(1 + 1 / (o.draws - 1))

        total = np.sqrt(sampling**2 + measurement**2)
        covered = held(total, t)
        per_cent = lambda which: 100 * which[:, complete].mean()
        spread2, sampling2, measurement2 = value.var(axis=0, ddof=1), (sampling**2).mean(axis=0), (measurement**2).mean(axis=0)
        ratio = np.sqrt(np.mean((sampling2 + measurement2)[complete] / spread2[complete]))
        true_part = np.sqrt(np.maximum(0, np.mean((spread2 - sampling2)[complete] / mean[complete]**2)))
        found = np.sqrt(np.mean(measurement2[complete] / mean[complete]**2))
        each = 100 * covered[:, complete].mean(axis=0)
        fine = fine and 93 <= per_cent(covered) <= 97
        chance = 100 * covered[:, complete].mean(axis=1).std(ddof=1) / np.sqrt(o.draws)
        print(f"{metric:<12}{f'{per_cent(covered):.1f} +- {chance:.1f}':>15}{f'{each.min():.0f} ... {each.max():.0f}':>16}{per_cent(held(sampling, 1.96)):>10.1f}{per_cent(held(measurement, t)):>12.1f}"
              f"{per_cent(held(total, 1.96)):>8.1f}{ratio:>13.3f}{f'{100 * true_part:.3f}%, {100 * found:.3f}%':>24}{100 * np.mean(sampling2[complete] / spread2[complete]):>14.0f}%")
    sys.exit(not fine)


if __name__ == "__main__":
    main()
