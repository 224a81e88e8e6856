#include "arcuate/dwi/mean_response.hpp"

#include "arcuate/core/error.hpp"
#include "dwi/otsu.hpp"
#include "kernels/math.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace arcuate::dwi {

double white_matter_intensity(const TensorMaps& maps, const Mask& mask) {
    std::vector<std::pair<float, std::int64_t>> by_anisotropy;  // (-FA, voxel): largest first, of equal ones the first voxel
    for (std::int64_t v = 0; v < mask.grid.voxels(); ++v)
        if (mask.at(v) && maps.fa.at(v) <= 1 && maps.s0.at(v) > 0 && kernels::is_finite(maps.s0.at(v))) by_anisotropy.emplace_back(-maps.fa.at(v), v);
    if (by_anisotropy.empty()) throw InputError("no voxel of the mask has a tensor to take the image's intensity from; check the image and the mask");
    std::sort(by_anisotropy.begin(), by_anisotropy.end());
    by_anisotropy.resize((by_anisotropy.size() + 9) / 10);
    std::vector<double> s0;
    for (const auto& [fa, voxel] : by_anisotropy) s0.push_back(static_cast<double>(maps.s0.at(voxel)));
    return median(std::move(s0));
}

std::vector<Tissue> mean_responses(const std::vector<SessionResponses>& sessions) {
    if (sessions.empty()) throw InputError("there is no response to average; give those of one session or more");
    auto mean = scaled(sessions.front().tissues, 0);
    for (const auto& session : sessions) {
        if (session.tissues.size() != mean.size()) throw InputError("the sessions have different tissues; average those of one kind of deconvolution");
        for (std::size_t t = 0; t < mean.size(); ++t) {
            const auto& from = session.tissues[t].shells;
            auto& to = mean[t].shells;
            if (from.size() != to.size())
                throw InputError(fmt::format("the responses of {} have {} and {} shells (sessions with other b-values do not compare); average those of like sessions",
                                             mean[t].name.empty() ? "two sessions" : mean[t].name, to.size(), from.size()));
            for (std::size_t s = 0; s < to.size(); ++s) {
                to[s].resize(std::max(to[s].size(), from[s].size()));
                for (std::size_t k = 0; k < from[s].size(); ++k) to[s][k] += from[s][k] / session.intensity / static_cast<double>(sessions.size());
            }
        }
    }
    return mean;
}

std::vector<Tissue> scaled(std::vector<Tissue> tissues, double factor) {
    for (auto& tissue : tissues)
        for (auto& shell : tissue.shells)
            for (double& coefficient : shell) coefficient *= factor;
    return tissues;
}

}  // namespace arcuate::dwi
