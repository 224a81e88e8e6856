// The header of a TrackVis .trk, version 2: 1000 bytes (trackvis.org/docs/?subsect=fileformat). Where that leaves questions, nibabel's reading is followed.
#pragma once

#include "arcuate/core/image.hpp"
#include "arcuate/core/tractogram.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace arcuate::io {

#pragma pack(push, 1)
struct TrkHeader {
    char id[6];  ///< "TRACK\0"
    std::int16_t dim[3];
    float voxel_size[3];  ///< [mm]
    float origin[3];      ///< not used, by TrackVis neither
    std::int16_t scalars;
    char scalar_name[10][20];
    std::int16_t properties;
    char property_name[10][20];
    float vox_to_ras[4][4];  ///< voxel centre -> scanner RAS+ [mm]; [3][3] is 0 where it was not recorded
    char reserved[444];
    char voxel_order[4];  ///< "RAS": the axes that coordinates are in
    char pad2[4];
    float image_orientation_patient[6];
    char pad1[2];
    std::uint8_t invert_swap[6];
    std::int32_t count;  ///< 0: not recorded
    std::int32_t version;
    std::int32_t header_size;  ///< 1000
};
#pragma pack(pop)
static_assert(sizeof(TrkHeader) == 1000);

/// "RAS" and the like: the world direction that each image axis runs along most.
std::string axis_codes(const Affine& affine);

/// The map from a .trk's coordinates (mm from the corner of the first voxel, along the axes of voxel_order) to the scanner.
/// Throws InputError where voxel_order or the matrix makes no sense.
Affine trk_to_world(const TrkHeader& header, const std::string& path);

/// vox_to_ras as an affine; the identity where it was not recorded.
Affine trk_affine(const TrkHeader& header);

/// The names of columns and how many each has: "name", or "name\0N" for N columns; columns without a name are called `rest`.
std::vector<DataField> trk_fields(const char (&names)[10][20], int columns, const std::string& rest, const std::string& path);

/// A header for streamlines of an image on `grid`.
TrkHeader make_trk_header(const Grid& grid, const std::vector<DataField>& per_vertex, const std::vector<DataField>& per_streamline, const std::string& path);

}  // namespace arcuate::io
