#include "arcuate/study/phantom_check.hpp"

#include "arcuate/connectome/build.hpp"
#include "arcuate/core/error.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/tables.hpp"
#include "arcuate/io/tractogram.hpp"
#include "arcuate/study/change.hpp"
#include "study/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace arcuate::study {

namespace {

constexpr int batches = 20;

/// Where an edge's value stands in the matrices of a connectome.
std::size_t cell(const Connectome& c, const std::string& a, const std::string& b) {
    const auto row = [&](const std::string& name) {
        for (std::size_t i = 0; i < c.nodes.size(); ++i)
            if (c.nodes[i].name == name) return i;
        throw InputError(fmt::format("the connectome has no region {} (it is not that of the phantom); run on the phantom's own parcellation", name));
    };
    return row(a) * c.nodes.size() + row(b);
}

/// Every batch of streamlines becomes a connectome of its own.
class BatchMeans : public StreamlineSink {
  public:
    BatchMeans(const Parcellation& parcellation, const ScalarImage& fa, const Device& device) : parcellation_(parcellation), maps_{{"fa", "", fa}}, device_(device) {}
    void append(const TractogramView& streamlines) override {
        connectome::ConnectomeBuilder builder(parcellation_, maps_, {}, device_);
        builder.append(streamlines);
        all_.push_back(builder.connectome());
    }
    /// Variance of the mean over all streamlines of an edge, from the spread of the batches' means.
    double variance(std::size_t at) const {
        double n = 0, sum = 0;
        for (const auto& c : all_)
            if (const double count = c.metric("count").matrix[at]; count > 0) {
                n += count;
                sum += count * c.metric("mean_fa").matrix[at];
            }
        double squares = 0, used = 0;
        for (const auto& c : all_)
            if (const double count = c.metric("count").matrix[at]; count > 0) {
                const double off = count * (c.metric("mean_fa").matrix[at] - sum / n);
                squares += off * off;
                ++used;
            }
        return used > 1 ? squares / (n * n) * used / (used - 1) : std::nan("");
    }

  private:
    const Parcellation& parcellation_;
    std::vector<connectome::ScalarMap> maps_;
    const Device& device_;
    std::vector<Connectome> all_;
};

/// Variance of the mean FA over the voxels that a bundle fills by half or more, from the scatter about the FA without noise.
double noise_variance(const ScalarImage& fa, const ScalarImage& noise_free, const ScalarImage& fractions, std::int64_t bundle) {
    double n = 0, squares = 0;
    for (std::int64_t voxel = 0; voxel < fa.grid.voxels(); ++voxel) {
        if (fractions.at(voxel, bundle) < 0.5f) continue;
        const double off = fa.at(voxel) - noise_free.at(voxel);
        squares += off * off;
        ++n;
    }
    return squares / (n * n);
}

}  // namespace

PhantomCheck check_phantom(const std::string& bids_dir, const std::string& out_dir, const std::vector<TrueEdge>& truth, const Device& device) {
    auto results = find_results(bids_dir, out_dir);
    std::erase_if(results, [&](const SessionResult& r) { return r.session.subject != results.front().session.subject; });
    if (results.size() < 2) throw InputError(fmt::format("{} holds {} sessions of the phantom (a change needs two); run them first", out_dir, results.size()));

    const std::string truth_dir = bids_dir + "/derivatives/truth/";
    const ScalarImage fractions = io::read_image(truth_dir + "fractions.nii.gz");
    PhantomCheck out;
    for (const auto& edge : truth) out.edges.push_back({.truth = edge});
    std::vector<double> variance(truth.size(), 0.0), false_counts;
    Connectome first;
    for (const auto* result : {&results.front(), &results.back()}) {
        const bool is_first = result == &results.front();
        const Connectome c = io::read_connectome(result->path);
        SessionPlan plan;
        plan.folder = out_dir + "/" + result->session.folder() + "/dwi";
        plan.prefix = derivative_prefix(result->session);
        const ScalarImage fa = io::read_image(plan.map("tensor", "fa"));
        const ScalarImage noise_free = io::read_image(truth_dir + "noisefree_fa_ses-" + result->session.session + ".nii.gz");
        const std::string labels = find_parcellation(bids_dir, result->session, result->atlas).path;
        Parcellation parcellation = make_parcellation(io::read_labels(labels), labels);
        BatchMeans means(parcellation, fa, device);
        io::stream_tractogram(plan.tracks(), means, std::max<std::int64_t>(1, (c.streamlines + batches - 1) / batches));

        auto wrong = c.metric("count").matrix;
        for (std::size_t e = 0; e < truth.size(); ++e) {
            const auto at = cell(c, truth[e].from, truth[e].to);
            (is_first ? out.edges[e].count_first : out.edges[e].count_last) = c.metric("count").matrix[at];
            (is_first ? out.edges[e].fa_first : out.edges[e].fa_last) = c.metric("mean_fa").matrix[at];
            variance[e] += means.variance(at) + noise_variance(fa, noise_free, fractions, static_cast<std::int64_t>(e));
            wrong[at] = wrong[cell(c, truth[e].to, truth[e].from)] = 0;
        }
        out.assigned += c.assigned;
        false_counts.resize(wrong.size(), 0.0);
        for (std::size_t i = 0; i < c.nodes.size(); ++i)
            for (std::size_t j = i; j < c.nodes.size(); ++j) {
                false_counts[i * c.nodes.size() + j] += wrong[i * c.nodes.size() + j];
                out.false_streamlines += static_cast<std::int64_t>(wrong[i * c.nodes.size() + j]);
            }
        if (is_first) first = c;
    }
    for (std::size_t e = 0; e < truth.size(); ++e) out.edges[e].standard_error = std::sqrt(variance[e]);
    const auto commonest = static_cast<std::size_t>(std::max_element(false_counts.begin(), false_counts.end()) - false_counts.begin());
    if (out.false_streamlines > 0) {
        const auto n = first.nodes.size();
        out.commonest_false = commonest / n == commonest % n ? first.nodes[commonest / n].name + " with itself"
                                                             : first.nodes[commonest / n].name + " - " + first.nodes[commonest % n].name;
    }
    return out;
}

}  // namespace arcuate::study
