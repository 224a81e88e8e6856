#include "arcuate/io/gradients.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/tables.hpp"

#include "file_stream.hpp"

#include <fmt/format.h>

#include <cmath>

namespace arcuate::io {

namespace {

using Rows = std::vector<std::vector<double>>;

/// A full table of numbers; NaN is let through here and judged where its b-value is known.
Rows read_rows(const std::string& path) {
    Rows rows = read_numbers(path);
    for (const auto& row : rows)
        if (row.size() != rows.front().size())
            throw InputError(fmt::format("{} is ragged (its rows have {} and {} numbers); copy it again", path, rows.front().size(),
                                         row.size()));
    return rows;
}

Vec3d flipped_x(const Vec3d& v, bool flip) { return {flip ? -v[0] : v[0], v[1], v[2]}; }

/// Refuses b-values that cannot be s/mm2: below 20 nothing in tissue would be weighted, above 100000 nothing would be left of the signal.
void require_unit(const std::vector<Vec3d>& vectors, const std::vector<double>& b_values, const std::string& b_source) {
    constexpr double smallest = 20, greatest = 100000;  // [s/mm2]
    double largest = 0;
    bool directed = false;  // by the table's largest b-values: b = 5 without directions is how some scanners write b=0
    for (std::size_t v = 0; v < vectors.size(); ++v) {
        const auto& g = vectors[v];
        if (b_values[v] > 0 && b_values[v] >= largest) directed = g[0] * g[0] + g[1] * g[1] + g[2] * g[2] > 0;
        if (b_values[v] > largest) largest = b_values[v];
    }
    if (largest > 0 && largest < smallest && directed)
        throw InputError(fmt::format("the largest b-value is {} (b-values are expected in s/mm2, such as 1000; these look like {}); multiply them by {} in {}",
                                     largest, largest < 0.1 ? "s/um2" : "ms/um2", largest < 0.1 ? "1000000" : "1000", b_source));
    if (largest > greatest)
        throw InputError(fmt::format("the largest b-value is {} (b-values are expected in s/mm2, such as 1000; these look like s/m2); divide them by 1000000 in {}",
                                     largest, b_source));
}

/// Unit vectors, b-values by MRtrix's rule, and zero directions for b=0. `source` names the file of the vectors, `b_source` that of the b-values.
GradientTable normalised(std::vector<Vec3d> vectors, std::vector<double> b_values, const std::string& source, const std::string& b_source) {
    // Exactly MRtrix's threshold, without a logarithm: |ln s| > 0.01 where s lies outside [exp(-0.01), exp(0.01)].
    constexpr double lowest = 0.99004983374916805, highest = 1.0100501670841680;
    std::vector<double> squared(vectors.size());
    bool scale = false;
    for (std::size_t v = 0; v < vectors.size(); ++v) {
        if (!std::isfinite(b_values[v]) || b_values[v] < 0)
            throw InputError(fmt::format("volume {} has the b-value {} (b-values are 0 or above, in s/mm2); repair the file beside {}",
                                         v, b_values[v], source));
        const auto& g = vectors[v];
        squared[v] = g[0] * g[0] + g[1] * g[1] + g[2] * g[2];
        if (b_values[v] <= b_zero_threshold) continue;
        if (!std::isfinite(squared[v]))
            throw InputError(fmt::format("volume {} has b = {} and no direction ({} holds NaN or infinity there); repair the file", v,
                                         b_values[v], source));
        scale = scale || squared[v] < lowest || squared[v] > highest;
    }
    for (std::size_t v = 0; v < vectors.size(); ++v)
        if (scale && b_values[v] > b_zero_threshold) b_values[v] *= squared[v];
    require_unit(vectors, b_values, b_source);
    for (std::size_t v = 0; v < vectors.size(); ++v) {
        if (b_values[v] <= b_zero_threshold) {
            vectors[v] = {0, 0, 0};
            continue;
        }
        const double norm = std::sqrt(squared[v]);
        for (double& component : vectors[v]) component /= norm;
    }
    return {std::move(vectors), std::move(b_values)};
}

}  // namespace

GradientTable read_fsl_gradients(const std::string& bval, const std::string& bvec, const Grid& grid, std::int64_t volumes) {
    const auto wanted = static_cast<std::size_t>(volumes);
    const Rows b_rows = read_rows(bval);
    if (b_rows.size() > 1 && b_rows.front().size() > 1)
        throw InputError(fmt::format("{} has {} rows of {} numbers (b-values are one row or one column); give the .bval file", bval,
                                     b_rows.size(), b_rows.front().size()));
    std::vector<double> b_values;
    for (const auto& row : b_rows) b_values.insert(b_values.end(), row.begin(), row.end());
    if (b_values.size() != wanted)
        throw InputError(fmt::format("bval has {} values but the image has {} volumes ({} belongs to another image, or volumes were "
                                     "removed from one file only); give the files that belong together",
                                     b_values.size(), volumes, bval));

    // Three rows, as FSL writes; else three columns. A 3x3 file is read as rows.
    const Rows rows = read_rows(bvec);
    const bool in_rows = rows.size() == 3;
    if (!in_rows && rows.front().size() != 3)
        throw InputError(fmt::format("{} has {} rows of {} numbers (gradient vectors are three rows or three columns); give the .bvec "
                                     "file", bvec, rows.size(), rows.front().size()));
    const std::size_t count = in_rows ? rows.front().size() : rows.size();
    if (count != wanted)
        throw InputError(fmt::format("bvec has {} {} but the image has {} volumes (was the b=0 volume removed from one file only?); "
                                     "give the files that belong together: {}",
                                     count, in_rows ? "columns" : "rows", volumes, bvec));

    const bool flip = determinant(grid.voxel_to_world) > 0;
    const Affine rotation = orthonormalized(grid.voxel_to_world);
    std::vector<Vec3d> vectors(count);
    for (std::size_t v = 0; v < count; ++v)
        for (std::size_t axis = 0; axis < 3; ++axis) vectors[v][axis] = in_rows ? rows[axis][v] : rows[v][axis];
    auto table = normalised(std::move(vectors), std::move(b_values), bvec, bval);
    for (auto& direction : table.directions) direction = transform_direction(rotation, flipped_x(direction, flip));
    return table;
}

GradientTable read_mrtrix_gradients(const std::string& path, std::int64_t volumes) {
    const Rows rows = read_rows(path);
    if (rows.front().size() != 4)
        throw InputError(fmt::format("{} has {} columns (MRtrix's gradient tables have four: x y z b); give such a table", path,
                                     rows.front().size()));
    if (rows.size() != static_cast<std::size_t>(volumes))
        throw InputError(fmt::format("the gradient table has {} rows but the image has {} volumes (was the b=0 volume removed from one "
                                     "of them?); give the files that belong together: {}",
                                     rows.size(), volumes, path));
    std::vector<Vec3d> vectors;
    std::vector<double> b_values;
    for (const auto& row : rows) {
        vectors.push_back({row[0], row[1], row[2]});
        b_values.push_back(row[3]);
    }
    return normalised(std::move(vectors), std::move(b_values), path, path);
}

void write_fsl_gradients(const std::string& bval, const std::string& bvec, const GradientTable& table, const Grid& grid, bool overwrite) {
    const bool flip = determinant(grid.voxel_to_world) > 0;
    const Affine rotation = orthonormalized(grid.voxel_to_world);
    std::string b_text, rows[3];
    for (std::size_t v = 0; v < table.b_values.size(); ++v) {
        const char* gap = v == 0 ? "" : " ";
        Vec3d image{0, 0, 0};  // the rotation's inverse is its transpose
        for (int axis = 0; axis < 3; ++axis)
            for (int r = 0; r < 3; ++r) image[axis] += rotation.linear[r][axis] * table.directions[v][r];
        image = flipped_x(image, flip);
        b_text.append(gap).append(number(table.b_values[v]));
        for (int axis = 0; axis < 3; ++axis) rows[axis].append(gap).append(number(image[axis] + 0.0));  // + 0.0 turns -0 into 0
    }
    OutputFile b_file(bval, overwrite), vector_file(bvec, overwrite);
    FileStream b_stream(b_file.partial(), bval), vector_stream(vector_file.partial(), bvec);
    b_stream.write(b_text + "\n");
    for (const auto& row : rows) vector_stream.write(row + "\n");
    b_stream.close();
    vector_stream.close();
    b_file.commit();
    vector_file.commit();
}

}  // namespace arcuate::io
