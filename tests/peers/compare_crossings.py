#!/usr/bin/env python3
"""Crossing fibres of known angle: how well Arcuate's FODs resolve them, beside MRtrix3's on the same images.

    python3 tests/peers/compare_crossings.py ARCUATE [--voxels 1000]

Two equal bundles (axial tensors 1.7, 0.3, 0.3 um2/ms) cross at 45, 60 and 90 degrees, every voxel turned another way; 64 directions at b = 3000,
Rician noise at SNR 20 and 40 of the b = 0 signal. Both programs are given the same true response and each its own 300 constraint directions. Peaks are
found in both FODs by sh2peaks; one counts where it has at least 0.2 of the highest. A fibre is missed where no peak lies within 20 degrees of it;
a peak is spurious where it is not the nearest one to a fibre within 20 degrees. Exit code 1 where Arcuate is worse than MRtrix3 by more
than the chance of so many voxels explains. Needs MRtrix3, numpy, nibabel.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import nibabel
import numpy

AXIAL, RADIAL, B = 1.7e-3, 0.3e-3, 3000


def signal(gradients, b, fibres):
    """(voxels, volumes) of equal shares of the fibres (voxels, n, 3)."""
    cosine = numpy.einsum("vnk,gk->vng", fibres, gradients)
    return numpy.exp(-b * (RADIAL + (AXIAL - RADIAL) * cosine ** 2)).mean(axis=1)


def response(lmax=8):
    x, w = numpy.polynomial.legendre.leggauss(64)
    s = 1000 * numpy.exp(-B * (RADIAL + (AXIAL - RADIAL) * x * x))
    return [2 * numpy.pi * numpy.sqrt((2 * l + 1) / (4 * numpy.pi)) * numpy.sum(w * s * numpy.polynomial.legendre.Legendre.basis(l)(x))
            for l in range(0, lmax + 1, 2)]


def judge(peaks, fibres):
    """Mean angular error [degrees] of found fibres, missed fibres and spurious peaks per voxel, with the standard error of each."""
    errors, missed, spurious = [], [], []
    for voxel_peaks, voxel_fibres in zip(peaks, fibres):
        size = numpy.linalg.norm(voxel_peaks, axis=1)
        size[~numpy.isfinite(size)] = 0
        kept = voxel_peaks[size >= 0.2 * max(size.max(), 1e-9)]
        kept = kept / numpy.linalg.norm(kept, axis=1, keepdims=True)
        angle = numpy.degrees(numpy.arccos(numpy.clip(numpy.abs(kept @ voxel_fibres.T), 0, 1)))  # (peaks, fibres)
        used = set()
        found = 0
        for f in range(len(voxel_fibres)):
            order = [p for p in numpy.argsort(angle[:, f]) if p not in used and angle[p, f] < 20]
            if order:
                used.add(order[0])
                errors.append(angle[order[0], f])
                found += 1
        missed.append(len(voxel_fibres) - found)
        spurious.append(len(kept) - len(used))
    return [(numpy.mean(v) if len(v) else numpy.nan, numpy.std(v) / max(1, len(v)) ** 0.5) for v in (errors, missed, spurious)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arcuate")
    parser.add_argument("--voxels", type=int, default=1000)
    args = parser.parse_args()
    rng = numpy.random.default_rng(5)
    worse = []
    print("| SNR | crossing | program | angular error [degrees] | missed per voxel | spurious per voxel |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="arcuate-crossings-") as temporary:
        folder = pathlib.Path(temporary)
        run = lambda *command: subprocess.run([str(c) for c in command], check=True)
        run("dirgen", 64, folder / "directions.txt", "-cartesian", "-quiet")
        gradients = numpy.loadtxt(folder / "directions.txt")
        (folder / "response.txt").write_text(" ".join(repr(float(c)) for c in response()) + "\n")
        table = numpy.vstack([[[0, 0, 0, 0]], numpy.column_stack([gradients, numpy.full(64, B)])])
        numpy.savetxt(folder / "grad.b", table)
        for snr in (20, 40):
            for degrees in (45, 60, 90):
                turn = numpy.linalg.qr(rng.normal(size=(args.voxels, 3, 3)))[0]
                half = numpy.radians(degrees / 2)
                fibres = numpy.stack([turn @ [numpy.cos(half), numpy.sin(half), 0], turn @ [numpy.cos(half), -numpy.sin(half), 0]], axis=1)
                clean = 1000 * numpy.concatenate([numpy.ones((args.voxels, 1)), signal(gradients, B, fibres)], axis=1)
                sigma = 1000 / snr
                noisy = numpy.hypot(clean + rng.normal(scale=sigma, size=clean.shape), rng.normal(scale=sigma, size=clean.shape))
                nibabel.save(nibabel.Nifti1Image(noisy.reshape(args.voxels, 1, 1, -1).astype(numpy.float32), numpy.eye(4)), folder / "dwi.nii")
                run("dwi2fod", "csd", folder / "dwi.nii", folder / "response.txt", folder / "peer.nii", "-grad", folder / "grad.b", "-quiet", "-force")
                run(args.arcuate, "fod", folder / "dwi.nii", folder / "our.nii", "--grad", folder / "grad.b", "--response", folder / "response.txt", "--mask", "all",
                    "--quiet", "--force")
                results = {}
                for who in ("peer", "our"):
                    run("sh2peaks", folder / f"{who}.nii", folder / "peaks.nii", "-num", 5, "-quiet", "-force")
                    peaks = numpy.asarray(nibabel.load(folder / "peaks.nii").dataobj).reshape(args.voxels, 5, 3)
                    results[who] = judge(peaks, fibres)
                    name = {"peer": "MRtrix3", "our": "Arcuate"}[who]
                    print(f"| {snr} | {degrees} | {name} | " + " | ".join(f"{m:.3f} ± {e:.3f}" for m, e in results[who]) + " |", flush=True)
                for what, (ours, our_error), (theirs, their_error) in zip(("angular error", "missed", "spurious"), results["our"], results["peer"]):
                    if ours > theirs + 3 * (our_error ** 2 + their_error ** 2) ** 0.5 + 1e-9:
                        worse.append(f"{what} at SNR {snr}, {degrees} degrees")
    print("worse than the peer: " + "; ".join(worse) if worse else "no worse than the peer anywhere (3 standard errors)")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
