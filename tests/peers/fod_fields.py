"""FOD images made of directions known in closed form, for the comparisons on phantoms. World millimetres throughout; spherical harmonics in MRtrix's basis."""
import math

import nibabel
import numpy as np
from numpy.polynomial import legendre
from scipy.special import lpmv

LMAX = 8


def sh_basis(directions):
    """(n, 45): the real orthonormal basis, Condon-Shortley phase included, at unit directions (n, 3)."""
    x, y, z = np.asarray(directions, float).T
    azimuth, columns = np.arctan2(y, x), []
    for l in range(0, LMAX + 1, 2):
        for m in range(-l, l + 1):
            k = abs(m)
            scale = math.sqrt((2 * l + 1) / (4 * math.pi) * math.factorial(l - k) / math.factorial(l + k)) * (math.sqrt(2) if m else 1)
            columns.append(scale * lpmv(k, l, np.clip(z, -1, 1)) * (np.cos(k * azimuth) if m >= 0 else np.sin(k * azimuth)))
    return np.stack(columns, axis=1)


def lobes(directions):
    """(n, 45): one fibre population each: the square of a delta function of lmax 4. So it is lmax 8 exactly, nowhere negative, 1 at its peak, half of it 17 degrees off,
    and its side lobes stay below 0.03."""
    root = np.array([1, 0, 5, 0, 9]) / 15
    zonal = legendre.legmul(root, root)
    return sh_basis(directions) * np.concatenate([[4 * math.pi / (2 * l + 1) * zonal[l]] * (2 * l + 1) for l in range(0, LMAX + 1, 2)])


# Axes of voxels, as columns, in the world: along it, flipped and permuted, oblique.
AXES = {
    "RAS": np.eye(3),
    "permuted": np.array([[0, 0, -1], [-1, 0, 0], [0, 1, 0]], float),
    "oblique": np.linalg.qr(np.array([[0.9, -0.35, 0.2], [0.3, 0.9, 0.3], [-0.3, -0.2, 0.9]]))[0],
}


class Grid:
    """Voxels over the box from `low` to `high` [mm], their axes turned."""

    def __init__(self, low, high, voxel, axes):
        corners = np.array(np.meshgrid(*zip(low, high))).reshape(3, -1).T @ axes
        first = corners.min(axis=0)
        self.shape = tuple(np.ceil((corners.max(axis=0) - first) / voxel).astype(int) + 1)
        self.affine, self.voxel = np.eye(4), voxel
        self.affine[:3, :3], self.affine[:3, 3] = voxel * axes, axes @ first

    def world(self, offset=(0, 0, 0)):
        """(voxels, 3): world position of each voxel's centre, or of a point `offset` voxels from it."""
        return (np.indices(self.shape).reshape(3, -1).T + offset) @ self.affine[:3, :3].T + self.affine[:3, 3]

    def fractions(self, inside, sub=4):
        """Share of each voxel for which `inside`, of world points, gives true (or a number): the mean over sub^3 points."""
        steps = (np.arange(sub) + 0.5) / sub - 0.5
        return sum(np.asarray(inside(self.world((a, b, c))), float) for a in steps for b in steps for c in steps) / sub**3

    def save(self, values, path):
        values = np.asarray(values, np.float32)
        nibabel.save(nibabel.Nifti1Image(values.reshape(self.shape + values.shape[1:]), self.affine), str(path))
