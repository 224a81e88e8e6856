#!/usr/bin/env python3
"""Response functions of Arcuate beside those of MRtrix3's dwi2response: tournier, fa and dhollander, on measured data.

    tests/peers/compare_response.py DATA_DIR ARCUATE_BIN [--block FOLDER] [--threads N] [--keep FOLDER]

DATA_DIR holds human_rescan (one shell) and fibercup (three). FOLDER holds dwi.mif and mask.mif, a piece of a brain with b=0 and two or more shells,
such as dwi2fod/msmt of MRtrix3's test data. Needs MRtrix3's commands, numpy and nibabel.
Prints the difference of every coefficient relative to its shell's l = 0, and ends with 1 where one is outside its bound. Each program then reads the
other's files.
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


def row(what, value, bound="", ok=None):
    if ok is False:
        failures.append(what)
    print(f"{what:<58} {value:<60} {bound:<10} {'' if ok is None else 'ok' if ok else 'OUTSIDE'}", flush=True)


def run(*command, allow_failure=False):
    start = time.perf_counter()
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode and not allow_failure:
        sys.exit(f"{' '.join(map(str, command))}\nended with {done.returncode}:\n{done.stdout}")
    return done.stdout if allow_failure else time.perf_counter() - start


def shells_of(path):
    return next(line for line in path.read_text().splitlines() if line.startswith("# Shells:")).split(":")[1].strip()


def compare_files(what, mine, theirs, bounds):
    """bounds: largest |difference| / |l = 0 of that row| for l = 0 and for l > 0."""
    a, b = np.loadtxt(mine, ndmin=2), np.loadtxt(theirs, ndmin=2)
    if a.shape != b.shape:
        row(what, f"shapes {a.shape} and {b.shape}", "equal", False)
        return
    pairs = zip(shells_of(mine).split(","), shells_of(theirs).split(","))  # MRtrix3 cuts the mean b-value, we round it
    row(f"{what}: shells", f"{shells_of(mine)} / {shells_of(theirs)}", "within 1", all(abs(int(x) - int(y)) <= 1 for x, y in pairs))
    for shell, x, y in zip(shells_of(theirs).split(","), a, b):
        d = np.abs(x - y) / abs(y[0])
        ok = d[0] <= bounds[0] and (d[1:] <= bounds[1]).all()
        row(f"{what}: b = {shell}, l = 0, 2, ...", " ".join(f"{v:.1e}" for v in d), f"{bounds[0]:g} {bounds[1]:g}", bool(ok))


def compare_voxels(what, mine, theirs):
    """theirs: volumes in the order of ours."""
    a, image = nib.load(mine).get_fdata() > 0, nib.load(theirs)
    b = image.get_fdata() > 0
    if b.ndim == 4:
        b = b[..., ::-1]
    shared = [(a & b).sum()] if a.ndim == 3 else [(a[..., t] & b[..., t]).sum() for t in range(a.shape[3])]
    total = [b.sum()] if b.ndim == 3 else [b[..., t].sum() for t in range(b.shape[3])]
    row(f"{what}: voxels, shared / theirs", ", ".join(f"{s} / {t}" for s, t in zip(shared, total)))


class Images:
    """One acquisition for both programs: the same axes, so that masks of voxels can be laid over each other."""

    def __init__(self, name, work, dwi, mask):
        self.name, self.work = name, work
        self.mif, self.mask_mif = self.file("dwi.mif"), self.file("mask.mif")
        run("mrconvert", dwi, self.mif, "-strides", "1,2,3,4", "-quiet", "-force")
        run("mrconvert", mask, self.mask_mif, "-strides", "1,2,3", "-datatype", "bit", "-quiet", "-force")
        self.dwi, self.mask = self.file("dwi.nii.gz"), self.file("mask.nii.gz")
        run("mrconvert", self.mif, self.dwi, "-export_grad_fsl", self.file("dwi.bvec"), self.file("dwi.bval"), "-quiet", "-force")
        run("mrconvert", self.mask_mif, self.mask, "-datatype", "uint8", "-quiet", "-force")

    def file(self, name):
        return self.work / f"{self.name}_{name}"


def tournier(s, arcuate, threads, bounds):
    run(arcuate, "response", s.dwi, s.file("our_tournier.txt"), "--mask", s.mask, "--voxels", s.file("our_tournier.nii.gz"), "--threads",
        threads, "--quiet", "--force")
    run("dwi2response", "tournier", s.mif, s.file("tournier.txt"), "-mask", s.mask_mif, "-voxels", s.file("tournier.nii.gz"), "-scratch", s.work, "-nthreads",
        threads, "-quiet", "-force")
    compare_voxels(f"{s.name} tournier", s.file("our_tournier.nii.gz"), s.file("tournier.nii.gz"))
    compare_files(f"{s.name} tournier", s.file("our_tournier.txt"), s.file("tournier.txt"), bounds)


def fa(s, arcuate, threads, erode, shells, bounds):
    """MRtrix3's fa erodes only a mask that it makes itself, and knows the largest shell alone: amp2response does the others from its voxels."""
    run(arcuate, "response", s.dwi, s.file("our_fa.txt"), "--algorithm", "fa", "--mask", s.mask, "--erode", erode, "--voxels",
        s.file("our_fa.nii.gz"), "--threads", threads, "--quiet", "--force", *(["--shells", "all"] if shells else []))
    mask = s.file("eroded.mif") if erode else s.mask_mif
    if erode:
        run("maskfilter", s.mask_mif, "erode", mask, "-npass", erode, "-quiet", "-force")
    run("dwi2response", "fa", s.mif, s.file("fa.txt"), "-mask", mask, "-voxels", s.file("fa.nii.gz"), "-scratch", s.work, "-nthreads", threads,
        "-quiet", "-force")
    if shells:
        run("dwi2tensor", s.mif, s.file("dt.mif"), "-mask", mask, "-quiet", "-force")
        run("tensor2metric", s.file("dt.mif"), "-vector", s.file("v1.mif"), "-quiet", "-force")
        run("amp2response", s.mif, s.file("fa.nii.gz"), s.file("v1.mif"), s.file("fa.txt"), "-shells", shells, "-quiet", "-force")
    compare_voxels(f"{s.name} fa", s.file("our_fa.nii.gz"), s.file("fa.nii.gz"))
    if shells:
        compare_files(f"{s.name} fa", s.file("our_fa.txt"), s.file("fa.txt"), bounds)
    else:  # it writes no comment about shells that amp2response was not asked about
        a, b = np.loadtxt(s.file("our_fa.txt")), np.loadtxt(s.file("fa.txt"))
        d = np.abs(a - b) / b[0]
        row(f"{s.name} fa: l = 0, 2, ...", " ".join(f"{v:.1e}" for v in d), f"{max(bounds):g}", bool(d.max() <= max(bounds)))


def dhollander(s, arcuate, threads, erode, bounds):
    mine = run(arcuate, "response", s.dwi, s.file("our"), "--algorithm", "dhollander", "--mask", s.mask, "--erode", erode, "--voxels",
               s.file("our_voxels.nii.gz"), "--threads", threads, "--quiet", "--force")
    tissues = ("wm", "gm", "csf")
    theirs = run("dwi2response", "dhollander", s.mif, *(s.file(f"{t}.txt") for t in tissues), "-mask", s.mask_mif, "-erode", erode, "-voxels",
                 s.file("voxels.nii.gz"), "-scratch", s.work, "-nthreads", threads, "-quiet", "-force")
    row(f"{s.name} dhollander: wall time, Arcuate / MRtrix3 [s]", f"{mine:.2f} / {theirs:.2f}")
    compare_voxels(f"{s.name} dhollander", s.file("our_voxels.nii.gz"), s.file("voxels.nii.gz"))
    for t in tissues:
        compare_files(f"{s.name} dhollander {t}", s.file(f"our_{t}.txt"), s.file(f"{t}.txt"), bounds)

    # Each reads the other's files: MRtrix3's FODs from both, and ours from both.
    for reader in ("Arcuate", "MRtrix3"):
        fods = []
        for source in ("our_", ""):
            out = s.file(f"fod_{reader}_{source or 'their_'}")
            if reader == "Arcuate":
                run(arcuate, "fod", s.dwi, out, "--mask", s.mask, "--response", *(f"{t}={s.file(f'{source}{t}.txt')}" for t in tissues), "--threads", threads,
                    "--quiet", "--force")
                fods.append(nib.load(f"{out}_wm.nii.gz").get_fdata())
            else:
                pairs = [f for t in tissues for f in (s.file(f"{source}{t}.txt"), pathlib.Path(f"{out}_{t}.nii.gz"))]
                run("dwi2fod", "msmt_csd", s.mif, *pairs, "-mask", s.mask_mif, "-nthreads", threads, "-quiet", "-force")
                fods.append(nib.load(f"{out}_wm.nii.gz").get_fdata())
        d = np.sqrt(np.nanmean((fods[0] - fods[1])**2) / np.nanmean(fods[1]**2))
        row(f"{s.name} dhollander: {reader} reads both, FODs' relative RMS", f"{d:.2g}", f"{10 * max(bounds):g}", bool(d <= 10 * max(bounds)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path, metavar="DATA_DIR")
    parser.add_argument("arcuate", type=pathlib.Path, metavar="ARCUATE_BIN")
    parser.add_argument("--block", type=pathlib.Path, help="folder with dwi.mif and mask.mif of a brain, several shells")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--keep", type=pathlib.Path, help="leave the files in this folder")
    options = parser.parse_args()
    if not shutil.which("dwi2response"):
        sys.exit("MRtrix3's commands are not on PATH; install it (Debian: mrtrix3)")
    arcuate = options.arcuate.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        work = (options.keep or pathlib.Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)

        if options.block:
            s = Images("block", work, options.block / "dwi.mif", options.block / "mask.mif")
            for erode in (0, 1):
                dhollander(s, arcuate, options.threads, erode, (1e-5, 1e-4))

        cup = options.data / "fibercup"
        parts = []
        for b in (650, 1500, 2000):
            parts.append(work / f"cup_{b}.mif")
            run("mrconvert", cup / f"acq-1_b-{b}.nii.gz", parts[-1], "-fslgrad", cup / "derived_fsl.bvec", cup / f"derived_b{b}.bval", "-quiet", "-force")
        run("mrcat", *parts, work / "cup.mif", "-axis", 3, "-quiet", "-force")
        run("mrmath", work / "cup.mif", "mean", work / "cup_mean.mif", "-axis", 3, "-quiet", "-force")
        run("mrthreshold", work / "cup_mean.mif", work / "cup_mask.mif", "-quiet", "-force")
        s = Images("fibercup", work, work / "cup.mif", work / "cup_mask.mif")
        fa(s, arcuate, options.threads, 0, "0,650,1500,2000", (1e-5, 1e-4))
        dhollander(s, arcuate, options.threads, 0, (1e-5, 1e-4))

        human = options.data / "human_rescan"
        stem = human / "sub-01/ses-01/dwi/sub-01_ses-01_dwi"
        run("mrconvert", f"{stem}.nii.gz", work / "human.mif", "-fslgrad", f"{stem}.bvec", f"{stem}.bval", "-quiet", "-force")
        s = Images("human", work, work / "human.mif", human / "derivatives/masks/sub-01/ses-01/dwi/sub-01_ses-01_desc-brain_mask.nii.gz")
        fa(s, arcuate, options.threads, 3, None, (1e-5, 1e-4))
        # Its fibre directions are the mean of an FOD's lobe, ours the lobe's peak, and each has its own 300 directions where FODs are constrained.
        tournier(s, arcuate, options.threads, (0.003, 0.005))
    print("all within bounds" if not failures else f"{len(failures)} outside their bounds: " + "; ".join(failures))
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
