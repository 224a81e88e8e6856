#!/usr/bin/env python3
"""Multi-tissue FODs of Arcuate beside MRtrix3's, on an image made by bench/make_multishell.py.

    tests/peers/compare_msmt.py MULTISHELL_DIR ARCUATE_BIN [--every 30]

Both programs get the same responses and the same constraint directions; every 30th voxel of the mask is looked at, because the peer fits a few hundred a
second. Prints the relative difference of all coefficients of a voxel together (norm of the difference over the norm), and ends with 1 where it is
outside its bound. MRtrix3 adds 1e-10 to the diagonal of its multipliers' system, so a few voxels whose constraints are nearly dependent differ by somewhat
more than single precision. Needs MRtrix3, numpy and nibabel.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import nibabel
import numpy

TISSUES = ("wm", "gm", "csf")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("arcuate")
    parser.add_argument("--every", type=int, default=30)
    args = parser.parse_args()
    run = lambda *command: subprocess.run([str(c) for c in command], check=True)
    with tempfile.TemporaryDirectory(prefix="arcuate-msmt-") as temporary:
        folder = pathlib.Path(temporary)
        image = nibabel.load(args.data / "mask.nii.gz")
        inside = numpy.asarray(image.dataobj) > 0
        thinned = numpy.zeros(inside.size, numpy.uint8)
        thinned[numpy.flatnonzero(inside)[::args.every]] = 1
        nibabel.save(nibabel.Nifti1Image(thinned.reshape(inside.shape), image.affine), folder / "mask.nii")
        run("dirgen", 300, folder / "directions.txt", "-quiet")
        dwi, mask = args.data / "dwi.nii.gz", folder / "mask.nii"
        run("dwi2fod", "msmt_csd", dwi, *[x for t in TISSUES for x in (args.data / f"{t}.txt", folder / f"peer_{t}.nii")], "-mask", mask, "-fslgrad",
            args.data / "dwi.bvec", args.data / "dwi.bval", "-directions", folder / "directions.txt", "-quiet")
        run(args.arcuate, "fod", dwi, folder / "our", "--mask", mask, "--directions", folder / "directions.txt", "--no-gradient-check", "--quiet", "--response",
            *[f"{t}={args.data / f'{t}.txt'}" for t in TISSUES])

        def read(path):
            canonical = nibabel.as_closest_canonical(nibabel.load(path))
            data = numpy.asarray(canonical.dataobj, dtype=float)
            return data.reshape(data.shape[:3] + (-1,))

        ours = numpy.concatenate([read(folder / f"our_{t}.nii.gz") for t in TISSUES], axis=-1)
        theirs = numpy.concatenate([read(folder / f"peer_{t}.nii") for t in TISSUES], axis=-1)
    size = numpy.linalg.norm(theirs, axis=-1)
    relative = numpy.linalg.norm(ours - theirs, axis=-1)[size > 0] / size[size > 0]
    median, high, worst = numpy.median(relative), numpy.percentile(relative, 99), relative.max()
    print(f"{relative.size} voxels: median {median:.1e} (bound 1e-6), 99th percentile {high:.1e} (bound 1e-5), maximum {worst:.1e} (bound 1e-4)")
    return 0 if median < 1e-6 and high < 1e-5 and worst < 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main())
