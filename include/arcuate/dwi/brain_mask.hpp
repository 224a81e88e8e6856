// Where the brain is, from the diffusion-weighted image alone.
#pragma once

#include "arcuate/core/gradient_table.hpp"
#include "arcuate/core/series.hpp"

namespace arcuate::dwi {

struct BrainMaskOptions {
    int clean_scale = 2;  ///< voxels: what hangs on by a bridge up to twice as thick (eyes, skin) is cut off; 0: nothing is
    int erode = 0;        ///< voxels taken off the finished mask, face by face
    int dilate = 0;       ///< voxels added to it
};

/// Voxels that are bright in any shell: the mean image of every shell is split by Otsu's threshold (Otsu 1979, IEEE Trans Syst Man Cybern 9:62), the
/// bright sides are united, smoothed by a 3x3x3 median, cut free of what hangs on by thin bridges, reduced to the largest connected part, and holes are
/// filled. On one core, in fixed order: the same mask everywhere.
/// Throws InputError where the image is fewer than 12 voxels wide along an axis, where no shell has a background less than half as bright as the rest, or where nothing is left.
Mask brain_mask(const Series& dwi, const GradientTable& gradients, const BrainMaskOptions& options = {});

}  // namespace arcuate::dwi
