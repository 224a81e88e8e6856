#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"

#include "file_stream.hpp"
#include "gzip.hpp"
#include "text.hpp"

#include <fmt/format.h>
#include <nifti2_io.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

static_assert(std::endian::native == std::endian::little, "files are written little-endian");

namespace arcuate::io {

namespace {

/// True where the image axes are at right angles, so that a quaternion and voxel sizes can say the same as the matrix.
bool has_quaternion(const Affine& affine) {
    const Vec3d size = voxel_sizes(affine);
    for (int a = 0; a < 3; ++a)
        for (int b = 0; b < a; ++b) {
            double dot = 0;
            for (int r = 0; r < 3; ++r) dot += affine.linear[r][a] * affine.linear[r][b];
            if (!(std::fabs(dot) <= 1e-5 * size[a] * size[b])) return false;
        }
    return true;
}

/// A header as nifticlib fills it; NIfTI-1 unless a dimension needs more than 16 bits. Followed by the 4 bytes "no extension".
std::vector<unsigned char> header_bytes(const Grid& grid, std::int64_t volumes, int datatype) {
    nifti_image image;
    std::memset(&image, 0, sizeof image);
    image.ndim = image.dim[0] = volumes > 1 ? 4 : 3;
    const std::int64_t dims[8] = {image.ndim, grid.size[0], grid.size[1], grid.size[2], volumes, 1, 1, 1};
    const Vec3d size = voxel_sizes(grid.voxel_to_world);
    const double steps[8] = {1, size[0], size[1], size[2], 1, 1, 1, 1};
    for (int i = 0; i < 8; ++i) image.dim[i] = dims[i], image.pixdim[i] = steps[i];
    image.nx = dims[1], image.ny = dims[2], image.nz = dims[3], image.nt = dims[4], image.nu = image.nv = image.nw = 1;
    image.dx = size[0], image.dy = size[1], image.dz = size[2], image.dt = image.du = image.dv = image.dw = 1;
    image.nvox = grid.voxels() * volumes;
    image.datatype = datatype;
    nifti_datatype_sizes(datatype, &image.nbyper, &image.swapsize);
    image.xyz_units = NIFTI_UNITS_MM;
    image.time_units = NIFTI_UNITS_SEC;
    std::memcpy(image.descrip, ("Arcuate " + version()).c_str(), std::min<std::size_t>(version().size() + 9, 79));

    const Affine& affine = grid.voxel_to_world;
    nifti_dmat44 matrix{};
    for (int r = 0; r < 3; ++r) {
        for (int c = 0; c < 3; ++c) matrix.m[r][c] = affine.linear[r][c];
        matrix.m[r][3] = affine.offset[r];
    }
    matrix.m[3][3] = 1;
    image.sto_xyz = matrix;
    image.sform_code = NIFTI_XFORM_SCANNER_ANAT;
    image.qfac = 1;
    if (has_quaternion(affine)) {
        image.qform_code = NIFTI_XFORM_SCANNER_ANAT;
        nifti_dmat44_to_quatern(matrix, &image.quatern_b, &image.quatern_c, &image.quatern_d, &image.qoffset_x, &image.qoffset_y,
                                &image.qoffset_z, nullptr, nullptr, nullptr, &image.qfac);
        image.pixdim[0] = image.qfac;
    }

    bool needs_64_bits = false;
    for (const auto n : dims) needs_64_bits = needs_64_bits || n > 32767;
    std::vector<unsigned char> bytes;
    const auto append = [&](auto& header, std::int64_t offset) {
        header.vox_offset = static_cast<decltype(header.vox_offset)>(offset);
        header.scl_slope = 1;
        bytes.resize(static_cast<std::size_t>(offset), 0);
        std::memcpy(bytes.data(), &header, sizeof header);
    };
    if (needs_64_bits) {
        image.nifti_type = NIFTI_FTYPE_NIFTI2_1;
        nifti_2_header header;
        if (nifti_convert_nim2n2hdr(&image, &header) != 0) throw OutputError("cannot make a NIfTI-2 header (nifticlib refused the image)");
        append(header, 544);
    } else {
        image.nifti_type = NIFTI_FTYPE_NIFTI1_1;
        nifti_1_header header;
        if (nifti_convert_nim2n1hdr(&image, &header) != 0) throw OutputError("cannot make a NIfTI-1 header (nifticlib refused the image)");
        append(header, 352);
    }
    return bytes;
}

template <class T>
void write(const std::string& path, const Image<T>& image, int datatype, bool overwrite) {
    const bool gzipped = has_extension(path, ".nii.gz");
    if (!gzipped && !has_extension(path, ".nii"))
        throw OutputError(fmt::format("cannot write {} (images are written as .nii or .nii.gz); choose such a name", path));
    OutputFile output(path, overwrite);
    FileStream stream(output.partial(), path);
    const auto header = header_bytes(image.grid, image.volumes, datatype);
    const std::span<const unsigned char> voxels(reinterpret_cast<const unsigned char*>(image.data.data()), image.data.size() * sizeof(T));
    if (gzipped) {
        write_gzip(stream, std::vector<std::span<const unsigned char>>{header, voxels});
    } else {
        stream.write(header.data(), header.size());
        stream.write(voxels.data(), voxels.size());
    }
    stream.close();
    output.commit();
}

}  // namespace

void write_image(const std::string& path, const ScalarImage& image, bool overwrite) { write(path, image, DT_FLOAT32, overwrite); }
void write_mask(const std::string& path, const Mask& mask, bool overwrite) { write(path, mask, DT_UINT8, overwrite); }
void write_labels(const std::string& path, const LabelImage& labels, bool overwrite) { write(path, labels, DT_INT32, overwrite); }

}  // namespace arcuate::io
