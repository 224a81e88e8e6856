#include "connectome/share_lists.hpp"

#include "connectome/node_search.hpp"

#include <string_view>
#include <unordered_map>

namespace arcuate::connectome {

VoxelLists voxel_lists(const Parcellation& soft) {
    constexpr double rounding = 1e-6;  // what is left of 1 below this is nothing
    VoxelLists out{.of_voxel = std::vector<std::int32_t>(soft.labels.data.size()), .offsets = {0, 1}, .shares = {{0, 1.0f}}, .largest = {0}};
    std::unordered_map<std::string_view, std::int32_t> known;  // by its bytes
    for (std::size_t v = 0; v < out.of_voxel.size(); ++v) {
        const auto* const first = soft.shares.data() + soft.offsets[v];
        const auto n = static_cast<std::size_t>(soft.offsets[v + 1] - soft.offsets[v]);
        if (n == 0) continue;
        const auto [at, is_new] = known.try_emplace({reinterpret_cast<const char*>(first), n * sizeof(Share)}, static_cast<std::int32_t>(out.offsets.size()) - 1);
        out.of_voxel[v] = at->second;
        if (!is_new) continue;
        double rest = 1;
        for (std::size_t i = 0; i < n; ++i) rest -= static_cast<double>(first[i].share);
        if (rest > rounding) out.shares.push_back({0, static_cast<float>(rest)});
        for (std::size_t i = 0; i < n; ++i) out.shares.push_back({node_number(soft.nodes, first[i].label), first[i].share});
        out.offsets.push_back(static_cast<std::int64_t>(out.shares.size()));
        out.largest.push_back(node_number(soft.nodes, soft.labels.data[v]));
    }
    return out;
}

}  // namespace arcuate::connectome
