#!/usr/bin/env python3
"""Images in another place: Arcuate's `transform` beside MRtrix3's mrtransform and transformconvert.

    python3 tests/peers/compare_transforms.py ARCUATE FOD

FOD is an image of spherical harmonics. For a random rigid motion, written as MRtrix's matrix, ITK's text and FLIRT's matrix: the header that mrtransform writes
without a template, FODs after `mrtransform -reorient_fod yes`, and their amplitudes along turned directions (sh2amp on both), which for an exact rotation are those
before. Exit code 1 where places differ by more than
0.001 mm or our rotation by more than 1e-5 of the amplitudes. Needs MRtrix3, numpy, scipy, nibabel.
"""
import pathlib
import subprocess
import sys
import tempfile

import nibabel
import numpy
from scipy.spatial.transform import Rotation


def run(*command):
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL)


def main():
    arcuate, fod = sys.argv[1], pathlib.Path(sys.argv[2])
    random = numpy.random.default_rng(4)
    fine = True
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        matrix = numpy.eye(4)  # points of the target -> points of the image
        matrix[:3, :3] = Rotation.from_rotvec(random.normal(size=3) * 0.3).as_matrix()
        matrix[:3, 3] = random.normal(size=3) * 10
        numpy.savetxt(folder / "mrtrix.txt", matrix)
        flip = numpy.diag([-1, -1, 1, 1])
        lps = flip @ matrix @ flip
        (folder / "itk.tfm").write_text("#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\nParameters: "
                                        + " ".join(str(v) for v in [*lps[:3, :3].ravel(), *lps[:3, 3]]) + "\nFixedParameters: 0 0 0\n")
        run("mrtransform", fod, "-linear", folder / "mrtrix.txt", "-reorient_fod", "yes", folder / "theirs.nii", "-quiet")
        theirs = nibabel.load(folder / "theirs.nii")
        for name in ("mrtrix.txt", "itk.tfm"):
            run(arcuate, "transform", fod, folder / "ours.nii", "--transform", folder / name, "--kind", "fod", "--force", "--quiet", "--device", "cpu")
            ours = nibabel.load(folder / "ours.nii")
            off = numpy.abs(ours.affine - theirs.affine).max()
            print(f"{name}: headers differ by {off:.1e}")
            fine = fine and off < 1e-3

        directions = random.normal(size=(60, 3))
        directions /= numpy.linalg.norm(directions, axis=1, keepdims=True)
        motion = numpy.linalg.inv(matrix)[:3, :3]
        numpy.savetxt(folder / "before.txt", directions)
        numpy.savetxt(folder / "after.txt", directions @ motion.T)
        amplitudes = {}
        for name, image, table in (("before", fod, "before.txt"), ("ours", folder / "ours.nii", "after.txt"), ("theirs", folder / "theirs.nii", "after.txt")):
            run("sh2amp", image, folder / table, folder / "a.nii", "-force", "-quiet")
            amplitudes[name] = numpy.asarray(nibabel.load(folder / "a.nii").dataobj, dtype=float)
        for name in ("ours", "theirs"):
            off = numpy.linalg.norm(amplitudes[name] - amplitudes["before"]) / numpy.linalg.norm(amplitudes["before"])
            print(f"{name}: amplitudes along turned directions differ from those before by {off:.1e} of themselves")
            fine = fine and (name != "ours" or off < 1e-5)

        # FLIRT's matrix for a fixed and a moving image: what transformconvert makes of it moves points as ours does.
        numpy.savetxt(folder / "flirt.mat", numpy.linalg.inv(matrix))
        run("transformconvert", folder / "flirt.mat", fod, folder / "theirs.nii", "flirt_import", folder / "flirt.txt", "-quiet")
        for out, how in (("a.nii", ("--transform", folder / "flirt.txt")),
                         ("b.nii", ("--transform", folder / "flirt.mat", "--flirt-image", fod, "--flirt-reference", folder / "theirs.nii"))):
            run(arcuate, "transform", fod, folder / out, *how, "--kind", "fod", "--force", "--quiet", "--device", "cpu")
        off = numpy.abs(nibabel.load(folder / "a.nii").affine - nibabel.load(folder / "b.nii").affine).max()
        print(f"flirt.mat: headers differ by {off:.1e} from those by transformconvert's matrix")
        fine = fine and off < 1e-3
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
