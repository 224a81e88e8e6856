#include "study/replicates.hpp"

#include "kernels/philox.hpp"

#include <fmt/format.h>

namespace arcuate::study {

namespace {

/// Streamlines of replicates have random numbers of their own, or their sampling errors would not be independent.
std::uint64_t seed_of(std::uint64_t seed, std::int64_t number) {
    const auto bits = kernels::Philox{seed, static_cast<std::uint64_t>(number), kernels::Purpose::replicate, 0}(0);
    return std::uint64_t{bits.v[0]} << 32 | bits.v[1];
}

Connectome connectome_of(const SessionPlan& plan, const Acquisition& data, const std::vector<dwi::Tissue>& responses, const Parcellation& parcellation, const PipelineOptions& options,
                         const Device& device) {
    const Listener quiet;
    std::vector<connectome::ScalarMap> maps;
    {
        auto tensor = fit_session_tensor(plan.session, data, options, device, quiet);
        for (const auto& row : tensor_map_rows)
            if (row.along_edges) maps.push_back({row.name, row.unit, std::move(tensor.*row.image)});
    }
    const ScalarImage fod = estimate_fods(plan, data, responses, options, device, quiet).take_white();
    connectome::ConnectomeBuilder builder(parcellation, maps, options.connectome, device);
    tracking::TrackInput input{.field = fod};
    input.seeds.push_back(tracking::seeds_in(data.mask, "the brain mask"));
    input.regions.mask.emplace_back(data.mask, "the brain mask");
    tracking::track(input, options.track, device, builder);
    return builder.connectome();
}

std::string words_of(const dwi::ShellFit& fit) {
    if (fit.lmax == 0) return fmt::format("b = {:.0f} by the mean of {} volumes", fit.b_value, fit.volumes);
    if (fit.lmax < 0) return fmt::format("b = {:.0f} (too few volumes) by the noise of the others", fit.b_value);
    return fmt::format("b = {:.0f} by lmax {} from {}", fit.b_value, fit.lmax, fit.volumes);
}

}  // namespace

connectome::Replicates replicate_connectomes(const SessionPlan& plan, const Acquisition& data, const std::vector<dwi::Tissue>& responses, const Parcellation& parcellation,
                                             const PipelineOptions& options, const Device& device, const Listener& listener) {
    std::string fits;
    for (const auto& fit : dwi::replicate_fits(data.gradients, options.replicate.lmax)) fits += (fits.empty() ? "" : ", ") + words_of(fit);
    listener.say(fmt::format("{}: measurement errors from {} replicates; signals are fitted at {}", plan.session.name(), options.replicates, fits));
    PipelineOptions each = options;
    each.connectome.errors = true;
    each.replicate.seed = options.track.seed;
    connectome::Replicates out;
    listener.progress->begin("measuring again", options.replicates, "replicates");
    for (int number = 1; number <= options.replicates; ++number) {
        each.replicate.number = number;
        each.track.seed = seed_of(options.track.seed, number);
        const Acquisition again{dwi::replicate_signal(data.dwi, data.gradients, data.mask, each.replicate, device), data.gradients, data.mask};
        out.add(connectome_of(plan, again, responses, parcellation, each, device));
        listener.progress->at(number);
    }
    listener.progress->end();
    return out;
}

}  // namespace arcuate::study
