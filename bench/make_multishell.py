#!/usr/bin/env python3
"""A multi-shell whole-brain image for benchmarks, made from a single-shell one: the FODs and diffusivities of a measured brain (folder human_rescan),
signals of three tissues at b = 0, 700, 1200 and 2800 (6, 16, 30 and 50 volumes), Rician noise. Needs MRtrix3, numpy and nibabel.

    python3 bench/make_multishell.py DATA/human_rescan OUT

writes OUT/dwi.nii.gz, .bval, .bvec, mask.nii.gz and the true responses wm.txt, gm.txt, csf.txt. White matter is the measured FOD scaled to
the voxel's share, a stick-like tensor (1.7, 0.2, 0.2 um2/ms) being its response; grey matter and fluid are isotropic (0.8 and 3.0 um2/ms).
"""
import pathlib
import subprocess
import sys

import nibabel
import numpy

SHELLS = [(0, 6), (700, 16), (1200, 30), (2800, 50)]
S0 = {"wm": 800.0, "gm": 1000.0, "csf": 2500.0}
SNR = 26  # of grey matter at b = 0


def zonal_response(b, lmax=8):
    """Zonal coefficients of S0 exp(-b g'Dg), fibre along z, by Gauss-Legendre quadrature."""
    x, w = numpy.polynomial.legendre.leggauss(64)
    signal = S0["wm"] * numpy.exp(-b * (0.2e-3 + 1.5e-3 * x * x))
    out = []
    for l in range(0, lmax + 1, 2):
        legendre = numpy.polynomial.legendre.Legendre.basis(l)(x)
        out.append(2 * numpy.pi * numpy.sqrt((2 * l + 1) / (4 * numpy.pi)) * numpy.sum(w * signal * legendre))
    return out


def main(data, out):
    out.mkdir(parents=True, exist_ok=True)
    stem = str(data / "sub-01/ses-01/dwi/sub-01_ses-01_dwi")
    mask = str(data / "derivatives/masks/sub-01/ses-01/dwi/sub-01_ses-01_desc-brain_mask.nii.gz")
    grad = ["-fslgrad", stem + ".bvec", stem + ".bval", "-quiet", "-force"]
    run = lambda *command: subprocess.run([str(c) for c in command], check=True)
    run("dwi2response", "tournier", stem + ".nii.gz", out / "single.txt", "-mask", mask, "-scratch", out, *grad)
    run("dwi2fod", "csd", stem + ".nii.gz", out / "single.txt", out / "fod.nii", "-mask", mask, *grad)
    run("dwi2tensor", stem + ".nii.gz", out / "tensor.nii", "-mask", mask, *grad)
    run("tensor2metric", out / "tensor.nii", "-adc", out / "md.nii", "-quiet", "-force")
    run("mrconvert", mask, out / "mask.nii", "-quiet", "-force", "-strides", out / "fod.nii")

    fod_image = nibabel.load(out / "fod.nii")
    inside = numpy.asarray(nibabel.load(out / "mask.nii").dataobj) > 0
    fod = numpy.asarray(fod_image.dataobj)[inside]
    md = numpy.asarray(nibabel.load(out / "md.nii").dataobj)[inside]
    affine = fod_image.affine

    share_wm = numpy.clip(fod[:, 0] * numpy.sqrt(4 * numpy.pi) / numpy.percentile(fod[:, 0] * numpy.sqrt(4 * numpy.pi), 95), 0, 1)
    share_csf = numpy.clip((md - 0.9e-3) / 1.6e-3, 0, 1) * (1 - share_wm)
    share_gm = 1 - share_wm - share_csf
    fod = fod * (share_wm / numpy.maximum(fod[:, 0] * numpy.sqrt(4 * numpy.pi), 1e-6))[:, None]

    rng = numpy.random.default_rng(1)
    directions = []
    for b, n in SHELLS:
        run("dirgen", n, out / "directions.txt", "-cartesian", "-quiet", "-force")
        directions.append(numpy.loadtxt(out / "directions.txt") * (b > 0))
    directions = numpy.concatenate(directions)
    b_values = numpy.concatenate([numpy.full(n, b) for b, n in SHELLS])
    for name, rows in (("wm", [zonal_response(b) for b, _ in SHELLS]),
                       ("gm", [[S0["gm"] * numpy.exp(-b * 0.8e-3) * numpy.sqrt(4 * numpy.pi)] for b, _ in SHELLS]),
                       ("csf", [[S0["csf"] * numpy.exp(-b * 3.0e-3) * numpy.sqrt(4 * numpy.pi)] for b, _ in SHELLS])):
        (out / f"{name}.txt").write_text("# Shells: " + ",".join(str(b) for b, _ in SHELLS) + "\n" +
                                         "".join(" ".join(repr(float(v)) for v in row) + "\n" for row in rows))

    numpy.savetxt(out / "directions.txt", numpy.column_stack([numpy.arctan2(directions[:, 1], directions[:, 0]),
                                                              numpy.arccos(numpy.clip(directions[:, 2], -1, 1))]))
    image = numpy.zeros(inside.shape + (len(b_values),), numpy.float32)
    first = 0
    for b, n in SHELLS:
        # Convolution: each order of the FOD times r_l / Y_l0(z).
        factor = numpy.concatenate([numpy.full(2 * l + 1, r / numpy.sqrt((2 * l + 1) / (4 * numpy.pi))) for l, r in
                                    zip(range(0, 9, 2), zonal_response(b))])
        coefficients = numpy.zeros(inside.shape + (45,), numpy.float32)
        coefficients[inside] = fod * factor
        nibabel.save(nibabel.Nifti1Image(coefficients, affine), out / "signal_sh.nii")
        numpy.savetxt(out / "shell_directions.txt", numpy.loadtxt(out / "directions.txt")[first:first + n] if b else numpy.tile([0.0, 0.0], (n, 1)))
        run("sh2amp", out / "signal_sh.nii", out / "shell_directions.txt", out / "signal.nii", "-quiet", "-force")
        signal = numpy.asarray(nibabel.load(out / "signal.nii").dataobj)[inside]
        signal = signal + (S0["gm"] * numpy.exp(-b * 0.8e-3) * share_gm + S0["csf"] * numpy.exp(-b * 3e-3) * share_csf)[:, None]
        sigma = S0["gm"] / SNR
        noisy = numpy.hypot(signal + rng.normal(scale=sigma, size=signal.shape), rng.normal(scale=sigma, size=signal.shape))
        image[inside, first:first + n] = noisy
        first += n
    nibabel.save(nibabel.Nifti1Image(numpy.round(image).astype(numpy.int16), affine), out / "dwi.nii.gz")
    nibabel.save(nibabel.Nifti1Image(inside.astype(numpy.uint8), affine), out / "mask.nii.gz")
    # FSL's convention: relative to the image axes, x turned round where the determinant is positive.
    rotation = affine[:3, :3] / numpy.linalg.norm(affine[:3, :3], axis=0)
    bvec = directions @ rotation
    if numpy.linalg.det(affine[:3, :3]) > 0:
        bvec[:, 0] = -bvec[:, 0]
    numpy.savetxt(out / "dwi.bvec", bvec.T, fmt="%.8f")
    numpy.savetxt(out / "dwi.bval", b_values[None, :], fmt="%d")
    for name in ("single.txt", "fod.nii", "tensor.nii", "md.nii", "mask.nii", "signal_sh.nii", "signal.nii", "directions.txt", "shell_directions.txt"):
        (out / name).unlink()
    print(f"{out}/dwi.nii.gz: {int(inside.sum())} voxels, {len(b_values)} volumes")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
