#include "arcuate/connectome/quality.hpp"

#include "arcuate/core/error.hpp"

#include <fmt/format.h>

namespace arcuate::connectome {

Quality check_quality(const Connectome& connectome, const std::string& tracks, const std::string& parcellation) {
    if (connectome.streamlines == 0) throw InputError(fmt::format("{} holds no streamline (there is nothing to connect); track first, or check the file", tracks));
    if (connectome.assigned + connectome.half_assigned == 0)
        throw InputError(fmt::format("{} does not overlap the streamlines of {} (none of {} has a region at {} end); check that both are in the same world frame", parcellation, tracks,
                                     connectome.streamlines, connectome.vector ? "its last" : "an"));
    Quality out;
    const auto& count = connectome.metric("count").matrix;
    const std::size_t n = connectome.nodes.size();
    std::string empty, lonely;
    for (std::size_t i = 0; i < n; ++i) {
        double of_node = 0;
        const std::size_t columns = connectome.vector ? 1 : n;
        for (std::size_t j = 0; j < columns; ++j) {
            of_node += count[i * columns + j];
            out.edges += (connectome.vector || j >= i) && count[i * columns + j] > 0;
        }
        const auto& node = connectome.nodes[i];
        if (node.voxels == 0) empty += (empty.empty() ? "" : ", ") + node.name;
        else if (of_node == 0) lonely += (lonely.empty() ? "" : ", ") + node.name;
    }
    if (2 * connectome.assigned < connectome.streamlines)
        out.warnings.push_back(fmt::format("only {} of {} streamlines {} of {}; check that both are in the same world frame and that the parcellation reaches the end of the white "
                                           "matter, or search further", connectome.assigned, connectome.streamlines, connectome.vector ? "end in a region" : "connect two regions", parcellation));
    if (!empty.empty()) out.warnings.push_back(fmt::format("regions without a voxel in {}: {}", parcellation, empty));
    if (!lonely.empty()) out.warnings.push_back(fmt::format("regions of {} that no streamline {}: {}", parcellation, connectome.vector ? "ends in" : "connects", lonely));
    return out;
}

}  // namespace arcuate::connectome
