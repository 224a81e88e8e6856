#include "nifti_header.hpp"

#include "arcuate/core/error.hpp"

#include "gz_source.hpp"
#include "text.hpp"

#include <fmt/format.h>
#include <nifti2_io.h>

#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <span>

namespace arcuate::io {

namespace {

namespace fs = std::filesystem;

/// Deflate expands at most about 1032 times (zlib's technical notes).
constexpr std::int64_t deflate_limit = 1032;

/// "x.hdr.gz" -> "x.img.gz" and back; other names unchanged.
std::string with_extension(const std::string& path, const std::string& from, const std::string& to) {
    for (const std::string gz : {"", ".gz"})
        if (has_extension(path, from + gz)) return path.substr(0, path.size() - from.size() - gz.size()) + to + gz;
    return path;
}

std::string voxels_of_pair(const std::string& header_path) {
    const std::string img = with_extension(header_path, ".hdr", ".img");
    for (const auto& name : {img, img + ".gz", has_extension(img, ".gz") ? img.substr(0, img.size() - 3) : img})
        if (name != header_path && fs::exists(name)) return name;
    throw InputError(fmt::format("the voxels of {} are missing (its header belongs to a pair, and there is no {}); put both files side by side",
                                 header_path, img));
}

/// How many bytes the file can hold at most, once uncompressed.
std::int64_t capacity(const std::string& path) {
    std::error_code error;
    const auto size = static_cast<std::int64_t>(fs::file_size(path, error));
    if (error) throw InputError(fmt::format("cannot read {} ({}); check the path", path, error.message()));
    unsigned char magic[2] = {};
    if (const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path.c_str(), "rb"), std::fclose})
        if (std::fread(magic, 1, 2, file.get()) == 2 && magic[0] == 0x1f && magic[1] == 0x8b) return size * deflate_limit;
    return size;
}

/// The header in NIfTI-2's form and this machine's byte order.
struct RawHeader {
    nifti_2_header fields;
    bool swapped;
    bool nifti2;
};

RawHeader read_raw(const std::string& path) {
    nifti_set_debug_level(0);  // the library prints to standard error unless told not to
    std::array<char, sizeof(nifti_2_header)> bytes{};
    const auto n = GzSource(path).read_some(bytes.data(), bytes.size());
    const int format = n < sizeof(nifti_1_header) ? -1 : nifti_header_version(bytes.data(), n);
    if (format == 1) {
        nifti_1_header h1;
        std::memcpy(&h1, bytes.data(), sizeof h1);
        const bool swapped = h1.dim[0] < 1 || h1.dim[0] > 7;
        if (swapped) nifti_swap_as_nifti1(&h1);
        nifti_2_header h{};
        std::memcpy(h.magic, h1.magic, 4);
        for (int i = 0; i < 8; ++i) h.dim[i] = h1.dim[i], h.pixdim[i] = static_cast<double>(h1.pixdim[i]);
        h.datatype = h1.datatype;
        // A float that no int64 can hold would be undefined to convert; -1 is refused below.
        h.vox_offset = h1.vox_offset >= 0 && h1.vox_offset < 1e15f ? static_cast<std::int64_t>(h1.vox_offset) : -1;
        if (h.vox_offset >= 0 && static_cast<float>(h.vox_offset) != h1.vox_offset) h.vox_offset = -1;
        h.scl_slope = static_cast<double>(h1.scl_slope), h.scl_inter = static_cast<double>(h1.scl_inter);
        h.qform_code = h1.qform_code, h.sform_code = h1.sform_code;
        h.quatern_b = static_cast<double>(h1.quatern_b), h.quatern_c = static_cast<double>(h1.quatern_c),
        h.quatern_d = static_cast<double>(h1.quatern_d);
        h.qoffset_x = static_cast<double>(h1.qoffset_x), h.qoffset_y = static_cast<double>(h1.qoffset_y),
        h.qoffset_z = static_cast<double>(h1.qoffset_z);
        for (int i = 0; i < 4; ++i) {
            h.srow_x[i] = static_cast<double>(h1.srow_x[i]);
            h.srow_y[i] = static_cast<double>(h1.srow_y[i]);
            h.srow_z[i] = static_cast<double>(h1.srow_z[i]);
        }
        return {h, swapped, false};
    }
    if (format == 2 && n == sizeof(nifti_2_header)) {
        nifti_2_header h;
        std::memcpy(&h, bytes.data(), sizeof h);
        const bool swapped = h.dim[0] < 1 || h.dim[0] > 7;
        if (swapped) nifti_swap_as_nifti2(&h);
        return {h, swapped, true};
    }
    throw InputError(fmt::format("{} is not a NIfTI image (its first bytes are no NIfTI-1 or NIfTI-2 header); convert it, for instance "
                                 "with dcm2niix or mrconvert", path));
}

const char* type_name(int datatype) {
    switch (datatype) {
        case DT_BINARY: return "one bit per voxel";
        case DT_COMPLEX64: case DT_COMPLEX128: case DT_COMPLEX256: return "complex numbers";
        case DT_RGB24: case DT_RGBA32: return "RGB colours";
        case DT_FLOAT128: return "128-bit floating point";
        default: return "no type that NIfTI defines";
    }
}

int bytes_of(int datatype, const std::string& path) {
    switch (datatype) {
        case DT_UINT8: case DT_INT8: return 1;
        case DT_INT16: case DT_UINT16: return 2;
        case DT_INT32: case DT_UINT32: case DT_FLOAT32: return 4;
        case DT_INT64: case DT_UINT64: case DT_FLOAT64: return 8;
        default:
            throw InputError(fmt::format("{} has voxels that cannot be read (datatype {}: {}); convert it to integers or real "
                                         "floating-point numbers",
                                         path, datatype, type_name(datatype)));
    }
}

[[noreturn]] void bad_affine(const std::string& path, const char* which, const char* why) {
    throw InputError(fmt::format("{} has no usable place in the scanner (its {} {}); repair the header", path, which, why));
}

Affine affine_of(const nifti_2_header& h, const std::string& path) {
    Affine affine;
    const char* which = "sform";
    if (h.sform_code > 0) {
        const double* rows[3] = {h.srow_x, h.srow_y, h.srow_z};
        for (int r = 0; r < 3; ++r) {
            affine.linear[r] = {rows[r][0], rows[r][1], rows[r][2]};
            affine.offset[r] = rows[r][3];
        }
    } else {
        which = h.qform_code > 0 ? "qform" : "matrix of voxel sizes";
        const double size[3] = {std::fabs(h.pixdim[1]), std::fabs(h.pixdim[2]), std::fabs(h.pixdim[3])};
        if (h.qform_code > 0) {
            const nifti_dmat44 m = nifti_quatern_to_dmat44(h.quatern_b, h.quatern_c, h.quatern_d, h.qoffset_x, h.qoffset_y, h.qoffset_z,
                                                           size[0], size[1], size[2], h.pixdim[0]);
            for (int r = 0; r < 3; ++r) {
                affine.linear[r] = {m.m[r][0], m.m[r][1], m.m[r][2]};
                affine.offset[r] = m.m[r][3];
            }
            // nifticlib puts 1 mm where the header has no voxel size; that is a guess which no result should rest on.
            for (const double s : size)
                if (!(s > 0)) bad_affine(path, which, "has a voxel size that is not above zero");
        } else {
            for (int a = 0; a < 3; ++a) affine.linear[a][a] = size[a];
        }
    }
    for (int r = 0; r < 3; ++r)
        for (const double value : {affine.linear[r][0], affine.linear[r][1], affine.linear[r][2], affine.offset[r]})
            if (!std::isfinite(value)) bad_affine(path, which, "holds a value that is not a number");
    try {
        inverse(affine);
    } catch (const InputError&) {
        bad_affine(path, which, "is singular: two image axes are parallel or one has no length");
    }
    return affine;
}

}  // namespace

NiftiHeader read_nifti_header(const std::string& path) {
    const std::string header_path = with_extension(path, ".img", ".hdr");
    if (std::error_code error; fs::is_directory(header_path, error))
        throw InputError(fmt::format("cannot open {} (it is a folder); give a NIfTI image", path));
    const RawHeader raw = read_raw(header_path);
    const nifti_2_header& h = raw.fields;

    NiftiHeader out;
    out.swapped = raw.swapped;
    const std::int64_t rank = h.dim[0];
    if (rank < 1 || rank > 7)
        throw InputError(fmt::format("{} has a damaged header (it claims {} dimensions); copy or convert it again", path, rank));
    if (rank < 3) throw InputError(fmt::format("{} has {} dimensions (a volume has 3, a series 4 or 5); give a 3-D to 5-D image", path, rank));
    out.datatype = h.datatype;
    out.bytes_per_value = bytes_of(h.datatype, path);

    // Single files begin their voxels after header and extension flag; some writers leave the offset 0 and mean just that.
    const bool single = h.magic[1] == '+';
    out.data_path = single ? header_path : voxels_of_pair(header_path);
    const std::int64_t least = !single ? 0 : raw.nifti2 ? 544 : 352;
    out.data_offset = h.vox_offset == 0 ? least : h.vox_offset;
    if (out.data_offset < least)
        throw InputError(fmt::format("{} has a damaged header (its voxels would start at an impossible byte); copy or convert it again", path));

    const std::int64_t room = capacity(out.data_path);
    std::int64_t values_left = (room - std::min(room, out.data_offset)) / out.bytes_per_value;
    std::string shape;
    bool fits = true;
    for (std::int64_t i = 1; i <= rank; ++i) {
        const std::int64_t n = h.dim[i];
        shape += fmt::format("{}{}", i == 1 ? "" : "x", n);
        if (n < 1) throw InputError(fmt::format("{} has a damaged header (dimension {} is {}); copy or convert it again", path, i, n));
        if (i > 5 && n > 1) throw InputError(fmt::format("{} has {} dimensions (3 to 5 are read); split it into series", path, rank));
        values_left /= n;
        fits = fits && values_left > 0;
        if (i <= 3) out.grid.size[static_cast<std::size_t>(i - 1)] = n;
        else if (fits) out.volumes *= n;
    }
    if (!fits)
        throw InputError(fmt::format("{} is truncated or its header is damaged ({} voxels of {} bytes do not fit into the {} bytes that "
                                     "the file can hold); copy or download it again",
                                     path, shape, out.bytes_per_value, room));

    // A slope of 0 means that the stored values are the values; writers also leave NaN there.
    if (std::isfinite(h.scl_slope) && h.scl_slope != 0.0) {
        out.slope = h.scl_slope;
        out.intercept = h.scl_inter;
        if (!std::isfinite(out.intercept))
            throw InputError(fmt::format("{} has a damaged header (its intensity offset scl_inter is not a number); repair the header", path));
        out.scaled = out.slope != 1.0 || out.intercept != 0.0;
    }
    out.grid.voxel_to_world = affine_of(h, path);
    return out;
}

}  // namespace arcuate::io
