#include "arcuate/registration/turn.hpp"

#include "arcuate/conventions.hpp"
#include "arcuate/core/error.hpp"
#include "backend/buffer.hpp"
#include "backend/launch.hpp"
#include "backend/map_view.hpp"
#include "kernels/map_blocks.hpp"
#include "kernels/resample.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace arcuate::registration {

namespace {

/// One order's matrix, m and m' from -l to l.
struct Block {
    int l;
    std::vector<double> values;
    explicit Block(int order) : l(order), values(static_cast<std::size_t>((2 * order + 1) * (2 * order + 1)), 0.0) {}
    double& at(int m, int n) { return values[static_cast<std::size_t>((m + l) * (2 * l + 1) + n + l)]; }
    double at(int m, int n) const { return values[static_cast<std::size_t>((m + l) * (2 * l + 1) + n + l)]; }
};

/// Ivanic & Ruedenberg's P (table 2).
double p_term(int i, int m, int n, int l, const Block& first, const Block& before) {
    if (n == l) return first.at(i, 1) * before.at(m, l - 1) - first.at(i, -1) * before.at(m, -l + 1);
    if (n == -l) return first.at(i, 1) * before.at(m, -l + 1) + first.at(i, -1) * before.at(m, l - 1);
    return first.at(i, 0) * before.at(m, n);
}

/// U, V and W with their factors u, v, w (table 1), added up: equation 8.1.
double element(int m, int n, int l, const Block& first, const Block& before) {
    const auto p = [&](int i, int mu) { return p_term(i, mu, n, l, first, before); };
    const int size = m < 0 ? -m : m;
    const double d = m == 0, denominator = n == l || n == -l ? 2.0 * l * (2 * l - 1) : static_cast<double>((l + n) * (l - n));
    const double root2 = kernels::sqrt(2.0);
    double sum = 0;
    if (size < l) sum += kernels::sqrt((l + m) * (l - m) / denominator) * p(0, m);
    const double v = 0.5 * kernels::sqrt((1 + d) * (l + size - 1) * (l + size) / denominator) * (1 - 2 * d);
    if (m == 0) sum += v * (p(1, 1) + p(-1, -1));
    else if (m > 0) sum += v * (p(1, m - 1) * (m == 1 ? root2 : 1.0) - (m == 1 ? 0.0 : p(-1, -m + 1)));
    else sum += v * ((m == -1 ? 0.0 : p(1, m + 1)) + p(-1, -m - 1) * (m == -1 ? root2 : 1.0));
    if (m != 0 && size < l - 1) {
        const double w = -0.5 * kernels::sqrt((l - size - 1) * (l - size) / denominator);
        sum += w * (m > 0 ? p(1, m + 1) + p(-1, -m - 1) : p(1, m - 1) - p(-1, -m + 1));
    }
    return sum;
}

/// A motion's matrix on the components of a symmetric tensor of the second or fourth order; `axes` are each component's indices.
template <std::size_t Order, std::size_t N>
std::vector<double> tensor_rotation(const std::array<std::array<int, Order>, N>& axes, const Affine& rotation) {
    std::vector<double> out(N * N, 0.0);
    std::size_t combinations = 1;
    for (std::size_t k = 0; k < Order; ++k) combinations *= 3;
    for (std::size_t row = 0; row < N; ++row)
        for (std::size_t c = 0; c < combinations; ++c) {
            std::array<int, Order> from{};
            double product = 1;
            for (std::size_t k = 0, rest = c; k < Order; ++k, rest /= 3) {
                from[k] = static_cast<int>(rest % 3);
                product *= rotation.linear[static_cast<std::size_t>(axes[row][k])][rest % 3];
            }
            std::sort(from.begin(), from.end());
            const auto column = static_cast<std::size_t>(std::find(axes.begin(), axes.end(), from) - axes.begin());
            out[row * N + column] += product;
        }
    return out;
}

constexpr std::array<std::array<int, 2>, 6> tensor_axes{{{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}}};
constexpr std::array<std::array<int, 4>, 15> kurtosis_axes{{{0, 0, 0, 0}, {1, 1, 1, 1}, {2, 2, 2, 2}, {0, 0, 0, 1}, {0, 0, 0, 2}, {0, 1, 1, 1}, {0, 2, 2, 2}, {1, 1, 1, 2},
                                                            {1, 2, 2, 2}, {0, 0, 1, 1}, {0, 0, 2, 2}, {1, 1, 2, 2}, {0, 0, 1, 2}, {0, 1, 1, 2}, {0, 1, 2, 2}}};

struct Blocks {
    std::vector<std::int32_t> sizes;
    std::vector<double> matrices;
};

Blocks blocks_of(Kind kind, std::int64_t volumes, const Affine& rotation) {
    const auto refuse = [&](const char* what, const char* has) {
        return InputError(fmt::format("the image has {} volumes ({} {}); give its right kind", volumes, what, has));
    };
    Blocks out;
    if (kind == Kind::vectors) {
        if (volumes % 3) throw refuse("vectors have", "three each");
        for (std::int64_t v = 0; v < volumes / 3; ++v) {
            out.sizes.push_back(3);
            for (const auto& row : rotation.linear) out.matrices.insert(out.matrices.end(), row.begin(), row.end());
        }
    } else if (kind == Kind::tensor) {
        if (volumes != 6) throw refuse("a tensor has", "six");
        out = {{6}, tensor_rotation(tensor_axes, rotation)};
    } else if (kind == Kind::kurtosis) {
        if (volumes != 15) throw refuse("a kurtosis tensor has", "fifteen");
        out = {{15}, tensor_rotation(kurtosis_axes, rotation)};
    } else {
        const int lmax = lmax_of_count(volumes);
        if (lmax < 0 || 2 * lmax + 1 > kernels::MapBlocks::largest) throw refuse("spherical harmonics have", "1, 6, 15, 28, 45, ... up to 153");
        for (int l = 0; l <= lmax; l += 2) out.sizes.push_back(2 * l + 1);
        out.matrices = sh_rotation(lmax, rotation);
    }
    return out;
}

bool is_identity(const Affine& motion) { return motion.linear == Affine{}.linear; }

}  // namespace

std::vector<double> sh_rotation(int lmax, const Affine& rotation) {
    // Of order 1 the harmonics are y, z, x; the recursion's are without the Condon-Shortley phase, which flips the odd m.
    constexpr int axis[3] = {1, 2, 0};
    Block first(1);
    for (int m = -1; m <= 1; ++m)
        for (int n = -1; n <= 1; ++n) first.at(m, n) = rotation.linear[static_cast<std::size_t>(axis[m + 1])][static_cast<std::size_t>(axis[n + 1])];
    std::vector<double> out{1.0};
    Block before = first;
    for (int l = 2; l <= lmax; ++l) {
        Block here(l);
        for (int m = -l; m <= l; ++m)
            for (int n = -l; n <= l; ++n) here.at(m, n) = element(m, n, l, first, before);
        if (l % 2 == 0)
            for (int m = -l; m <= l; ++m)
                for (int n = -l; n <= l; ++n) out.push_back((m + n) % 2 ? -here.at(m, n) : here.at(m, n));
        before = std::move(here);
    }
    return out;
}

Grid moved(const Grid& grid, const Affine& motion) {
    Grid out = grid;
    out.voxel_to_world = composed(motion, grid.voxel_to_world);
    return out;
}

Affine require_rigid(const Affine& motion, const Vec3d& centre, const std::string& name, double tolerance) {
    const auto refuse = [&](const std::string& why) {
        return InputError(fmt::format("{} is not rigid ({}); directions cannot be turned by it: give a rigid transform, or resample what was computed before", name, why));
    };
    if (determinant(motion) < 0) throw refuse("it mirrors");
    Affine out = orthonormalized(motion);
    double off = 0;
    for (std::size_t r = 0; r < 3; ++r)
        for (std::size_t c = 0; c < 3; ++c) off = std::max(off, kernels::abs(motion.linear[r][c] - out.linear[r][c]));
    if (!(off <= tolerance)) throw refuse(fmt::format("it scales or shears by {:.2g}", off));
    const Vec3d to = transform_point(motion, centre), turned = transform_direction(out, centre);
    for (std::size_t i = 0; i < 3; ++i) out.offset[i] = to[i] - turned[i];
    return out;
}

void move_image(ScalarImage& image, Kind kind, const Affine& motion, const Device& device, Progress& progress) {
    if (kind != Kind::scalar) {
        const Blocks blocks = blocks_of(kind, image.volumes, motion);
        if (!is_identity(motion)) {
            const auto columns = static_cast<std::size_t>(image.volumes), voxels = static_cast<std::size_t>(image.grid.voxels());
            constexpr std::size_t chunk = 1 << 16;
            const Buffer matrices(device, blocks.matrices);
            const Buffer sizes(device, blocks.sizes);
            Buffer<float> device_rows(device, std::min(chunk, voxels) * columns);
            std::vector<float> rows(device_rows.size());
            progress.begin("turning", image.grid.voxels(), "voxels");
            for (std::size_t first = 0; first < voxels; first += chunk) {
                const std::size_t n = std::min(chunk, voxels - first);
                const auto exchange = [&](const auto& move) {
                    parallel_for(device, static_cast<std::int64_t>(n), [&](std::int64_t v) {
                        for (std::size_t c = 0; c < columns; ++c) move(rows[static_cast<std::size_t>(v) * columns + c], image.data[c * voxels + first + static_cast<std::size_t>(v)]);
                    }, 1024);
                };
                exchange([](float& row, const float& value) { row = value; });
                device_rows.upload(std::span(std::as_const(rows)).first(n * columns));
                launch(device, static_cast<std::int64_t>(n),
                       kernels::MapBlocks{matrices.data(), sizes.data(), static_cast<std::int32_t>(blocks.sizes.size()), static_cast<std::int32_t>(columns), device_rows.data()}, 256);
                device_rows.download(std::span(rows).first(n * columns));
                exchange([](const float& row, float& value) { value = row; });
                progress.at(static_cast<std::int64_t>(first + n));
            }
            progress.end();
        }
    }
    image.grid = moved(image.grid, motion);
}

ScalarImage resampled(const ScalarImage& image, const Affine& motion, const Grid& grid, const Device& device) {
    ScalarImage out(grid, image.volumes);
    const auto from = static_cast<std::size_t>(image.grid.voxels()), to = static_cast<std::size_t>(grid.voxels());
    Buffer<float> values(device, from), sampled(device, to);
    kernels::MapView view = view_of_map(image.grid, values.data());
    view.world_to_voxel = to_kernel_double(composed(composed(inverse(image.grid.voxel_to_world), inverse(motion)), grid.voxel_to_world));
    const kernels::ResampleLinear resample{view, static_cast<std::int32_t>(grid.size[0]), static_cast<std::int32_t>(grid.size[1]), sampled.data()};
    for (std::size_t volume = 0; volume < static_cast<std::size_t>(image.volumes); ++volume) {
        values.upload(std::span(image.data).subspan(volume * from, from));
        launch(device, grid.voxels(), resample, 1024);
        sampled.download(std::span(out.data).subspan(volume * to, to));
    }
    return out;
}

LabelImage resampled(const LabelImage& labels, const Affine& motion, const Grid& grid, const Device& device) {
    LabelImage out(grid, 1);
    const Buffer values(device, labels.data);
    Buffer<std::int32_t> sampled(device, out.data.size());
    const auto& n = labels.grid.size;
    launch(device, grid.voxels(),
           kernels::ResampleNearest{values.data(), static_cast<std::int32_t>(n[0]), static_cast<std::int32_t>(n[1]), static_cast<std::int32_t>(n[2]), static_cast<std::int32_t>(grid.size[0]),
                                    static_cast<std::int32_t>(grid.size[1]), to_kernel_double(composed(composed(inverse(labels.grid.voxel_to_world), inverse(motion)), grid.voxel_to_world)),
                                    sampled.data()},
           1024);
    sampled.download(out.data);
    return out;
}

}  // namespace arcuate::registration
