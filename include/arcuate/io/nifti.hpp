// NIfTI-1 and NIfTI-2 images, plain or gzipped, through nifticlib.
#pragma once

#include "arcuate/core/image.hpp"
#include "arcuate/core/parcellation.hpp"
#include "arcuate/core/provenance.hpp"
#include "arcuate/core/series.hpp"

#include <string>

namespace arcuate::io {

/// Reads 3-D to 5-D images of any integer or floating-point type (complex and RGB are refused); scl_slope and scl_inter are applied,
/// dimensions beyond the third
/// are flattened into volumes. The grid comes from the sform where its code is above 0, else from the qform, else from the voxel sizes.
/// NaN and infinity are kept. Throws InputError for what is missing, truncated, not an image, or larger than its file can hold.
ScalarImage read_image(const std::string& path);

/// The same values, 8- and 16-bit integers kept as they are.
Series read_series(const std::string& path);

/// A 3-D image (or 4-D with one volume); nonzero is inside. NaN is an error.
Mask read_mask(const std::string& path);

/// A 3-D image of whole numbers; anything else is an error.
LabelImage read_labels(const std::string& path);

/// A label image, or where there are several volumes a soft parcellation, of which no more than the values that are not zero is kept.
Parcellation read_parcellation(const std::string& path);

/// Writes float32 (masks uint8, labels int32) NIfTI-1, or NIfTI-2 where a dimension exceeds 32767; gzipped where the path ends in .gz.
/// sform and qform both hold the grid (code 1, scanner); where the axes are sheared, which a quaternion cannot say, the sform alone. The
/// same image gives the same bytes. Whole or absent.
void write_image(const std::string& path, const ScalarImage& image, bool overwrite);
void write_mask(const std::string& path, const Mask& mask, bool overwrite);
void write_labels(const std::string& path, const LabelImage& labels, bool overwrite);

}  // namespace arcuate::io
