#!/usr/bin/env python3
"""Anatomically constrained tracking on tissues known in closed form: does every streamline keep the rules?

    /usr/bin/python3 tests/peers/check_act.py ARCUATE [--seeds 1000] [--work DIR]

A ball of white matter in cortex and CSF, with a ventricle, three pieces of sub-cortical grey matter, a lesion, a place without tissue, places without FOD and with a weak one,
its lower part beyond the tissue image; the FOD image on another grid. Each streamline that `arcuate track --act` keeps is held, vertex by vertex, against the rules of Smith et al. 2012
as MRtrix3 applies them, the tissues sampled here in double precision; MRtrix's own streamlines likewise. A table of violations per rule, and, beside the peer's, of the share
of streamlines that are kept, their lengths and density.
What exceeds a rule by less than 0.001 (a fraction, a voxel, a share of a step or an angle) is counted as borderline: trackers compute in single precision.

The checker is no stricter than the peer's rules: its streamlines keep them but for peculiarities of its own. A streamline whose seed lies in sub-cortical grey matter within a step of its
border may pass through; without thinning out vertices the least length is not exact; one may end where the nearest voxel of the tissue image is empty, though the fractions
still add up to one half; one that was cut back into the grey matter that it came from may stay there; some seeds' ends beside the cortex are not cropped. So lengths and density are bounded for
seeds in white matter alone.

It also keeps fewer streamlines of some seeds, for three reasons, none of them a rule of anatomy. Of SD_STREAM it tries one random direction per seed, whatever -max_attempts_per_seed says, and refuses the seed
where the peak uphill of that is below the cutoff: so ours are tracked with --seed-trials 1. A seed in a lesion is refused where there is no white matter at all. And the count of
vertices inside sub-cortical grey matter starts at nought at the seed: a half that cannot take its first step there ends badly, though it is inside. Ours keeps both, since a streamline may end
in a lesion and inside sub-cortical grey matter; they are found by their seeds (--output-seeds) and left out of the share that is held against the peer's ("alike").

Exit code 1 where a rule is violated by ours, where a rule finds nothing in streamlines tracked without it, or where the share of such as the peer's (4 standard errors, for all seeds), lengths (a Kolmogorov-Smirnov distance that
chance exceeds once in a thousand times) or density (correlation 0.05 below that of two runs of the peer's, estimated from its halves) are not the peer's. Both have fixed seeds, so the figures repeat.
"""
import argparse
import os
import pathlib
import sys
import tempfile

import nibabel
import numpy as np

from compare_trackers import ks, lengths_of, lines_of, sh
from fod_fields import AXES, Grid, lobes

BORDER, INTERFACE = 1e-3, 0.01  # borderline; |grey - white| of a point on the interface
VOXEL, MIN_LENGTH, MAX_LENGTH = 2.0, 4.0, 200.0  # mm: of the FOD, and what follows from it
ANGLES = {"ifod2": 45.0 / 3, "ifod1": 15.0, "sd": 60.0, "ptt": 2.866}  # largest turn from one segment to the next [degrees]
SPACING = {"ifod2": VOXEL / 2 / 3, "ifod1": VOXEL / 10, "sd": VOXEL / 10, "ptt": VOXEL / 40}  # of vertices [mm]
STEP = {"ifod2": VOXEL / 2, "ifod1": VOXEL / 10, "sd": VOXEL / 10, "ptt": VOXEL / 4}  # how far a tracker looks ahead [mm]
PEERS = {"ifod2": "iFOD2", "ifod1": "iFOD1", "sd": "SD_STREAM"}
RULES = ("vertex in CSF", "vertex outside", "cortex passed", "sub-cortical grey passed", "never left sub-cortical grey", "bad end", "not cropped", "seed off interface", "length", "course")


def ball(p, centre, radius):
    return np.linalg.norm(p - np.array(centre, float), axis=1) < radius


def tissues_of(p):
    """(n, 5): which tissue a point is."""
    r = np.linalg.norm(p, axis=1)
    ventricle = ball(p, (8, 0, 5), 7)
    deep = ball(p, (-11, 6, 0), 7) | ball(p, (8, 0, -7), 6) | ball(p, (-4, -15, 6), 4)
    lesion = ball(p, (0, 18, -4), 5)
    head = (r < 36) & ~ball(p, (-18, -14, -6), 4)
    white = r < 30
    kinds = [(r >= 30) & (r < 33.5), deep & ~ventricle, white & ~deep & ~ventricle & ~lesion, ventricle | (r >= 33.5), lesion]
    return np.stack([k & head for k in kinds], axis=1)


def make_images(work):
    """The tissue image, the FOD and the images that seeds come from."""
    tissue_grid = Grid((-38, -38, -22), (38, 38, 38), 1.5, AXES["permuted"])
    fractions = tissue_grid.fractions(tissues_of)
    total = fractions.sum(axis=1, keepdims=True)  # of a voxel: 1 or 0, as 5ttgen writes it
    fractions = np.where(total < 0.5, 0, fractions / np.maximum(total, 0.5)).astype(np.float32)
    tissue_grid.save(fractions, work / "5tt.nii")
    grid = Grid((-38, -38, -38), (38, 38, 38), VOXEL, AXES["oblique"])
    p = grid.world()
    x, y, z = p.T
    fod = np.zeros((len(p), 45))
    for weight, direction in ((0.6, (1 + 0 * x, 0.5 * np.sin(y / 15), 0.3 * np.cos(x / 12))), (0.5, (0.3 * np.sin(z / 10), 1 + 0 * x, 0.4 + 0 * x)), (0.4, (x / 40, 0.3 + 0 * x, 1 + 0 * x))):
        d = np.stack(direction, axis=1)
        fod += weight * lobes(d / np.linalg.norm(d, axis=1)[:, None])
    # Weaker in grey matter, hardly less in CSF, so that streamlines do run there; next to nothing in the midst of a deep nucleus, of the lesion, and in one place of the white matter.
    size = grid.fractions(lambda q: tissues_of(q), 2) @ [0.4, 0.4, 1, 0.3, 0.6] + 0.3 * ball(p, (-18, -14, -6), 4)
    weak = ball(p, (-11, 6, 0), 3) | ball(p, (0, 18, -4), 3) | ball(p, (16, -16, 0), 5)
    grid.save(fod * (size * np.where(weak, 0.03, 1) * ~ball(p, (16, 14, -8), 4))[:, None], work / "fod.nii")
    cgm, sgm, wm, _, path = fractions.T
    for name, where in (("white", wm > 0.5), ("deep", (sgm > 0.5) | (path > 0.5)), ("cortex", cgm > 0.5), ("interface", (cgm + sgm > 0) & (wm > 0))):
        tissue_grid.save(where, work / f"{name}.nii")


class Sampler:
    """An image at world points, in double precision: trilinear, the outermost voxels' values up to their far side."""

    def __init__(self, path):
        image = nibabel.load(str(path))
        self.values, self.inverse = image.get_fdata(), np.linalg.inv(image.affine)
        self.size = np.array(self.values.shape[:3])

    def voxel(self, p):
        return p @ self.inverse[:3, :3].T + self.inverse[:3, 3]

    def outside(self, v):
        """How far beyond the image's outer faces [voxels]; negative inside."""
        return np.maximum(-0.5 - v, v - (self.size - 0.5)).max(axis=1)

    def __call__(self, p):
        v = self.voxel(p)
        low, result = np.floor(v).astype(int), 0
        for corner in np.ndindex(2, 2, 2):
            index = np.clip(low + corner, 0, self.size - 1)
            weight = np.where(corner, v - low, 1 - (v - low)).prod(axis=1)
            result = result + weight[:, None] * self.values[tuple(index.T)]
        return result, self.outside(v)

    def no_data(self, p):
        """Beyond the image, or the nearest voxel is all zero."""
        v = self.voxel(p)
        nearest = np.clip(np.rint(v).astype(int), 0, self.size - 1)
        return (self.outside(v) > 0) | ~self.values[tuple(nearest.T)].any(axis=1)


class Checker:
    """A rule is a number per streamline: by how much it is broken, in fractions (or voxels, or mm); none that it is kept. "and" is a minimum, "or" a maximum."""

    def __init__(self, work):
        self.tissue, self.fod = Sampler(work / "5tt.nii"), Sampler(work / "fod.nii")

    def scores(self, p):
        """How much a point is each of this: positive where it is."""
        t, outside = self.tissue(p)
        cgm, sgm, wm, csf, path = t.T
        gm = cgm + sgm
        is_gm = np.minimum.reduce([gm - wm, gm - csf, gm - path])
        return dict(csf=csf - np.maximum.reduce([cgm, sgm, wm, path]), path=path - np.maximum.reduce([cgm, sgm, wm, csf]), cgm=np.minimum(is_gm, cgm - sgm),
                    sgm=np.minimum(is_gm, sgm - cgm), outside=np.maximum(0.5 - t.sum(axis=1), outside), interface=INTERFACE - np.abs(gm - wm), grey=gm - wm)

    def leaves(self, p, direction, reach):
        """Of ends: whether a step ahead there is a place without tissue or without data."""
        side = np.cross(direction, np.eye(3)[np.abs(direction).argmin(axis=1)])
        side /= np.linalg.norm(side, axis=1)[:, None]
        other, found = np.cross(direction, side), np.zeros(len(p), bool)
        for theta in np.radians([0, 15, 30, 45]):
            for phi in np.radians(np.arange(0, 360, 30)):
                d = np.cos(theta) * direction + np.sin(theta) * (np.cos(phi) * side + np.sin(phi) * other)
                for share in (0.1, 1 / 3, 2 / 3, 1):
                    ahead = p + share * reach * d
                    found |= (self.scores(ahead)["outside"] > 0) | self.fod.no_data(ahead)
        return found

    @staticmethod
    def uneven(line, angle, spacing):
        """Vertices are evenly spaced (the chord of the sharpest arc is 1% shorter) but for shortened segments at both ends, and no turn is sharper than the algorithm's;
        at the seed, where two halves start from one direction, it may be twice that."""
        d = np.diff(line, axis=0)
        size = np.linalg.norm(d, axis=1)
        middle = size[1:-1] / spacing - 1
        uneven = [size[0] / spacing - 1, size[-1] / spacing - 1, *middle, *(-0.01 - middle)]
        d, size = d[1:-1], size[1:-1]
        turns = np.sort(np.degrees(np.arccos(np.clip((d[1:] * d[:-1]).sum(axis=1) / (size[1:] * size[:-1]), -1, 1))))[::-1]
        return max([*uneven, *(turns[:1] / angle - 2), *(turns[1:2] / angle - 1.01)])

    def peer_refuses(self, lines, seeds, algorithm):
        """Of our streamlines, with the rows of their seeds: which the peer does not keep, for what is no rule of anatomy (see above)."""
        at, p = seeds[:, 1].astype(int), seeds[:, 2:5]
        here = self.scores(p)
        no_white = (self.tissue(p)[0][:, 2] <= 0) & (here["sgm"] <= 0)
        ends = np.array([i in (0, len(l) - 1) for i, l in zip(at, lines)])
        # Ahead of a seed at an end: where its missing half would have had its first vertex. Still inside: so it was the data that ended it.
        back = np.array([l[1] if i == 0 else l[i - 1] for i, l in zip(at, lines)]) - p
        ahead = p - SPACING[algorithm] * back / np.linalg.norm(back, axis=1)[:, None]
        return no_white | (ends & (here["sgm"] > 0) & (self.scores(ahead)["sgm"] > 0))

    def __call__(self, lines, algorithm, crop, interface, one_way):
        """{rule: (streamlines)}: by how much each breaks it; not the rules that do not apply."""
        count = np.array([len(l) for l in lines])
        first = np.concatenate([[0], np.cumsum(count)[:-1]])
        last = first + count - 1
        p = np.concatenate(lines).astype(float)
        s = self.scores(p)
        worst = lambda values: np.maximum.reduceat(values, first)
        inner = np.ones(len(p), bool)
        inner[first] = inner[last] = False
        broken = {"vertex in CSF": worst(s["csf"]), "vertex outside": worst(s["outside"]), "cortex passed": worst(np.where(inner, s["cgm"], -1))}
        # Passed: sub-cortical grey at a vertex, and none at one before and at one after it.
        passed = []
        for a, b in zip(first, last + 1):
            deep = s["sgm"][a:b]
            before, after = np.maximum.accumulate(-deep), np.maximum.accumulate(-deep[::-1])[::-1]
            passed.append(np.minimum.reduce([deep, before, after]).max())
        broken["sub-cortical grey passed"] = np.array(passed)
        broken["never left sub-cortical grey"] = np.minimum.reduceat(s["sgm"], first)

        bad, uncropped = [], []
        for at, inwards in ((first, first + 1), (last, last - 1)):
            direction = p[at] - p[inwards]
            direction /= np.linalg.norm(direction, axis=1)[:, None]
            fine = np.maximum.reduce([s["cgm"][at], s["sgm"][at], s["path"][at], np.where(self.leaves(p[at], direction, STEP[algorithm]), 1.0, -1.0)])
            if crop or interface:
                fine = np.maximum(fine, s["interface"][at])
            bad.append(np.full(len(lines), -1.0) if one_way and at is first else -fine)
            uncropped.append(np.minimum(s["cgm"][at], -s["interface"][at]))
        broken["bad end"] = np.maximum(*bad)
        if crop:
            broken["not cropped"] = np.maximum(*uncropped)
        if interface and one_way:
            broken["seed off interface"] = -s["interface"][first]

        length = lengths_of(lines)
        broken["length"] = np.maximum(MIN_LENGTH - length, length - MAX_LENGTH)
        broken["course"] = np.array([self.uneven(p[a:b], ANGLES[algorithm], SPACING[algorithm]) for a, b in zip(first, last + 1)])
        return broken


def violations(broken):
    """{rule: (streamlines that break it, borderline ones)}, None where it does not apply."""
    return {rule: ((broken[rule] > BORDER).sum(), ((broken[rule] > 0) & (broken[rule] <= BORDER)).sum()) if rule in broken else None for rule in RULES}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arcuate")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--work")
    parser.add_argument("--only", default="", help="algorithms, comma-separated")
    a = parser.parse_args()
    work = pathlib.Path(a.work or tempfile.mkdtemp(prefix="check_act_"))
    os.makedirs(work, exist_ok=True)
    make_images(work)
    check = Checker(work)
    os.environ["MRTRIX_RNG_SEED"] = "1"
    failed = []

    def track(who, algorithm, seeds, *options):
        """The streamlines of a run from so many seeds."""
        tck = work / f"{who}_{algorithm}_{seeds}{''.join(map(str, options))}.tck"
        count = a.seeds * (10 if seeds == "cortex" else 1)
        image = work / f"{seeds}.nii"
        if who == "peer":
            peer = {"--backtrack": "-backtrack", "--crop": "-crop_at_gmwmi", "--seed-unidirectional": "-seed_unidirectional"}
            sh("tckgen", work / "fod.nii", tck, "-algorithm", PEERS[algorithm], "-act", work / "5tt.nii", "-seed_gmwmi" if seeds == "interface" else "-seed_image", image, "-seeds", count, "-select", 0,
               "-downsample", "1", *[peer[o] for o in options], "-nthreads", "0", "-force", "-quiet")
        else:
            act = () if who == "free" else ("--act", work / "5tt.nii")
            sh(a.arcuate, "track", work / "fod.nii", tck, "--algorithm", algorithm, *act, "--seed-interface" if seeds == "interface" else "--seed-image", image, "--seeds", count, "--select", 0,
               "--downsample", "1", *options, *(("--seed-trials", 1) if algorithm == "sd" else ()), "--output-seeds", tck.with_suffix(".csv"), "--force", "--quiet", "--device", "cpu")
        return lines_of(tck)

    def seeds_of(algorithm, seeds, *options):
        return np.loadtxt(work / f"ours_{algorithm}_{seeds}{''.join(map(str, options))}.csv", delimiter=",", ndmin=2)

    def density(lines):
        """Vertices in blocks of 8 mm."""
        block = np.floor(check.fod.voxel(np.concatenate(lines)) / 4).astype(int)
        return np.histogramdd(block, [np.arange(-1, n // 4 + 2) for n in check.fod.size])[0].ravel()

    correlation = lambda x, y: np.corrcoef(density(x), density(y))[0, 1]
    runs = [("ifod2", seeds, options) for seeds in ("white", "deep", "interface") for options in ((), ("--backtrack",), ("--crop",), ("--backtrack", "--crop"))]
    runs += [("ifod2", "cortex", ("--backtrack", "--crop")), ("ifod2", "interface", ("--seed-unidirectional",))]
    runs += [(algorithm, seeds, ("--crop",) if algorithm == "sd" else ("--backtrack", "--crop")) for algorithm in ("ifod1", "sd", "ptt") for seeds in ("white", "interface")]
    runs = [r for r in runs if not a.only or r[0] in a.only.split(",")]
    print(f"Streamlines that break a rule (+ borderline), of {a.seeds} seeds (from the cortex ten times as many)\n")
    print("| | algorithm | seeds | options | streamlines | " + " | ".join(RULES) + " |\n|" + "---|" * (5 + len(RULES)))

    def checked(who, algorithm, seeds, options, lines, crop=False, interface=False, one_way=False):
        found = violations(check(lines, algorithm, crop, interface, one_way))
        cells = ["" if f is None else f"{f[0]} + {f[1]}" if f[1] else f"{f[0]}" for f in found.values()]
        print(f"| {who} | {algorithm} | {seeds} | {' '.join(map(str, options))} | {len(lines)} | " + " | ".join(cells) + " |", flush=True)
        return found

    beside = []
    for algorithm, seeds, options in runs:
        lines = {}
        for who in ("ours", "peer") if algorithm in PEERS else ("ours",):
            lines[who] = track(who, algorithm, seeds, *options)
            found = checked(who, algorithm, seeds, options, lines[who], "--crop" in options, seeds == "interface", "--seed-unidirectional" in options)
            failed += [f"{algorithm}, {seeds}, {' '.join(options)}: {f[0]} streamlines: {rule}" for rule, f in found.items() if who == "ours" and f and f[0]]
        if "peer" in lines:
            # The peer keeps streamlines shorter than the least length where vertices are not thinned out.
            peers, ours = [l for l, length in zip(lines["peer"], lengths_of(lines["peer"])) if length >= MIN_LENGTH], lines["ours"]
            n = a.seeds * (10 if seeds == "cortex" else 1)
            alike = len(ours) - check.peer_refuses(ours, seeds_of(algorithm, seeds, *options), algorithm).sum()
            both = (alike + len(peers)) / 2 / n
            z = (alike - len(peers)) / n / np.sqrt(max(1e-9, 2 * both * (1 - both) / n))
            halves = correlation(peers[::2], peers[1::2])
            floor, r = 2 * halves / (1 + halves), correlation(ours, peers)  # Spearman-Brown: of two whole runs
            length, peer_length = lengths_of(ours), lengths_of(peers)
            beside.append(f"| {algorithm} | {seeds} | {' '.join(options)} | {100 * len(ours) / n:.1f} | {100 * alike / n:.1f} | {100 * len(peers) / n:.1f} | {z:+.1f} | {length.mean():.2f} | {peer_length.mean():.2f} | "
                          f"{ks(length, peer_length):.3f} | {floor:.4f} | {r:.4f} |")
            label = f"{algorithm}, {seeds}, {' '.join(options)}"
            if abs(z) > 4:
                failed.append(f"{label}: {100 * alike / n:.1f}% kept, the peer {100 * len(peers) / n:.1f}%")
            if seeds == "white":
                if ks(length, peer_length) > 1.95 * np.sqrt(1 / len(ours) + 1 / len(peers)):
                    failed.append(f"{label}: lengths differ by {ks(length, peer_length):.3f}")
                if r < floor - 0.05:
                    failed.append(f"{label}: density correlates {r:.3f}, the peer's with itself {floor:.3f}")

    # What was not tracked by a rule breaks it: the checker sees.
    free = track("free", "ifod2", "white", "--cutoff", "0.05")
    controls = [checked("free", "ifod2", "white", (), free), checked("free", "ifod2", "white", ("--seed-unidirectional",), track("free", "ifod2", "white", "--seed-unidirectional"), interface=True, one_way=True),
                checked("free", "ifod2", "deep", ("--min-length 2 --max-length 3.5",), track("free", "ifod2", "deep", "--min-length", 2, "--max-length", 3.5)),
                checked("uncropped", "ifod2", "white", (), track("ours", "ifod2", "white"), crop=True),
                checked("other step", "ifod2", "white", ("--step 0.9",), track("ours", "ifod2", "white", "--step", 0.9))]
    failed += [f"the checker finds no streamline that breaks the rule: {rule}" for rule in RULES if not any(c[rule] and c[rule][0] for c in controls)]

    print("\n| algorithm | seeds | options | kept, ours % | alike | peer % | difference in standard errors | mean length, ours mm | peer mm | KS of lengths | density r, floor | ours |\n|" + "---|" * 12)
    print("\n".join(beside))
    for line in failed:
        print("FAILED  " + line)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
