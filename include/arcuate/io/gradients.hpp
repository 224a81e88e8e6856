// Gradient tables from FSL bval/bvec files or MRtrix .b files: the one place where image axes become scanner directions.
#pragma once

#include "arcuate/core/gradient_table.hpp"
#include "arcuate/core/image.hpp"

#include <string>

namespace arcuate::io {

/// Reads an FSL pair, rows or columns, and turns the vectors into world directions with the image's affine: x is flipped where
/// the determinant is positive, then the (orthonormalised) rotation is applied. Vectors are normalised; where any
/// |ln |g|^2| > 0.01 among the diffusion-weighted volumes, b-values are multiplied by |g|^2 (MRtrix's rule).
/// `volumes`: how many the image has. Throws InputError, naming counts, where they do not match, and where the largest b-value cannot be in
/// s/mm2: below 20 with a direction (ms/um2), above 100000 (s/m2).
GradientTable read_fsl_gradients(const std::string& bval, const std::string& bvec, const Grid& grid, std::int64_t volumes);

/// Reads MRtrix's four columns x y z b, already in the scanner's frame.
GradientTable read_mrtrix_gradients(const std::string& path, std::int64_t volumes);

/// Writes the FSL pair for an image on `grid`: the inverse of read_fsl_gradients.
void write_fsl_gradients(const std::string& bval, const std::string& bvec, const GradientTable& table, const Grid& grid, bool overwrite);

}  // namespace arcuate::io
