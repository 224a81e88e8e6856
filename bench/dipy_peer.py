#!/usr/bin/env python3
"""What bench/peers.py has DIPY do, as a command: reads files, fits or tracks with DIPY's own functions and their defaults, writes files.

    dipy_peer.py tensor DWI OUT --bval F --bvec F --mask M
    dipy_peer.py fod DWI OUT.nii.gz --bval F --bvec F --mask M --response R
    dipy_peer.py prob|det FOD OUT.tck --mask M --select N
"""
import argparse
import sys

import nibabel
import numpy as np


def gradients(args):
    from dipy.core.gradients import gradient_table
    from dipy.io.gradients import read_bvals_bvecs

    return gradient_table(*read_bvals_bvecs(args.bval, args.bvec), b0_threshold=50)


def mask_of(args):
    return np.asanyarray(nibabel.load(args.mask).dataobj) > 0


def save(values, like, path):
    nibabel.save(nibabel.Nifti1Image(np.asarray(values, np.float32), like.affine), path)


def tensor(args):
    from dipy.reconst.dti import TensorModel, fractional_anisotropy, mean_diffusivity

    image = nibabel.load(args.image)
    fit = TensorModel(gradients(args), fit_method="WLS").fit(image.get_fdata(dtype=np.float32), mask=mask_of(args))
    values = fit.evals
    for name, map_ in [("tensor", fit.lower_triangular()), ("fa", fractional_anisotropy(values)), ("md", mean_diffusivity(values)),
                       ("ad", values[..., 0]), ("rd", values[..., 1:].mean(axis=-1)), ("v1", fit.evecs[..., 0])]:
        save(np.nan_to_num(map_), image, f"{args.out}_{name}.nii.gz")


def fod(args):
    from dipy.core.geometry import cart2sphere
    from dipy.reconst.csdeconv import AxSymShResponse, ConstrainedSphericalDeconvModel
    from dipy.reconst.shm import real_sh_descoteaux

    image, table = nibabel.load(args.image), gradients(args)
    data, mask = image.get_fdata(dtype=np.float32), mask_of(args)
    zonal = np.loadtxt(args.response, comments="#", ndmin=2)[-1]
    response = AxSymShResponse(data[mask][:, table.b0s_mask].mean(), zonal)
    save(ConstrainedSphericalDeconvModel(table, response, sh_order=8).fit(data, mask=mask).shm_coeff, image, args.out)


def track(args):
    """With the steps and angles that Arcuate's algorithms of the same kind have: prob 0.2 voxels and 30 degrees, det (SD) 0.1 and 60."""
    from dipy.data import get_sphere
    from dipy.direction import DeterministicMaximumDirectionGetter, ProbabilisticDirectionGetter
    from dipy.tracking.local_tracking import LocalTracking
    from dipy.tracking.stopping_criterion import ThresholdStoppingCriterion
    from dipy.tracking.utils import random_seeds_from_mask

    step_voxels, angle = (0.2, 30) if args.task == "prob" else (0.1, 60)
    image = nibabel.load(args.image)
    series, mask = image.get_fdata(dtype=np.float64), mask_of(args)
    series[~mask] = 0
    kind = ProbabilisticDirectionGetter if args.task == "prob" else DeterministicMaximumDirectionGetter
    # A voxel without an FOD has a distribution of zeros, which ends a streamline as its mask does.
    getter = kind.from_shcoeff(series, max_angle=angle, sphere=get_sphere("repulsion724"), basis_type="tournier07", pmf_threshold=0.1)
    voxel = np.prod(nibabel.affines.voxel_sizes(image.affine)) ** (1 / 3)
    step, streamlines, batch = step_voxels * voxel, [], 0
    while len(streamlines) < args.select:
        seeds = random_seeds_from_mask(mask, image.affine, seeds_count=args.select, seed_count_per_voxel=False, random_seed=batch + 1)
        batch += 1
        for line in LocalTracking(getter, ThresholdStoppingCriterion(mask.astype(float), 0.5), seeds, image.affine, step, max_cross=1, maxlen=round(100 / step_voxels),
                                  random_seed=batch, return_all=True):
            if 5 * voxel <= (len(line) - 1) * step <= 100 * voxel:
                streamlines.append(np.asarray(line, np.float32))
                if len(streamlines) == args.select:
                    break
    nibabel.streamlines.save(nibabel.streamlines.Tractogram(streamlines, affine_to_rasmm=np.eye(4)), args.out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("tensor", "fod", "prob", "det", "version"))
    parser.add_argument("image", nargs="?")
    parser.add_argument("out", nargs="?")
    for option in ("bval", "bvec", "mask", "response"):
        parser.add_argument(f"--{option}")
    parser.add_argument("--select", type=int)
    args = parser.parse_args()
    if args.task == "version":
        import dipy

        print("DIPY", dipy.__version__)
    else:
        {"tensor": tensor, "fod": fod, "prob": track, "det": track}[args.task](args)


if __name__ == "__main__":
    sys.exit(main())
