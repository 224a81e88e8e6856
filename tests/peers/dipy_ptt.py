"""DIPY's parallel transport tracker (from 1.8 on) as a peer for `arcuate track --algorithm ptt`.

Everything is in voxels here, and the image's voxels are taken to be cubes. In mm DIPY 1.9 multiplies by the voxel's size where it should divide, and divides a curvature by it: on
voxels of 2 mm a probe reaches four times as far as asked for, and curves bend twice as sharply. In voxels neither shows.
What else differs from Aydogan & Shi 2021 (and from Trekker): a streamline does not end where the data no longer support it (a bound of zero accepts every curve); the bound is twice the best
of ten candidates, raised to the exponent twice over (1000 tries per step instead of its 100 change nothing); amplitudes are those of the nearest of a set of axes; and the first direction is the FOD's peak. So
comparisons are made without a cutoff, with exponent 1, and with first directions that are given.
"""
import nibabel
import numpy as np
from scipy.ndimage import map_coordinates


def missing():
    """Why there is no peer; nothing where there is one."""
    try:
        import dipy
    except ImportError:
        return "DIPY is not installed"
    try:
        from dipy.direction import PTTDirectionGetter  # noqa: F401
    except ImportError:
        return f"DIPY {dipy.__version__} has no PTT; put one of 1.8 or later on PYTHONPATH"
    return ""


class Ptt:
    """On the FOD image `fod`, inside `inside` (3-D, bool). Lengths in mm, made voxels of `self.voxel` mm."""

    def __init__(self, fod, inside=None):
        from dipy.core.geometry import cart2sphere
        from dipy.core.sphere import HemiSphere
        from dipy.data import get_sphere
        from dipy.reconst.shm import real_sh_tournier

        image = nibabel.load(str(fod))
        self.affine, self.series = image.affine, image.get_fdata()
        self.inside = np.any(self.series != 0, axis=3) if inside is None else inside
        sizes = nibabel.affines.voxel_sizes(self.affine)
        self.voxel, self.to_world = np.prod(sizes) ** (1 / 3), self.affine[:3, :3] / sizes
        self.lmax = int((np.sqrt(8 * self.series.shape[3] + 1) - 3) / 2)
        self.basis = lambda d: real_sh_tournier(self.lmax, *cart2sphere(*(d @ self.to_world.T).T)[1:], legacy=False)[0]
        self.axes = HemiSphere.from_sphere(get_sphere("repulsion724"))
        self.amplitudes = np.maximum(self.series @ self.basis(self.axes.vertices).T, 0)

    def first_directions(self, seeds, cutoff, random, trials=1000):
        """As ours: uniform, the first whose amplitude is above `cutoff`. Which seeds have one, and theirs."""
        series = np.stack([map_coordinates(c, seeds.T, order=1, mode="nearest") for c in np.moveaxis(self.series, 3, 0)], axis=1)
        found, left = np.zeros((len(seeds), 3)), np.arange(len(seeds))
        for _ in range(trials):
            d = random.normal(size=(len(left), 3))
            d /= np.linalg.norm(d, axis=1)[:, None]
            good = (series[left] * self.basis(d)).sum(axis=1) > cutoff
            found[left[good]] = d[good]
            left = left[~good]
            if not len(left):
                break
        has = np.ones(len(seeds), bool)
        has[left] = False
        return has, found

    def __call__(self, seeds, step, radius, probe, seed, seed_cutoff=0.1, longest=4000):
        """Streamlines, as they come; of one vertex where a seed has no direction. Seeds in scanner coordinates; `radius`: of curvature, the least."""
        from dipy.direction import PTTDirectionGetter
        from dipy.tracking.local_tracking import LocalTracking
        from dipy.tracking.stopping_criterion import BinaryStoppingCriterion

        getter = PTTDirectionGetter.from_pmf(self.amplitudes, sphere=self.axes, pmf_threshold=0.0, probe_length=probe / self.voxel, probe_quality=4,
                                             max_angle=np.degrees(2 * np.arcsin(step / (2 * radius))))
        places = nibabel.affines.apply_affine(np.linalg.inv(self.affine), seeds)
        has, directions = self.first_directions(places, seed_cutoff, np.random.default_rng(seed))
        for line in LocalTracking(getter, BinaryStoppingCriterion(self.inside), places[has], np.eye(4), step_size=step / self.voxel, random_seed=seed, return_all=True, maxlen=longest,
                                  initial_directions=directions[has][:, None, :]):
            yield nibabel.affines.apply_affine(self.affine, line)
