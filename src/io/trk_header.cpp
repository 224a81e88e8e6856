#include "trk_header.hpp"

#include "arcuate/core/error.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <cstring>

namespace arcuate::io {

namespace {

/// World axis (0 to 2) and direction (+1, -1) of each image axis.
struct Orientation {
    int axis[3], sign[3];
};

/// The largest cosine decides first, so that no world axis is taken twice.
Orientation orientation_of(const Affine& affine) {
    const Vec3d size = voxel_sizes(affine);
    Orientation result{};
    bool image_done[3] = {}, world_done[3] = {};
    for (int n = 0; n < 3; ++n) {
        double best = -1;
        std::size_t image = 0, world = 0;
        for (std::size_t i = 0; i < 3; ++i)
            for (std::size_t w = 0; w < 3; ++w) {
                if (image_done[i] || world_done[w]) continue;
                if (const double cosine = std::abs(affine.linear[w][i] / size[i]); cosine > best) {
                    best = cosine;
                    image = i;
                    world = w;
                }
            }
        image_done[image] = world_done[world] = true;
        result.axis[image] = static_cast<int>(world);
        result.sign[image] = affine.linear[world][image] < 0 ? -1 : 1;
    }
    return result;
}

Orientation parse_codes(const char (&codes)[4], const std::string& path) {
    const std::string text = codes[0] == '\0' ? "LPS" : std::string(codes, strnlen(codes, 3));
    constexpr char negative[3] = {'L', 'P', 'I'}, positive[3] = {'R', 'A', 'S'};
    Orientation result{};
    bool seen[3] = {};
    bool good = text.size() == 3;
    for (std::size_t i = 0; good && i < 3; ++i) {
        int axis = -1;
        for (int w = 0; w < 3; ++w)
            if (text[i] == negative[w] || text[i] == positive[w]) axis = w;
        good = axis >= 0 && !seen[axis];
        if (!good) break;
        seen[axis] = true;
        result.axis[i] = axis;
        result.sign[i] = text[i] == positive[axis] ? 1 : -1;
    }
    if (!good) throw InputError(fmt::format("{} has a damaged header (its voxel_order '{}' names no three axes); write the tractogram again", path, text));
    return result;
}

/// a after b.
Affine compose(const Affine& a, const Affine& b) {
    Affine c;
    for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = 0; j < 3; ++j) c.linear[i][j] = a.linear[i][0] * b.linear[0][j] + a.linear[i][1] * b.linear[1][j] + a.linear[i][2] * b.linear[2][j];
    c.offset = transform_point(a, b.offset);
    return c;
}

void put_names(char (&names)[10][20], std::int16_t& columns, const std::vector<DataField>& fields, const std::string& path) {
    std::int64_t total = 0;
    if (fields.size() > 10) throw OutputError(fmt::format("cannot write {} (a .trk has room for 10 named quantities and there are {}); use .trx", path, fields.size()));
    for (std::size_t i = 0; i < fields.size(); ++i) {
        std::string name = fields[i].name;
        if (fields[i].columns > 1) name += '\0' + std::to_string(fields[i].columns);
        if (fields[i].name.empty() || name.size() > 20)
            throw OutputError(fmt::format("cannot write {} (a .trk has room for names of 18 characters and '{}' is not such a name); use .trx", path, fields[i].name));
        std::memcpy(names[i], name.data(), name.size());
        total += fields[i].columns;
    }
    if (total > 32767) throw OutputError(fmt::format("cannot write {} (a .trk has room for 32767 columns and there are {}); use .trx", path, total));
    columns = static_cast<std::int16_t>(total);
}

}  // namespace

std::string axis_codes(const Affine& affine) {
    const Orientation o = orientation_of(affine);
    std::string codes;
    for (int i = 0; i < 3; ++i) codes += (o.sign[i] > 0 ? "RAS" : "LPI")[o.axis[i]];
    return codes;
}

Affine trk_affine(const TrkHeader& header) {
    Affine affine;
    if (header.vox_to_ras[3][3] == 0) return affine;
    for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 3; ++j) affine.linear[i][j] = static_cast<double>(header.vox_to_ras[i][j]);
        affine.offset[i] = static_cast<double>(header.vox_to_ras[i][3]);
    }
    return affine;
}

Affine trk_to_world(const TrkHeader& header, const std::string& path) {
    const Affine to_world = trk_affine(header);
    for (const auto& row : to_world.linear)
        for (const double value : row)
            if (!std::isfinite(value)) throw InputError(fmt::format("{} has a damaged header (its vox_to_ras is not finite); write the tractogram again", path));
    if (!(std::abs(determinant(to_world)) > 0))
        throw InputError(fmt::format("{} has a damaged header (its vox_to_ras is singular); write the tractogram again", path));
    // Corner and mm -> voxel centres, then the axes of voxel_order -> those of the matrix.
    Affine to_voxel;
    for (std::size_t i = 0; i < 3; ++i) {
        const double size = static_cast<double>(header.voxel_size[i]);
        if (!(size > 0 && std::isfinite(size)))
            throw InputError(fmt::format("{} has a damaged header (its voxel size is {}); write the tractogram again", path, size));
        to_voxel.linear[i][i] = 1 / size;
        to_voxel.offset[i] = -0.5;
    }
    const Orientation from = parse_codes(header.voxel_order, path), to = orientation_of(to_world);
    Affine reorder;
    reorder.linear = {};
    for (std::size_t i = 0; i < 3; ++i)
        for (std::size_t j = 0; j < 3; ++j) {
            if (to.axis[i] != from.axis[j]) continue;
            const bool flip = to.sign[i] != from.sign[j];
            reorder.linear[i][j] = flip ? -1 : 1;
            reorder.offset[i] = flip ? header.dim[j] - 1 : 0;
        }
    return compose(to_world, compose(reorder, to_voxel));
}

std::vector<DataField> trk_fields(const char (&names)[10][20], int columns, const std::string& rest, const std::string& path) {
    if (columns < 0) throw InputError(fmt::format("{} has a damaged header (it counts {} columns of data); write the tractogram again", path, columns));
    std::vector<DataField> fields;
    int left = columns;
    for (const auto& bytes : names) {
        const std::string name(bytes, strnlen(bytes, 20));
        if (name.empty() || left == 0) continue;
        int n = 1;
        if (name.size() + 1 < 20 && bytes[name.size() + 1] != '\0') {
            const std::string digits(bytes + name.size() + 1, strnlen(bytes + name.size() + 1, 20 - name.size() - 1));
            n = std::atoi(digits.c_str());
        }
        if (n < 1 || n > left)
            throw InputError(fmt::format("{} has a damaged header (its quantity '{}' would have {} of the {} columns left); write the tractogram again", path, name, n, left));
        fields.push_back({name, n});
        left -= n;
    }
    if (left > 0) fields.push_back({rest, left});
    return fields;
}

TrkHeader make_trk_header(const Grid& grid, const std::vector<DataField>& per_vertex, const std::vector<DataField>& per_streamline, const std::string& path) {
    TrkHeader header{};
    std::memcpy(header.id, "TRACK", 6);
    const Vec3d sizes = voxel_sizes(grid.voxel_to_world);
    for (std::size_t i = 0; i < 3; ++i) {
        header.dim[i] = static_cast<std::int16_t>(grid.size[i]);
        header.voxel_size[i] = static_cast<float>(sizes[i]);
        for (std::size_t j = 0; j < 3; ++j) header.vox_to_ras[i][j] = static_cast<float>(grid.voxel_to_world.linear[i][j]);
        header.vox_to_ras[i][3] = static_cast<float>(grid.voxel_to_world.offset[i]);
    }
    header.vox_to_ras[3][3] = 1;
    const std::string codes = axis_codes(grid.voxel_to_world);
    std::memcpy(header.voxel_order, codes.data(), 3);
    put_names(header.scalar_name, header.scalars, per_vertex, path);
    put_names(header.property_name, header.properties, per_streamline, path);
    header.version = 2;
    header.header_size = 1000;
    return header;
}

}  // namespace arcuate::io
