#!/usr/bin/env python3
"""Rigid registration held against known motions of real data, and beside MRtrix3's mrregister.

    python3 tests/peers/registration_accuracy.py ARCUATE DATA [--draws 20] [--peer] [--connectome] [--capture] [--keep FOLDER]

DATA holds human_rescan (see ARCUATE_TEST_DATA). Session 2 is turned by up to 15 degrees around its centre and shifted by up to 10 mm, at random: its image is
resampled there by scipy (cubic splines, 0 beyond the field of view), on its own grid, so that interpolation and what leaves the field of view are part of the error.
It is then registered
  self   to session 2 as it was: the truth is the motion;
  rescan to session 1: the truth is the motion after what registration of the two unmoved sessions finds.
Errors are those of turn and of place at the brain's centre, beside the standard errors that the program states. Then what should be refused: other contrast, other
brain. `--connectome`: the series of session 2 moved by a known motion in its header, FODs made of it there, and brought back by the motion that registration finds of
a resampled image; connectomes of 20 000 streamlines before and after, beside those of another seed. `--capture`: from how far away session 2, moved in its header, is found. Exit code 1 where a median is above 0.2 degrees or 0.3 mm, where something is not refused, or where the connectomes differ by more than chance.
Needs numpy, scipy, nibabel; --peer: MRtrix3.
"""
import argparse
import csv
import pathlib
import subprocess
import sys
import tempfile

import nibabel
import numpy
from scipy import ndimage
from scipy.spatial.transform import Rotation


def run(*command):
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def random_motion(random, centre):
    axis, direction = random.normal(size=(2, 3))
    turn = Rotation.from_rotvec(axis / numpy.linalg.norm(axis) * numpy.radians(15) * random.uniform()).as_matrix()
    motion = numpy.eye(4)
    motion[:3, :3] = turn
    motion[:3, 3] = centre - turn @ centre + direction / numpy.linalg.norm(direction) * 10 * random.uniform()
    return motion


def resample(image, motion, path, order):
    """The image's contents moved in the world, on the image's own grid."""
    data = numpy.asarray(image.dataobj, dtype=float)
    voxel = numpy.linalg.inv(image.affine) @ numpy.linalg.inv(motion) @ image.affine
    moved = ndimage.affine_transform(data, voxel[:3, :3], voxel[:3, 3], order=order, mode="constant", cval=0)
    nibabel.save(nibabel.Nifti1Image(moved.astype(numpy.float32 if order else numpy.uint8), image.affine), path)


def errors(estimate, truth, centre):
    off = numpy.linalg.inv(truth) @ estimate
    return numpy.degrees(Rotation.from_matrix(off[:3, :3]).magnitude()), numpy.linalg.norm(off[:3, :3] @ centre + off[:3, 3] - centre)


def register(arcuate, folder, images, masks):
    """The motion from the first image's place to the second's, and the rows of the table."""
    run(arcuate, "register", *images, folder / "r", "--mask", *masks, "--device", "cpu", "--threads", 2, "--force", "--quiet")
    first, second = (numpy.loadtxt(folder / f"r_{n}.txt") for n in (1, 2))  # common -> image
    with open(folder / "r.tsv") as file:
        return second @ numpy.linalg.inv(first), list(csv.DictReader(file, delimiter="\t"))


def peer(folder, images, masks):
    run("mrregister", images[1], images[0], "-type", "rigid", "-rigid", folder / "peer.txt", "-mask1", masks[1], "-mask2", masks[0], "-nthreads", 2, "-force", "-quiet")
    return numpy.loadtxt(folder / "peer.txt")  # points of the second argument -> points of the first


def show(name, rows, stated=None):
    degrees, mm = numpy.array(rows).T
    print(f"{name:28s} turn: median {numpy.median(degrees):.3f}, largest {degrees.max():.3f} degrees; place: median {numpy.median(mm):.3f}, largest {mm.max():.3f} mm"
          + ("" if stated is None else f"; stated (1 sigma): {numpy.median(stated, axis=0)[0]:.3f} degrees, {numpy.median(stated, axis=0)[1]:.3f} mm"), flush=True)
    return numpy.median(degrees) <= 0.2 and numpy.median(mm) <= 0.3


def maps(arcuate, data, folder):
    """s0, b0, fa and mask of both sessions."""
    out = {}
    for session in ("ses-01", "ses-02"):
        dwi = data / f"human_rescan/sub-01/{session}/dwi/sub-01_{session}_dwi"
        mask = data / f"human_rescan/derivatives/masks/sub-01/{session}/dwi/sub-01_{session}_desc-brain_mask.nii.gz"
        run(arcuate, "tensor", f"{dwi}.nii.gz", folder / session, "--bval", f"{dwi}.bval", "--bvec", f"{dwi}.bvec", "--mask", mask, "--threads", 2, "--force", "--quiet")
        series = nibabel.load(f"{dwi}.nii.gz")
        nibabel.save(nibabel.Nifti1Image(numpy.asarray(series.dataobj[..., 0], dtype=numpy.float32), series.affine), folder / f"{session}_b0.nii.gz")
        out[session] = {"dwi": dwi, "mask": mask, **{c: folder / f"{session}_{c}.nii.gz" for c in ("b0", "fa", "s0")}}
    return out


def accuracy(arcuate, sessions, folder, contrast, draws, with_peer):
    one, two = sessions["ses-01"], sessions["ses-02"]
    image, mask = nibabel.load(two[contrast]), nibabel.load(two["mask"])
    centre = image.affine[:3, :3] @ numpy.mean(numpy.argwhere(numpy.asarray(mask.dataobj) > 0), axis=0) + image.affine[:3, 3]
    unmoved, table = register(arcuate, folder, [one[contrast], two[contrast]], [one["mask"], two["mask"]])
    print(f"{contrast}: session 2 lies {errors(unmoved, numpy.eye(4), centre)[0]:.2f} degrees and {errors(unmoved, numpy.eye(4), centre)[1]:.2f} mm off session 1;"
          f" correlation {float(table[0]['fit']):.3f}, left over {float(table[0]['residual_mm']):.2f} mm", flush=True)
    unmoved_peer = peer(folder, [one[contrast], two[contrast]], [one["mask"], two["mask"]]) if with_peer else None
    random = numpy.random.default_rng(20)
    found = {name: [] for name in ("self", "rescan", "self stated", "rescan stated", "self mrregister", "rescan mrregister")}
    for draw in range(draws):
        motion = random_motion(random, centre)
        moved, moved_mask = folder / "moved.nii.gz", folder / "moved_mask.nii.gz"
        resample(image, motion, moved, 3)
        resample(mask, motion, moved_mask, 0)
        for name, other, start, peer_start in (("self", two, numpy.eye(4), numpy.eye(4)), ("rescan", one, unmoved, unmoved_peer)):
            estimate, table = register(arcuate, folder, [other[contrast], moved], [other["mask"], moved_mask])
            found[name].append(errors(estimate, motion @ start, centre))
            # Both places are uncertain, by halves of one motion.
            found[name + " stated"].append([2 * float(table[0]["rotation_error_deg"]), 2 * float(table[0]["shift_error_mm"])])
            if with_peer:
                found[name + " mrregister"].append(errors(peer(folder, [other[contrast], moved], [other["mask"], moved_mask]), motion @ peer_start, centre))
    fine = True
    for name in ("self", "rescan"):
        fine = show(f"{contrast} {name}", found[name], found[name + " stated"]) and fine
        if with_peer:
            show(f"{contrast} {name}, mrregister", found[name + " mrregister"])
    return fine


def refusals(arcuate, data, sessions, folder):
    """Whatever is not the same brain in the same contrast."""
    one, two = sessions["ses-01"], sessions["ses-02"]
    mirrored = nibabel.load(two["s0"])
    nibabel.save(nibabel.Nifti1Image(numpy.asarray(mirrored.dataobj)[..., ::-1], mirrored.affine), folder / "mirrored.nii.gz")
    cases = {"another contrast": (one["s0"], two["fa"]), "another person's FA": (one["fa"], data / "tractseg/FA.nii.gz"),
             "upside down": (one["s0"], folder / "mirrored.nii.gz")}
    fine = True
    for name, images in cases.items():
        if not pathlib.Path(images[1]).exists():
            found = [p for p in (data / "tractseg").rglob("*") if p.name.lower().startswith("fa")]
            images = (images[0], found[0])
        done = subprocess.run([str(c) for c in (arcuate, "register", *images, folder / "refused", "--force", "--threads", 2)], capture_output=True, text=True)
        print(f"{name}: {done.stderr.strip().splitlines()[-1]}", flush=True)
        fine = fine and done.returncode == 1 and not (folder / "refused.tsv").exists()
    return fine


def capture(arcuate, sessions, folder):
    one, two = sessions["ses-01"], sessions["ses-02"]
    image, mask = nibabel.load(two["s0"]), nibabel.load(two["mask"])
    centre = image.affine[:3, :3] @ numpy.mean(numpy.argwhere(numpy.asarray(mask.dataobj) > 0), axis=0) + image.affine[:3, 3]
    unmoved, _ = register(arcuate, folder, [one["s0"], two["s0"]], [one["mask"], two["mask"]])
    random = numpy.random.default_rng(1)
    wrong = 0
    for shift, degrees in [(s, d) for s in (20, 80) for d in (20, 30, 40, 50, 60, 90)]:
        found = {"found": 0, "refused": 0, "wrong": 0}
        for _ in range(6):
            axis, direction = random.normal(size=(2, 3))
            motion = numpy.eye(4)
            motion[:3, :3] = Rotation.from_rotvec(axis / numpy.linalg.norm(axis) * numpy.radians(degrees)).as_matrix()
            motion[:3, 3] = centre - motion[:3, :3] @ centre + direction / numpy.linalg.norm(direction) * shift
            for source, name in ((image, "moved"), (mask, "moved_mask")):
                nibabel.save(nibabel.Nifti1Image(numpy.asarray(source.dataobj), motion @ source.affine), folder / f"{name}.nii.gz")
            try:
                estimate, _ = register(arcuate, folder, [one["s0"], folder / "moved.nii.gz"], [one["mask"], folder / "moved_mask.nii.gz"])
                turn, place = errors(estimate, motion @ unmoved, centre)
                found["found" if turn < 0.2 and place < 0.3 else "wrong"] += 1
            except subprocess.CalledProcessError:
                found["refused"] += 1
        print(f"{shift} mm and {degrees} degrees away: " + ", ".join(f"{n} {what}" for what, n in found.items()), flush=True)
        wrong += found["wrong"]
    return wrong == 0


def connectome(arcuate, data, sessions, folder):
    two = sessions["ses-02"]
    parcels = next((data / "human_rescan/derivatives/parcels").rglob("*dseg.nii.gz"))
    dwi = ["--bval", f"{two['dwi']}.bval", "--bvec", f"{two['dwi']}.bvec", "--threads", 2, "--force", "--quiet"]
    run(arcuate, "response", f"{two['dwi']}.nii.gz", folder / "response.txt", "--mask", two["mask"], *dwi)
    fod = lambda image, mask, out: run(arcuate, "fod", image, out, "--mask", mask, "--response", folder / "response.txt", *dwi)
    fod(f"{two['dwi']}.nii.gz", two["mask"], folder / "fod.nii.gz")
    image = nibabel.load(two["s0"])
    motion = random_motion(numpy.random.default_rng(7), image.affine[:3, 3])
    numpy.savetxt(folder / "motion.txt", motion)
    transform = lambda kind, source, out, *how: run(arcuate, "transform", source, out, "--kind", kind, "--threads", 2, "--force", "--quiet", *how)
    moving = ("--transform", folder / "motion.txt", "--format", "motion")
    transform("scalar", f"{two['dwi']}.nii.gz", folder / "dwi_moved.nii.gz", *moving)
    transform("labels", two["mask"], folder / "mask_moved.nii.gz", *moving)
    resample(image, motion, folder / "s0_moved.nii.gz", 3)
    resample(nibabel.load(two["mask"]), motion, folder / "s0_mask.nii.gz", 0)
    fod(folder / "dwi_moved.nii.gz", folder / "mask_moved.nii.gz", folder / "fod_of_moved.nii.gz")
    transform("fod", folder / "fod.nii.gz", folder / "fod_moved.nii.gz", *moving)
    a, b = (numpy.asarray(nibabel.load(folder / f"{n}.nii.gz").dataobj) for n in ("fod_of_moved", "fod_moved"))
    print(f"FODs of the moved series (its .bvec as it was) and the moved FODs differ by {numpy.linalg.norm(a - b) / numpy.linalg.norm(b):.1e} of themselves (constraint directions stay)")
    estimate, _ = register(arcuate, folder, [two["s0"], folder / "s0_moved.nii.gz"], [two["mask"], folder / "s0_mask.nii.gz"])
    print("motion found back to {:.4f} degrees, {:.4f} mm".format(*errors(estimate, motion, image.affine[:3, 3])))
    numpy.savetxt(folder / "estimate.txt", estimate)
    back = ("--transform", folder / "estimate.txt", "--format", "motion", "--inverse")
    transform("fod", folder / "fod_of_moved.nii.gz", folder / "fod_back.nii.gz", *back)
    transform("labels", folder / "mask_moved.nii.gz", folder / "mask_back.nii.gz", *back)
    edges = {}
    for name, field, mask, seed in (("before", "fod", two["mask"], 1), ("after", "fod_back", folder / "mask_back.nii.gz", 1), ("before, seed 2", "fod", two["mask"], 2),
                                    ("after, seed 2", "fod_back", folder / "mask_back.nii.gz", 2)):
        run(arcuate, "track", folder / f"{field}.nii.gz", folder / "t.tck", "--seed-image", mask, "--mask", mask, "--select", 20000, "--seed", seed, "--threads", 2, "--force", "--quiet")
        run(arcuate, "connectome", folder / "t.tck", parcels, folder / "c.csv", "--mrtrix", "--threads", 2, "--force", "--quiet")
        edges[name] = numpy.loadtxt(folder / "c.csv", delimiter=",")[numpy.triu_indices(84)]
    def compare(x, y):
        total = edges[x] + edges[y]
        ratio = numpy.sum((edges[x] - edges[y])[total > 0] ** 2 / total[total > 0]) / numpy.sum(total > 0)
        print(f"{x} against {y}: {ratio:.3f} of the variance of counting, r = {numpy.corrcoef(edges[x], edges[y])[0, 1]:.4f}", flush=True)
        return ratio
    chance = [compare("before", "before, seed 2"), compare("after", "after, seed 2")]
    moved = [compare("before", "after"), compare("before", "after, seed 2"), compare("after", "before, seed 2")]
    return max(moved) < max(chance) * 1.1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arcuate", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--contrast", nargs="+", default=["s0", "b0", "fa"])
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--connectome", action="store_true")
    parser.add_argument("--capture", action="store_true")
    parser.add_argument("--keep", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or pathlib.Path(temporary)
        folder.mkdir(exist_ok=True)
        sessions = maps(options.arcuate, options.data, folder)
        fine = [accuracy(options.arcuate, sessions, folder, contrast, options.draws, options.peer) for contrast in options.contrast]
        fine.append(refusals(options.arcuate, options.data, sessions, folder))
        if options.capture:
            fine.append(capture(options.arcuate, sessions, folder))
        if options.connectome:
            fine.append(connectome(options.arcuate, options.data, sessions, folder))
    sys.exit(0 if all(fine) else 1)


if __name__ == "__main__":
    main()
