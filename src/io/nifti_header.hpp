// What a NIfTI header says, checked: the parts that reading needs. Parsing is nifticlib's; no header that it would misread reaches it.
#pragma once

#include "arcuate/core/image.hpp"

#include <cstdint>
#include <string>

namespace arcuate::io {

struct NiftiHeader {
    Grid grid;
    std::int64_t volumes = 1;      ///< product of the dimensions beyond the third
    int datatype = 0;              ///< NIfTI's DT_ code, one of the integer and real ones
    int bytes_per_value = 0;
    bool swapped = false;          ///< the file has the other byte order
    bool scaled = false;           ///< value = slope * stored + intercept
    double slope = 1, intercept = 0;
    std::string data_path;         ///< where the voxels are: the file itself, or the .img of a pair
    std::int64_t data_offset = 0;  ///< first byte of the voxels

    std::int64_t values() const { return grid.voxels() * volumes; }
};

/// Throws InputError where the header is missing, no NIfTI, contradictory, or promises more voxels than the file can hold.
NiftiHeader read_nifti_header(const std::string& path);

}  // namespace arcuate::io
