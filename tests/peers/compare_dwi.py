#!/usr/bin/env python3
"""Tensors, FODs and responses of Arcuate beside MRtrix3's, on two sessions of a measured brain; FODs also on a piece of another and on a phantom.

    tests/peers/compare_dwi.py DATA_DIR ARCUATE_BIN [--threads N] [--keep FOLDER]

DATA_DIR holds human_rescan (a BIDS data set with derivatives/masks), dipy_small and fibercup. Needs MRtrix3's commands, numpy and nibabel.
Prints figures as a table and ends with 1 where one is outside its bound. In one voxel of ses-01 the b = 0 signal
is 0 and the tensors differ wholly: each program takes another small number for it.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import nibabel as nib
import numpy as np

failures = []


def row(what, value, bound=None, ok=None):
    verdict = "" if ok is None else ("ok" if ok else "OUTSIDE")
    if ok is not None and not ok:  # also numpy's False
        failures.append(what)
    print(f"{what:<68} {value:<34} {bound or '':<12} {verdict}", flush=True)


def run(*command):
    start = time.perf_counter()
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\nended with {done.returncode}:\n{done.stdout}")
    return time.perf_counter() - start


def read(path, like=None):
    """Voxels as float64, on the axes of `like` (MRtrix permutes them)."""
    image = nib.load(path)
    if like is not None:
        turn = nib.orientations.ornt_transform(nib.io_orientation(image.affine), nib.io_orientation(like.affine))
        image = image.as_reoriented(turn)
        assert np.allclose(image.affine, like.affine, atol=1e-2), path
    return np.asarray(image.dataobj, dtype=np.float64)


def angle(a, b):
    """Between axes, degrees; a pair with a zero or non-finite vector is dropped."""
    size = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    good = np.isfinite(size) & (size > 0)
    return np.degrees(np.arccos(np.clip(np.abs((a * b).sum(-1)[good]) / size[good], 0, 1)))


def relative_rms(a, b):
    size = (b**2).sum(-1)
    good = size > 0
    return np.sqrt(((a - b)**2).sum(-1)[good] / size[good])


def spread_directions(n, passes=2000):
    """Axes that repel each other; another realisation than Arcuate's own set."""
    d = np.random.default_rng(1).normal(size=(n, 3))
    d /= np.linalg.norm(d, axis=1)[:, None]
    for _ in range(passes):
        c = d @ d.T
        np.fill_diagonal(c, 0)
        near, far = (2 - 2 * c)**-1.5, (2 + 2 * c)**-1.5
        np.fill_diagonal(near, 0)
        np.fill_diagonal(far, 0)
        step = (near.sum(1) + far.sum(1))[:, None] * d - near @ d + far @ d
        step *= np.minimum(1 / (n * np.sqrt(n)), 0.1 / np.maximum(np.linalg.norm(step, axis=1), 1e-9))[:, None]
        d = d + step
        d /= np.linalg.norm(d, axis=1)[:, None]
    return d


class Session:
    def __init__(self, data, name, work):
        folder = data / "human_rescan" / "sub-01" / name / "dwi"
        self.name, self.work = name, work
        self.dwi = folder / f"sub-01_{name}_dwi.nii.gz"
        self.bval, self.bvec = folder / f"sub-01_{name}_dwi.bval", folder / f"sub-01_{name}_dwi.bvec"
        self.mask = data / "human_rescan" / "derivatives" / "masks" / "sub-01" / name / "dwi" / f"sub-01_{name}_desc-brain_mask.nii.gz"
        self.image = nib.load(self.dwi)
        self.inside = read(self.mask) > 0

    def file(self, name):
        return self.work / f"{self.name}_{name}"

    def mine(self, name):
        return read(self.file(name))

    def theirs(self, name):
        return read(self.file(name), self.image)


def compare_tensor(s, arcuate, threads):
    mine = run(arcuate, "tensor", s.dwi, s.file("our"), "--mask", s.mask, "--threads", threads, "--device", "cpu", "--quiet")
    grad = ["-fslgrad", s.bvec, s.bval, "-mask", s.mask, "-nthreads", threads, "-quiet"]
    theirs = run("dwi2tensor", s.dwi, s.file("dt.nii"), "-b0", s.file("b0.nii"), *grad)
    theirs += run("tensor2metric", s.file("dt.nii"), "-fa", s.file("fa.nii"), "-adc", s.file("md.nii"), "-ad", s.file("ad.nii"), "-rd", s.file("rd.nii"),
                  "-vector", s.file("v1.nii"), "-modulate", "none", "-quiet")
    row(f"{s.name} tensor: wall time, Arcuate / MRtrix3 [s]", f"{mine:.2f} / {theirs:.2f}")
    a, b = s.mine("our_fa.nii.gz")[s.inside], s.theirs("fa.nii")[s.inside]
    r, median = np.corrcoef(a, b)[0, 1], np.median(np.abs(a - b))
    row(f"{s.name} FA: correlation", f"{r:.10f}", "> 0.9999", r > 0.9999)
    row(f"{s.name} FA: |difference|, median; largest", f"{median:.2g}; {np.abs(a - b).max():.2g}", "< 1e-4", median < 1e-4)
    for metric in ("md", "ad", "rd"):
        a, b = s.mine(f"our_{metric}.nii.gz")[s.inside], s.theirs(f"{metric}.nii")[s.inside]
        d = np.abs(a - b)
        row(f"{s.name} {metric.upper()}: |difference|, median; 99.9%; largest [mm2/s]", f"{np.median(d):.2g}; {np.percentile(d, 99.9):.2g}; {d.max():.2g}")
    d = angle(s.mine("our_v1.nii.gz")[s.inside], s.theirs("v1.nii")[s.inside])
    row(f"{s.name} main direction: angle, median; 99% [degrees]", f"{np.median(d):.2g}; {np.percentile(d, 99):.2g}", "< 0.01", np.median(d) < 0.01)


def compare_sessions(first, second):
    """Main directions of both sessions, world frame, at the same place (the nearest voxel of the second)."""
    index = np.argwhere(first.inside)
    world = nib.affines.apply_affine(first.image.affine, index)
    there = np.rint(nib.affines.apply_affine(np.linalg.inv(second.image.affine), world)).astype(int)
    ok = np.all((there >= 0) & (there < second.inside.shape), axis=1)
    index, there = index[ok], there[ok]
    ok = second.inside[tuple(there.T)] & (first.theirs("fa.nii")[tuple(index.T)] > 0.2)
    index, there = tuple(index[ok].T), tuple(there[ok].T)
    mine = np.median(angle(first.mine("our_v1.nii.gz")[index], second.mine("our_v1.nii.gz")[there]))
    theirs = np.median(angle(first.theirs("v1.nii")[index], second.theirs("v1.nii")[there]))
    row("ses-01 to ses-02, world frame, FA > 0.2: median angle, ours / theirs", f"{mine:.3f} / {theirs:.3f}", "within 0.5", abs(mine - theirs) < 0.5)


def compare_response(s, arcuate, threads):
    mine = run(arcuate, "response", s.dwi, s.file("our_response.txt"), "--mask", s.mask, "--voxels-out", s.file("our_voxels.nii.gz"), "--threads", threads,
               "--device", "cpu", "--quiet")
    theirs = run("dwi2response", "tournier", s.dwi, s.file("response.txt"), "-mask", s.mask, "-fslgrad", s.bvec, s.bval, "-voxels", s.file("voxels.nii"),
                 "-scratch", s.work, "-nthreads", threads, "-quiet")
    a, b = np.loadtxt(s.file("our_response.txt")), np.loadtxt(s.file("response.txt"))
    row(f"{s.name} response: wall time, Arcuate / MRtrix3 [s]", f"{mine:.2f} / {theirs:.2f}")
    row(f"{s.name} response, ours", " ".join(f"{c:.1f}" for c in a))
    row(f"{s.name} response, theirs", " ".join(f"{c:.1f}" for c in b))
    z = np.linspace(0, 1, 91)
    legendre = [np.polynomial.Legendre.basis(2 * i)(z) * np.sqrt((4 * i + 1) / (4 * np.pi)) for i in range(len(a))]
    difference = np.abs((a - b) @ legendre).max() / np.abs(b @ legendre).max()
    row(f"{s.name} response: largest difference of its amplitude / its largest", f"{difference:.2%}", "< 3%", difference < 0.03)
    va, vb = s.mine("our_voxels.nii.gz") > 0, s.theirs("voxels.nii") > 0
    row(f"{s.name} response: single-fibre voxels, shared / theirs", f"{(va & vb).sum()} / {vb.sum()}")


def compare_fod(s, arcuate, threads):
    response = s.file("response.txt")
    grad = ["-fslgrad", s.bvec, s.bval, "-mask", s.mask, "-nthreads", threads, "-quiet"]

    def ours(out, *more):
        return run(arcuate, "fod", s.dwi, s.file(out), "--response", response, "--mask", s.mask, "--threads", threads, "--device", "cpu", "--quiet", *more)

    for count in (300, 1000):
        d = spread_directions(count, 2000 if count == 300 else 200)
        angles = np.c_[np.arctan2(d[:, 1], d[:, 0]), np.arccos(np.clip(d[:, 2], -1, 1))]
        np.savetxt(s.file(f"{count}.txt"), angles, fmt="%.17g")
        mine = ours(f"our_fod_{count}.nii.gz", "--directions", s.file(f"{count}.txt"))
        theirs = run("dwi2fod", "csd", s.dwi, response, s.file(f"fod_{count}.nii"), "-directions", s.file(f"{count}.txt"), *grad)
        e = relative_rms(s.mine(f"our_fod_{count}.nii.gz")[s.inside], s.theirs(f"fod_{count}.nii")[s.inside])
        row(f"{s.name} FOD, same {count} directions: wall time, Arcuate / MRtrix3 [s]", f"{mine:.2f} / {theirs:.2f}")
        row(f"{s.name} FOD, same {count} directions: voxels with relative RMS < 1e-3", f"{(e < 1e-3).mean():.4%} of {e.size}", ">= 99%", (e < 1e-3).mean() >= 0.99)
        row(f"{s.name} FOD, same {count} directions: relative RMS, median; 99%; largest", f"{np.median(e):.2g}; {np.percentile(e, 99):.2g}; {e.max():.2g}")
    # Each with its own 300 directions: how much the choice of directions alone matters, with MRtrix against itself for scale.
    ours("our_fod.nii.gz")
    run("dwi2fod", "csd", s.dwi, response, s.file("fod.nii"), *grad)
    builtin = s.theirs("fod.nii")[s.inside]
    e = relative_rms(s.mine("our_fod.nii.gz")[s.inside], builtin)
    row(f"{s.name} FOD, each its own 300: relative RMS, median; 99%", f"{np.median(e):.2g}; {np.percentile(e, 99):.2g}")
    e = relative_rms(s.theirs("fod_300.nii")[s.inside], builtin)
    row(f"{s.name} FOD, MRtrix3 with two sets of 300: relative RMS, median; 99%", f"{np.median(e):.2g}; {np.percentile(e, 99):.2g}")


def other_data(data, f):
    """{name: (image, [bvec, bval], mask)} of the pieces of brains and of FiberCup's three shells, some of which are put together in folder f."""
    out = {}
    small = data / "dipy_small"
    for name, dwi in (("small_64D", small / "small_64D.nii"), ("small_25", small / "small_25.nii.gz"), ("small_101D", small / "small_101D.nii.gz")):
        image = nib.load(dwi)
        nib.save(nib.Nifti1Image((image.get_fdata().min(-1) > 0).astype(np.uint8), image.affine), f / f"{name}_mask.nii")
        grad = [small / f"{name}.bvec", f / f"{name}.bval"]
        values = np.load(small / "small_64D.bvals.npy") if name == "small_64D" else np.loadtxt(small / f"{name}.bval")
        np.savetxt(grad[1], values.reshape(1, -1), fmt="%g")
        if name == "small_64D":
            grad[0] = f / "small_64D.bvec"
            np.savetxt(grad[0], np.nan_to_num(np.load(small / "small_64D.gradients.npy")).T, fmt="%.9g")
        out[name] = dwi, grad, f / f"{name}_mask.nii"
    cup = data / "fibercup"
    shells = 650, 1500, 2000
    parts = [nib.load(cup / f"acq-1_b-{b}.nii.gz") for b in shells]
    mask = nib.Nifti1Image((parts[0].get_fdata().min(-1) > 0).astype(np.uint8), parts[0].affine)
    nib.save(mask, f / "cup_mask.nii")
    values = [np.loadtxt(cup / f"derived_b{b}.bval").ravel() for b in shells]
    vectors = np.loadtxt(cup / "derived_fsl.bvec")
    for name, which in (("fibercup", (0, 1, 2)), ("fibercup_b2000", (2,))):
        nib.save(nib.Nifti1Image(np.concatenate([parts[i].get_fdata(dtype=np.float32) for i in which], -1), parts[0].affine), f / f"{name}.nii")
        np.savetxt(f / f"{name}.bval", np.concatenate([values[i] for i in which]).reshape(1, -1), fmt="%g")
        np.savetxt(f / f"{name}.bvec", np.tile(vectors, len(which)), fmt="%.9g")
        out[name] = f / f"{name}.nii", [f / f"{name}.bvec", f / f"{name}.bval"], f / "cup_mask.nii"
    return out


def compare_small_fod(name, dwi, grad, mask, arcuate, threads, f):
    """FODs of one shell, the same response and the same constraint directions."""
    inside, ours, theirs, response = read(mask) > 0, f / f"{name}_our_fod.nii.gz", f / f"{name}_fod.nii", f / f"{name}_response.txt"
    arc = ["--bval", grad[1], "--bvec", grad[0], "--mask", mask, "--threads", threads, "--device", "cpu", "--quiet"]
    run(arcuate, "response", dwi, response, "--algorithm", "fa", "--number", 20, "--erode", 0, *arc)
    run(arcuate, "fod", dwi, ours, "--response", response, "--directions", f / "300.txt", "--no-gradient-check", *arc)
    run("dwi2fod", "csd", dwi, response, theirs, "-directions", f / "300.txt", "-fslgrad", *grad, "-mask", mask, "-nthreads", threads, "-quiet")
    e = relative_rms(read(ours)[inside], read(theirs, nib.load(dwi))[inside])
    row(f"{name} FOD, same 300 directions: relative RMS, median; 99%; largest", f"{np.median(e):.2g}; {np.percentile(e, 99):.2g}; {e.max():.2g}", "99% < 1e-3", np.percentile(e, 99) < 1e-3)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path, metavar="DATA_DIR")
    parser.add_argument("arcuate", type=pathlib.Path, metavar="ARCUATE_BIN")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--keep", type=pathlib.Path, help="leave the images in this folder")
    options = parser.parse_args()
    if not shutil.which("dwi2fod"):
        sys.exit("MRtrix3's commands are not on PATH; install it (Debian: mrtrix3)")
    with tempfile.TemporaryDirectory() as temporary:
        work = options.keep or pathlib.Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        sessions = [Session(options.data, name, work) for name in ("ses-01", "ses-02")]
        for s in sessions:
            compare_tensor(s, options.arcuate.resolve(), options.threads)
        compare_sessions(*sessions)
        compare_response(sessions[0], options.arcuate.resolve(), options.threads)
        compare_fod(sessions[0], options.arcuate.resolve(), options.threads)
        shutil.copy(sessions[0].file("300.txt"), work / "300.txt")
        others = other_data(options.data, work)
        for name in ("small_64D", "fibercup_b2000"):
            compare_small_fod(name, *others[name], options.arcuate.resolve(), options.threads, work)
    print("all within bounds" if not failures else f"{len(failures)} outside their bounds: " + "; ".join(failures))
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
