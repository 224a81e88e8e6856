#include "arcuate/core/parcellation.hpp"

#include "arcuate/core/connectome.hpp"
#include "arcuate/core/error.hpp"

#include <fmt/format.h>

#include <cctype>
#include <map>

namespace arcuate {

namespace {

constexpr std::int32_t max_label = 65535;

}  // namespace

Parcellation make_parcellation(LabelImage labels, const std::string& name) {
    struct Sum {
        Vec3d position{0, 0, 0};
        std::int64_t voxels = 0;
    };
    std::map<std::int32_t, Sum> regions;
    const auto& size = labels.grid.size;
    for (std::int64_t z = 0, v = 0; z < size[2]; ++z)
        for (std::int64_t y = 0; y < size[1]; ++y)
            for (std::int64_t x = 0; x < size[0]; ++x, ++v) {
                const auto label = labels.at(v);
                if (label == 0) continue;
                if (label < 0)
                    throw InputError(fmt::format("{} has the negative label {} at voxel ({}, {}, {}); labels are 0 for background and positive for regions",
                                                 name, label, x, y, z));
                if (label > max_label)
                    throw InputError(fmt::format("{} has the label {} at voxel ({}, {}, {}) (labels go up to {}; is it another kind of image?); give a parcellation", name, label, x, y, z,
                                                 max_label));
                auto& sum = regions[label];
                sum.position[0] += static_cast<double>(x);
                sum.position[1] += static_cast<double>(y);
                sum.position[2] += static_cast<double>(z);
                ++sum.voxels;
            }
    if (regions.empty())
        throw InputError(fmt::format("{} has no positive label (every voxel is background); give an image whose regions are numbered from 1", name));
    Parcellation out;
    for (const auto& [label, sum] : regions) {
        const auto n = static_cast<double>(sum.voxels);
        out.nodes.push_back({label, std::to_string(label),
                             transform_point(labels.grid.voxel_to_world, {sum.position[0] / n, sum.position[1] / n, sum.position[2] / n}), sum.voxels});
    }
    out.labels = std::move(labels);
    return out;
}

std::string hemisphere(const std::string& name) {
    bool left = false, right = false;
    std::string word;
    for (std::size_t i = 0; i <= name.size(); ++i) {
        if (i < name.size() && std::isalnum(static_cast<unsigned char>(name[i]))) {
            word += static_cast<char>(std::tolower(static_cast<unsigned char>(name[i])));
            continue;
        }
        left = left || word == "left" || word == "lh" || word == "l";
        right = right || word == "right" || word == "rh" || word == "r";
        word.clear();
    }
    return left == right ? "" : (left ? "L" : "R");
}

const EdgeMetric& Connectome::metric(const std::string& name) const {
    std::string known;
    for (const auto& m : metrics) {
        if (m.name == name) return m;
        known += (known.empty() ? "" : ", ") + m.name;
    }
    throw InputError(fmt::format("the connectome has no metric '{}' (it has: {})", name, known));
}

}  // namespace arcuate
