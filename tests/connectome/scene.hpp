// Regions, maps and streamlines that the tests of connectomes share.
#pragma once

#include "arcuate/connectome/build.hpp"
#include "kernels/philox.hpp"

#include <array>
#include <cmath>
#include <vector>

namespace arcuate::connectome {

/// Ten voxels of 1 mm in a row along x; region 1 at x = 0, region 2 at x = 9, region 3 at x = 4.
inline Parcellation row_of_regions() {
    LabelImage labels({{10, 1, 1}, {}}, 1, 0);
    labels.at(0) = 1;
    labels.at(9) = 2;
    labels.at(4) = 3;
    return make_parcellation(labels, "labels");
}

/// A parcellation on an oblique grid, a map on another, and streamlines that wander through both and out of them.
struct Scene {
    Parcellation parcellation;
    std::vector<ScalarMap> maps;
    Tractogram tractogram;

    explicit Scene(int streamlines) {
        LabelImage labels({{12, 10, 8}, {{{{0.3, -1.9, 0.5}, {1.7, 0.4, -0.6}, {0.4, 0.5, 2.4}}}, {10, -14, -9}}}, 1, 0);
        for (std::int64_t v = 0; v < labels.grid.voxels(); ++v) {
            const auto r = kernels::Philox{3, static_cast<std::uint64_t>(v), kernels::Purpose::seed, 0}(0);
            if (kernels::uniform(r.v[0]) < 0.3f) labels.at(v) = 1 + static_cast<std::int32_t>(r.v[1] % 20) * 600;
        }
        parcellation = make_parcellation(labels, "labels");
        maps.push_back({"a", "", ScalarImage({{9, 8, 7}, {{{{2.5, 0, 0}, {0, 2.5, 0}, {0, 0, 3}}}, {-10, -8, -9}}}, 1)});
        maps.push_back({"b", "mm2/s", ScalarImage(labels.grid, 1)});
        for (std::size_t m = 0; m < 2; ++m)
            for (std::int64_t v = 0; v < maps[m].image.grid.voxels(); ++v) {
                const auto r = kernels::Philox{4 + m, static_cast<std::uint64_t>(v), kernels::Purpose::seed, 0}(0);
                maps[m].image.at(v) = kernels::uniform(r.v[0]) < 0.02f ? NAN : (m == 0 ? kernels::uniform(r.v[1]) : 3e-3f * (kernels::uniform(r.v[1]) - 0.2f));
            }
        for (int s = 0; s < streamlines; ++s) {
            std::vector<float> line;
            std::array<float, 3> p{};
            for (std::uint32_t v = 0; v < 2 + static_cast<std::uint32_t>(s % 37); ++v) {
                const auto r = kernels::Philox{9, static_cast<std::uint64_t>(s), kernels::Purpose::seed, v}(0);
                for (std::size_t axis = 0; axis < 3; ++axis) p[axis] += (v == 0 ? 20.0f : 2.0f) * (kernels::uniform(r.v[axis]) - 0.5f);
                line.insert(line.end(), p.begin(), p.end());
            }
            tractogram.append(line);
        }
    }
};

/// Every label a volume of its own.
inline Parcellation one_hot(const Parcellation& hard) {
    std::vector<VoxelShare> values;
    for (std::size_t k = 0; k < hard.nodes.size(); ++k)
        for (std::int64_t v = 0; v < hard.labels.grid.voxels(); ++v)
            if (hard.labels.at(v) == hard.nodes[k].label) values.push_back({v, static_cast<std::int32_t>(k) + 1, 1});
    return make_soft_parcellation(hard.labels.grid, static_cast<std::int64_t>(hard.nodes.size()), values, "one_hot");
}

/// The scene's labelled voxels, in parts of up to three of seven regions; some belong wholly to them, others in part.
inline Parcellation in_parts(const Parcellation& hard) {
    std::vector<VoxelShare> values;
    for (std::int32_t label = 1; label <= 7; ++label)
        for (std::int64_t v = 0; v < hard.labels.grid.voxels(); ++v) {
            if (hard.labels.at(v) == 0) continue;
            const auto r = kernels::Philox{31, static_cast<std::uint64_t>(v), kernels::Purpose::seed, 0}(0);
            const float whole = r.v[3] % 2 ? 1.0f : 0.7f, part = 0.5f * kernels::uniform(r.v[1]);
            const auto first = 1 + static_cast<std::int32_t>(r.v[0] % 7), second = 1 + first % 7, third = 1 + second % 7;
            if (label == first) values.push_back({v, label, whole * (1 - part)});
            if (label == second) values.push_back({v, label, whole * part * 0.75f});
            if (label == third) values.push_back({v, label, whole * part * 0.25f});
        }
    return make_soft_parcellation(hard.labels.grid, 7, values, "in_parts");
}

}  // namespace arcuate::connectome
