#!/usr/bin/env python3
"""Trackers beside MRtrix's on bundles whose course is known.

    /usr/bin/python3 tests/peers/compare_phantoms.py ARCUATE [--select 2000] [--work DIR] [--only NAME,...]

FOD images of straight, arched, helical, crossing and kissing bundles, on grids of several orientations. Streamlines start in a small ball on a bundle's centre line near
its beginning. Of each run: how many connect the bundle's two ends, how many arrive at the end of another bundle, how many at neither; of arcs and helices that are followed from
end to end, the radius (and pitch) that fits each streamline, in the median. The peer is MRtrix; for ptt it is DIPY where it has one (dipy_ptt.py), with a twentieth of the streamlines; prob has
its own in compare_trackers.py.

A streamline drifts to the outside of a bend: a straight step h along the tangent by h/2 per radian, a drawn direction by as much as it trails behind the field, which is some steps
because it stays near the direction before it. So the radius is a little too large, in both programs alike; at a quarter of the step ("fine") it is right.
Parallel transport draws curvatures around zero, which the data pull but gently: to bend with the field it must point aside from it, by an angle that grows with the field's curvature and
falls with the variance of the curvatures drawn, the probe's length, the FOD's sharpness and the exponent, and does not depend on the step. That is the method, in both programs alike; with exponent 6
instead of 1 ("fine") the radius is right, and the crossings are, too, where a smaller radius of curvature or a longer probe would lose them.
Of bundles that cross at 30 degrees the FOD of lmax 8 has one peak, between them: SD_STREAM leaves with the other bundle, always.

Exit code 1 where fewer of ours than of the peer's connect the right ends by more than three standard errors, where a "fine" radius or pitch is off by more than 1%, or
another by more than the peer's and 1% (each and three standard errors). The peer runs on one thread with a fixed seed, so the figures repeat.
"""
import argparse
import os
import pathlib
import sys
import tempfile

import nibabel
import numpy as np

import dipy_ptt
from compare_trackers import lines_of, sh
from fod_fields import AXES, Grid, lobes

VOXEL, SEED_AT, SEED_RADIUS, END = 2.0, 6.0, 1.0, 4.0  # mm: of the FOD; from the bundle's beginning; of the ball; how near an end counts as arrived


class Straight:
    """Along `direction` through `middle`."""

    def __init__(self, direction, length, radius, middle=(0, 0, 0)):
        self.direction, self.middle = np.array(direction, float) / np.linalg.norm(direction), np.array(middle, float)
        self.length, self.radius = length, radius

    def course(self, p):
        """Of points: how far along the centre line [mm], how far from it [mm], the direction there."""
        p = p - self.middle
        s = p @ self.direction
        return s + self.length / 2, np.linalg.norm(p - s[:, None] * self.direction, axis=1), np.broadcast_to(self.direction, p.shape)

    def at(self, s):
        return self.middle + (s - self.length / 2) * self.direction


class Helix:
    """Round an axis parallel to z through `middle`; without pitch an arc. Every fibre keeps its own distance from the axis, all the same pitch."""

    def __init__(self, curve, pitch, degrees, radius, middle=(0, 0, 0), start=0.0):
        self.curve, self.rise, self.start, self.middle = curve, pitch / (2 * np.pi), np.radians(start), np.array(middle, float)
        self.per_radian = np.hypot(curve, self.rise)
        self.length, self.radius = self.per_radian * np.radians(degrees), radius

    def course(self, p):
        p = p - self.middle
        r = np.hypot(p[:, 0], p[:, 1])
        angle = np.mod(np.arctan2(p[:, 1], p[:, 0]) - self.start, 2 * np.pi)
        half_way = self.length / self.per_radian / 2
        # Of the turns that pass at this angle, the nearest; of an arc, the one about its middle.
        turns = np.round((p[:, 2] / self.rise - angle if self.rise else half_way - angle) / (2 * np.pi))
        angle = angle + 2 * np.pi * turns
        off = np.hypot(r - self.curve, (p[:, 2] - self.rise * angle) * self.curve / self.per_radian)
        d = np.stack([-p[:, 1], p[:, 0], np.full_like(r, self.rise)], axis=1)
        return angle * self.per_radian, off, d / np.maximum(1e-9, np.linalg.norm(d, axis=1))[:, None]

    def at(self, s):
        angle = s / self.per_radian
        return self.middle + [self.curve * np.cos(angle + self.start), self.curve * np.sin(angle + self.start), self.rise * angle]


def crossing(degrees):
    half = np.radians(degrees) / 2
    return [Straight((np.cos(half), side * np.sin(half), 0), 80, 6) for side in (1, -1)]


PHANTOMS = {  # bundles, the first is seeded; orientation of the grid
    "straight": ([Straight((1, 0.5, 0.2), 80, 6)], "oblique"),
    "arc of 20 mm": ([Helix(20, 0, 150, 6)], "RAS"),
    "arc of 40 mm": ([Helix(40, 0, 120, 6)], "permuted"),
    "helix": ([Helix(20, 45, 180, 6)], "oblique"),
    "crossing, 30 degrees": (crossing(30), "RAS"),
    "crossing, 45 degrees": (crossing(45), "oblique"),
    "crossing, 60 degrees": (crossing(60), "permuted"),
    "crossing, 90 degrees": (crossing(90), "RAS"),
    "kissing": ([Helix(40, 0, 90, 6, (0, 46, 0), 225), Helix(40, 0, 90, 6, (0, -46, 0), 45)], "oblique"),
}
TRACKERS = {"ifod2": ("iFOD2", 0.5), "ifod1": ("iFOD1", 0.1), "sd": ("SD_STREAM", 0.1), "ptt": ("PTT", 0.025), "prob": (None, 0.2)}  # the peer; step [voxels]


def make_fod(bundles, axes, path):
    corners = np.array([b.at(s) for b in bundles for s in np.linspace(0, b.length, 50)])
    margin = max(b.radius for b in bundles) + 2 * VOXEL
    grid = Grid(corners.min(axis=0) - margin, corners.max(axis=0) + margin, VOXEL, AXES[axes])

    def shares(p):  # a place that several bundles claim is theirs in equal parts
        inside = np.stack([(off < b.radius) & (s >= 0) & (s <= b.length) for b in bundles for s, off, _ in [b.course(p)]], axis=1)
        return inside / np.maximum(1, inside.sum(axis=1, keepdims=True))

    share = grid.fractions(shares)
    centres = grid.world()
    grid.save(sum(share[:, i : i + 1] * lobes(b.course(centres)[2]) for i, b in enumerate(bundles)), path)


def ends_of(bundle, points):
    """-1, 1 at the bundle's beginning and end, 0 elsewhere."""
    s, off, _ = bundle.course(points)
    return np.where(off < bundle.radius + VOXEL, (s > bundle.length - END).astype(int) - (s < END), 0)


def connections(bundles, lines):
    """Of each streamline: 1 right, -1 wrong, 0 incomplete."""
    ends = np.stack([[ends_of(b, np.array([l[i] for l in lines], float)) for i in (0, -1)] for b in bundles])  # bundle, end, streamline
    right = ends[0].prod(axis=0) == -1
    wrong = ~right & (np.abs(ends[1:]).sum(axis=(0, 1)) > 0)
    return right.astype(int) - wrong


def circle_radius(line):
    """Of the circle through a streamline in the plane that fits it best (least squares of x^2 + y^2 = 2ax + 2by + c)."""
    p = line - line.mean(axis=0)
    flat = p @ np.linalg.svd(p, full_matrices=False)[2][:2].T
    a, b, c = np.linalg.lstsq(np.column_stack([2 * flat, np.ones(len(flat))]), (flat**2).sum(axis=1), rcond=None)[0]
    return np.sqrt(c + a * a + b * b)


def helix_shape(bundle, line):
    """Mean distance from the axis, and pitch by least squares of the height over the angle [mm]."""
    p = line - bundle.middle
    angle = np.unwrap(np.arctan2(p[:, 1], p[:, 0]))
    return np.hypot(p[:, 0], p[:, 1]).mean(), 2 * np.pi * abs(np.polyfit(angle, p[:, 2], 1)[0])


def shape_error(bundle, lines):
    """How far the median streamline is off what is known of the bundle's curve, and the standard error of that [%]."""
    if not isinstance(bundle, Helix) or not lines:
        return {}
    if bundle.rise:
        shapes = zip(("radius", "pitch"), (bundle.curve, 2 * np.pi * bundle.rise), np.transpose([helix_shape(bundle, l) for l in lines]))
    else:
        shapes = [("radius", bundle.curve, np.array([circle_radius(l) for l in lines]))]
    # The standard error of a normal sample's median is sqrt(pi/2) times that of its mean.
    return {what: (100 * (np.median(found) / truth - 1), 100 * np.sqrt(np.pi / 2 / len(found)) * found.std() / truth) for what, truth, found in shapes}


def peers_ptt(fod, centre, count, step, path):
    """DIPY's, from the same ball, from end to end of the FOD's voxels that are not empty."""
    random = np.random.default_rng(1)
    p = random.normal(size=(count, 3))
    seeds = centre + SEED_RADIUS * p * (random.uniform(size=count) ** (1 / 3) / np.linalg.norm(p, axis=1))[:, None]
    found = [l.astype(np.float32) for l in dipy_ptt.Ptt(fod)(seeds, step * VOXEL, 0.5 * VOXEL, 0.25 * VOXEL, seed=1) if len(l) * step >= 1]
    nibabel.streamlines.save(nibabel.streamlines.Tractogram(found, affine_to_rasmm=np.eye(4)), str(path))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arcuate")
    parser.add_argument("--select", type=int, default=2000)
    parser.add_argument("--work")
    parser.add_argument("--only", default="")
    a = parser.parse_args()
    work = pathlib.Path(a.work or tempfile.mkdtemp(prefix="compare_phantoms_"))
    os.makedirs(work, exist_ok=True)
    wanted = [n for n in a.only.split(",") if n]
    failed = []
    os.environ["MRTRIX_RNG_SEED"] = "1"
    if dipy_ptt.missing():
        print(f"ptt without a peer: {dipy_ptt.missing()}\n")
    print(f"{a.select} streamlines each; shares in %, medians of those that connect the right ends\n")
    print("| bundles | algorithm | | right | wrong | incomplete | radius off by % | pitch off by % |\n|---|---|---|---|---|---|---|---|")
    for name, (bundles, axes) in PHANTOMS.items():
        if wanted and not any(n in name for n in wanted):
            continue
        stem = name.replace(" ", "_").replace(",", "")
        fod = work / f"{stem}.nii"
        make_fod(bundles, axes, fod)
        ball = ",".join(f"{x:.4f}" for x in (*bundles[0].at(SEED_AT), SEED_RADIUS))
        for algorithm, (peer, step) in TRACKERS.items():
            if peer == "PTT" and dipy_ptt.missing():
                peer = None
            runs, count = {"ours": []}, a.select // 20 if peer == "PTT" else a.select
            if peer:
                runs["peer"] = []
            if isinstance(bundles[0], Helix):
                runs["ours, fine"] = ["--power", 6] if algorithm == "ptt" else ["--step", step * VOXEL / 4]
            share, off = {}, {}
            for who, options in runs.items():
                tck = work / f"{stem}_{algorithm}_{who.replace(', ', '_')}.tck"
                if who == "peer" and peer == "PTT":
                    peers_ptt(fod, bundles[0].at(SEED_AT), count, step, tck)
                elif who == "peer":
                    sh("tckgen", fod, tck, "-algorithm", peer, "-seed_sphere", ball, "-select", a.select, "-minlength", VOXEL, "-nthreads", "0", "-force", "-quiet")
                else:
                    sh(a.arcuate, "track", fod, tck, "--algorithm", algorithm, f"--seed-sphere={ball}", "--select", a.select, "--min-length", VOXEL, "--force", "--quiet",
                       "--device", "cpu", *options)
                lines = [l.astype(float) for l in lines_of(tck)]
                kind = connections(bundles, lines)
                share[who] = (kind == 1).mean()
                off[who] = shape_error(bundles[0], [l for l, k in zip(lines, kind) if k == 1])
                shares = " | ".join(f"{100 * (kind == k).mean():.1f}" for k in (1, -1, 0))
                shapes = " | ".join("{:+.2f} ± {:.2f}".format(*off[who][what]) if what in off[who] else "" for what in ("radius", "pitch"))
                print(f"| {name} | {algorithm} | {who} | {shares} | {shapes} |", flush=True)
            if peer:
                both = (share["ours"] + share["peer"]) / 2
                if share["ours"] < share["peer"] - 3 * np.sqrt(both * (1 - both) * (1 / a.select + 1 / count)):
                    failed.append(f"{name}, {algorithm}: {100 * share['ours']:.1f}% right, the peer {100 * share['peer']:.1f}%")
                for what, (percent, error) in off["ours"].items():
                    peers, peers_error = off["peer"].get(what, (0.0, 0.0))
                    if abs(percent) > abs(peers) + 1 + 3 * np.hypot(error, peers_error):
                        failed.append(f"{name}, {algorithm}: {what} off by {percent:.2f}%, the peer's by {peers:.2f}%")
            if "ours, fine" in runs and not off["ours, fine"]:
                failed.append(f"{name}, {algorithm}: no streamline from end to end")
            for what, (percent, error) in off.get("ours, fine", {}).items():
                if abs(percent) > 1 + 3 * error:
                    failed.append(f"{name}, {algorithm}: {what} off by {percent:.2f}% although fine")
    for line in failed:
        print("FAILED  " + line)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
