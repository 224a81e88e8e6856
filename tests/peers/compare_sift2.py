#!/usr/bin/env python3
"""arcuate weights beside MRtrix3's tcksift2, on the same streamlines and the same FOD image.

    /usr/bin/python3 tests/peers/compare_sift2.py DATA ARCUATE [--select 20000,100000] [--threads 2] [--fod FOD] [--work DIR] [--only brain,options,phantom]

brain: DATA's human_rescan at each number of streamlines, default options. A table of mu, coefficients (correlation), cost, iterations, processor seconds and peak memory. Cost by each
program's own account, and both by one: `arcuate weights --in-coeffs` says what a file of coefficients costs, with the same fixels and lengths for both. A third row keeps no lengths
(--memory 0): the same bytes in less memory.
options: eight slices of the phantom brain (arcuate phantom --preset brain), streamlines by ACT; every option that changes the model or the fit. Bounds as for brain where the fit is to
a minimum.
phantom: two bundles with a density of fibres of 2 to 1 and 1 streamline to 2: apart, and crossing at 90 and 60 degrees. What the weights of a bundle add up to must come to 2 to 1. Both
programs fall short of it by some percent, the more the further the numbers of streamlines are from the truth: regularisation resists large weights more than small ones.

Exit code 1 where: mu differs by more than 1%, coefficients correlate by no more than 0.95, our cost is higher than the peer's by one account, our processor time is more than a
fifth of the peer's (brain), or the ratio of bundles is further than 3% from the truth.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import nibabel
import numpy as np

from fod_fields import Grid, lobes

FAILED = []


def check(fine, what):
    if not fine:
        FAILED.append(what)
    return "" if fine else "   FAILED: " + what


def run(*command):
    """Processor seconds and peak memory [MiB] of a command."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([str(c) for c in command], stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            sys.exit(f"{' '.join(map(str, command))}\n{log.read()[-2000:].decode(errors='replace')}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def coefficients(path):
    return np.array([float(x) for line in open(path) if not line.startswith("#") for x in line.split()])


def table(path):
    rows = [line.strip().strip(",").split(",") for line in open(path)]
    return [dict(zip((name.lower() for name in rows[0]), map(float, row))) for row in rows[1:]]


class Fit:
    """One run of a program: coefficients, mu, rows of its table, seconds, memory."""

    def __init__(self, program, tracks, fod, at, threads, options=()):
        files = {name: f"{at}_{name}" for name in ("weights.txt", "coeffs.txt", "mu.txt", "cost.csv")}
        if program == "tcksift2":
            command = [program, tracks, fod, files["weights.txt"], "-out_coeffs", files["coeffs.txt"], "-out_mu", files["mu.txt"], "-nthreads", threads, "-quiet", "-force"]
            command += [] if "-linear" in options else ["-csv", files["cost.csv"]]
        else:
            command = [program, "weights", tracks, fod, files["weights.txt"], "--out-coeffs", files["coeffs.txt"], "--out-mu", files["mu.txt"], "--csv", files["cost.csv"],
                       "--threads", threads, "--device", "cpu", "--quiet", "--force"]
        self.seconds, self.memory = run(*command, *options)
        self.files, self.coefficients = files, coefficients(files["coeffs.txt"])
        self.weights = coefficients(files["weights.txt"])
        self.mu = float(open(files["mu.txt"]).read())
        self.rows = table(files["cost.csv"]) if os.path.exists(files["cost.csv"]) else []

    def cost(self):
        return self.rows[-1]["cost_total"]


def cost_of(arcuate, fit, tracks, fod, at, options=()):
    """Data and whole cost of a fit's coefficients, by arcuate's fixels and lengths."""
    once = Fit(arcuate, tracks, fod, at, 2, ["--in-coeffs", fit.files["coeffs.txt"], "--max-iters", 1, *options])
    return once.rows[0]["cost_data"], once.rows[0]["cost_total"]


def correlation(a, b):
    both = np.isfinite(a) & np.isfinite(b)
    return np.corrcoef(a[both], b[both])[0, 1]


def compare_brain(data, arcuate, work, selects, threads, fod):
    root = pathlib.Path(data) / "human_rescan"
    dwi = root / "sub-01/ses-01/dwi/sub-01_ses-01_dwi.nii.gz"
    mask = root / "derivatives/masks/sub-01/ses-01/dwi/sub-01_ses-01_desc-brain_mask.nii.gz"
    common = ["--force", "--quiet", "--device", "cpu", "--threads", threads]
    fod = fod or work / "fod.nii.gz"
    if not os.path.exists(fod):
        run(arcuate, "response", dwi, work / "response.txt", "--mask", mask, *common)
        run(arcuate, "fod", dwi, fod, "--mask", mask, "--response", work / "response.txt", *common)
    print("human_rescan\nstreamlines  program           mu         r        own cost  cost by one account (data)   iterations  CPU s  peak MiB")
    for n in selects:
        tracks = work / f"tracks_{n}.tck"
        if not tracks.exists():
            run(arcuate, "track", fod, tracks, "--seed-image", mask, "--mask", mask, "--select", n, *common)
        peer = Fit("tcksift2", tracks, fod, work / f"peer_{n}", threads)
        ours = Fit(arcuate, tracks, fod, work / f"our_{n}", threads)
        again = Fit(arcuate, tracks, fod, work / f"again_{n}", threads, ["--memory", 0])
        r = correlation(ours.coefficients, peer.coefficients)
        (peer_data, peer_cost), (our_data, our_cost) = (cost_of(arcuate, f, tracks, fod, work / "one") for f in (peer, ours))
        print(f"{n:>11}  tcksift2          {peer.mu:.6f}            {peer.cost():>12.2f}  {peer_cost:>12.2f} ({peer_data:.2f})  {len(peer.rows) - 1:>10}  {peer.seconds:>5.1f}  {peer.memory:>8.0f}")
        print(f"{n:>11}  arcuate           {ours.mu:.6f}  {r:.4f}  {ours.cost():>12.2f}  {our_cost:>12.2f} ({our_data:.2f})  {len(ours.rows) - 1:>10}  {ours.seconds:>5.1f}  {ours.memory:>8.0f}")
        print(f"{n:>11}  arcuate, memory 0                                                                       {len(again.rows) - 1:>10}  {again.seconds:>5.1f}  {again.memory:>8.0f}", end="")
        for f, name in ((ours, "weights.txt"), (ours, "cost.csv")):
            print(check(open(f.files[name], "rb").read() == open(again.files[name], "rb").read(), f"{name} is another without memory"), end="")
        print(check(abs(ours.mu / peer.mu - 1) < 0.01, "mu"), check(r > 0.95, "correlation"), check(our_cost <= peer_cost, "cost"),
              check(peer.seconds > 5 * ours.seconds, "less than 5 times as fast"), check(abs(our_cost / ours.cost() - 1) < 1e-6, "the two accounts of ours"), flush=True)


OPTIONS = [((), ()), (("-act", "TISSUES"), ("--act", "TISSUES")), (("-act", "TISSUES", "-fd_scale_gm"), ("--act", "TISSUES", "--fd-scale-gm")), (("-linear",), ("--linear",)),
           (("-linear", "-act", "TISSUES"), ("--linear", "--act", "TISSUES")), (("-no_dilate_lut",), ("--no-dilate-lut",)), (("-make_null_lobes", "-no_dilate_lut"), ("--make-null-lobes", "--no-dilate-lut")),
           (("-remove_untracked",), ("--remove-untracked",)), (("-fd_thresh", "0.3"), ("--fd-thresh", "0.3")), (("-reg_tikhonov", "0.5"), ("--reg-tikhonov", "0.5")),
           (("-reg_tv", "1"), ("--reg-tv", "1")), (("-reg_tv", "0"), ("--reg-tv", "0")), (("-min_td_frac", "0.5"), ("--min-td-frac", "0.5")),
           (("-min_factor", "0.3"), ("--min-factor", "0.3")), (("-max_factor", "2"), ("--max-factor", "2")), (("-max_coeff_step", "0.1"), ("--max-coeff-step", "0.1")),
           (("-min_iters", "30"), ("--min-iters", "30")), (("-max_iters", "3"), ("--max-iters", "3"))]


def compare_options(arcuate, work, threads):
    truth = work / "brain/derivatives/truth"
    if not truth.exists():
        run(arcuate, "phantom", work / "brain", "--preset", "brain", "--voxel-size", 5, "--quiet", "--device", "cpu")
    fod, tissues, fine, tracks = (work / name for name in ("slab_fod.nii", "slab_5tt.nii", "fine_5tt.nii", "brain.tck"))
    if not tracks.exists():
        whole = truth / "fod.nii.gz", truth / "5tt.nii.gz"
        run(arcuate, "track", whole[0], tracks, "--act", whole[1], "--backtrack", "--crop", "--seed-image", truth / "white_mask.nii.gz", "--select", 5000, "--quiet", "--device", "cpu")
        for image, slab in zip(whole, (fod, tissues)):  # eight slices, to spare the peer's time
            run("mrgrid", image, "crop", slab, "-axis", 2, "9,9", "-quiet", "-force")
        run("mrgrid", whole[1], "regrid", fine, "-voxel", "1.7", "-interp", "linear", "-quiet", "-force")  # another grid than the FOD image's
    print("\nphantom brain\nstreamlines without weight: zero in both, in one alone\noption                              mu / peer's    r        cost / peer's  iterations  zero")
    cases = OPTIONS + [(tuple(fine if x == "TISSUES" else x for x in a), tuple(fine if x == "TISSUES" else x for x in b)) for a, b in OPTIONS if "TISSUES" in a]
    for theirs, options in cases:
        fill = lambda words: [tissues if w == "TISSUES" else w for w in words]
        theirs, options = fill(theirs), fill(options)
        peer = Fit("tcksift2", tracks, fod, work / "peer_option", threads, theirs)
        ours = Fit(arcuate, tracks, fod, work / "our_option", threads, options)
        r = correlation(ours.coefficients, peer.coefficients)
        model = [x for x in options if x not in ("--linear", "--max-iters", "3")]
        (_, peer_cost), (_, our_cost) = (cost_of(arcuate, f, tracks, fod, work / "one", model) for f in (peer, ours))
        zero = (ours.weights == 0), (peer.weights == 0)
        # Not at a minimum, or not of this cost, which counts fixels that streamlines do not look at.
        limited = any(x in options for x in ("--max-iters", "--max-coeff-step", "--linear", "--min-factor", "--min-td-frac"))
        least = 0.8 if list(options) == ["--reg-tv", "0"] else 0.95  # without regularisation many coefficients do as well
        name = " ".join(str(os.path.basename(x)) for x in options) or "(none)"
        print(f"{name:<36}{ours.mu / peer.mu:>10.5f}  {r:>9.5f}  {our_cost / peer_cost:>12.5f}  {len(ours.rows) - 1:>4} {len(peer.rows) - 1:>4}  {(zero[0] & zero[1]).sum():>5} {(zero[0] ^ zero[1]).sum():>4}",
              check(abs(ours.mu / peer.mu - 1) < 0.01, "mu"), check(r > least, "correlation"), check(limited or our_cost <= peer_cost, "cost"), flush=True)
        for f in (peer, ours):
            for file in f.files.values():
                if os.path.exists(file):
                    os.remove(file)


HALF_WIDTH, REACH = 7.0, 38.0  # of a bundle, whose cross-section is a square [mm]


def bundle(count, centre, along, rng):
    """Streamlines evenly over the cross-section, which wander by up to a voxel."""
    across, up, t = np.cross([0, 0, 1], along), np.array([0, 0, 1.0]), np.arange(-REACH, REACH, 0.5)
    lines = []
    for _ in range(count):
        sides = [np.clip(rng.uniform(-HALF_WIDTH, HALF_WIDTH) + rng.uniform(0, 2) * np.sin(t / rng.uniform(6, 20) + rng.uniform(0, 7)), -HALF_WIDTH, HALF_WIDTH) for _ in "yz"]
        lines.append((centre + np.outer(t, along) + np.outer(sides[0], across) + np.outer(sides[1], up)).astype(np.float32))
    return lines


def compare_phantom(arcuate, work, threads):
    print("\ntwo bundles with a density of fibres of 2 to 1; what the weights of the first add up to, over the second's\n                 streamlines   arcuate  tcksift2")
    counts, rng = (8000, 16000), np.random.default_rng(1)
    for name, angle, height in (("apart", 90, 30), ("crossing at 90", 90, 0), ("crossing at 60", 60, 0)):
        grid = Grid((-40, -40, -24), (40, 40, 24), 2.0, np.eye(3))
        turn = np.radians(angle)
        along = np.array([[1, 0, 0], [np.cos(turn), np.sin(turn), 0]])
        centres = np.array([[0, 0, -height / 2], [0, 0, height / 2]])
        fod, lines = 0, []
        for k, density in ((0, 1.0), (1, 0.5)):
            across = lambda p: np.stack([(p - centres[k]) @ np.cross([0, 0, 1], along[k]), (p - centres[k])[:, 2]], 1)
            share = grid.fractions(lambda p: (np.abs(across(p)).max(axis=1) < HALF_WIDTH) & (np.abs((p - centres[k]) @ along[k]) < REACH))
            fod = fod + density * share[:, None] * lobes(along[k : k + 1])
            lines += bundle(counts[k], centres[k], along[k], rng)
        fod_file, tracks = work / "two_fod.nii", work / "two.tck"
        grid.save(fod, fod_file)
        nibabel.streamlines.save(nibabel.streamlines.Tractogram(lines, affine_to_rasmm=np.eye(4)), str(tracks))
        ratio = {}
        for program in (arcuate, "tcksift2"):
            w = Fit(program, tracks, fod_file, work / "two", threads).weights
            ratio[program] = w[: counts[0]].sum() / w[counts[0]:].sum()
        error = {p: abs(r / 2 - 1) for p, r in ratio.items()}
        print(f"{name:<16} {counts[0]} to {counts[1]}  {ratio[arcuate]:>8.4f}  {ratio['tcksift2']:>8.4f}", check(error[arcuate] < 0.03, "ratio"), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("arcuate")
    parser.add_argument("--select", default="20000,100000")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fod", help="of human_rescan's ses-01, instead of computing it")
    parser.add_argument("--work", help="keep intermediate files here, and use those that are there")
    parser.add_argument("--only", default="brain,options,phantom")
    args = parser.parse_args()
    work = pathlib.Path(args.work or tempfile.mkdtemp(prefix="compare_sift2_"))
    work.mkdir(parents=True, exist_ok=True)
    only = args.only.split(",")
    print(f"CPU seconds are user + system, {args.threads} threads, load average {os.getloadavg()[0]:.1f} at the start", flush=True)
    if "brain" in only:
        compare_brain(args.data, args.arcuate, work, [int(n) for n in args.select.split(",")], args.threads, args.fod)
    if "options" in only:
        compare_options(args.arcuate, work, args.threads)
    if "phantom" in only:
        compare_phantom(args.arcuate, work, args.threads)
    print("ok" if not FAILED else f"{len(FAILED)} FAILED: " + ", ".join(FAILED))
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
