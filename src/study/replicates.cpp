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

std::string words_of(const dwi::ShellFit& fit) {
    if (fit.lmax == 0) return fmt::format("b = {:.0f} by the mean of {} volumes", fit.b_value, fit.volumes);
    if (fit.lmax < 0) return fmt::format("b = {:.0f} (too few volumes) by the noise of the others", fit.b_value);
    return fmt::format("b = {:.0f} by lmax {} from {}", fit.b_value, fit.lmax, fit.volumes);
}

}  // namespace

void say_replicates(const SessionPlan& plan, const Acquisition& data, const PipelineOptions& options, const Listener& listener) {
    std::string fits;
    for (const auto& fit : dwi::replicate_fits(data.gradients, options.replicate.lmax)) fits += (fits.empty() ? "" : ", ") + words_of(fit);
    listener.say(fmt::format("{}: measurement errors from {} replicates; signals are fitted at {}", plan.session.name(), options.replicates, fits));
}

Acquisition measured_again(Acquisition data, int number, const PipelineOptions& options, const Device& device) {
    auto replicate = options.replicate;
    replicate.seed = options.track.seed;
    replicate.number = number;
    data.dwi = dwi::replicate_signal(data.dwi, data.gradients, data.mask, replicate, device);
    return data;
}

std::vector<connectome::ScalarMap> maps_along_edges(const SessionPlan& plan, const Acquisition& data, const PipelineOptions& options, const Device& device) {
    std::vector<connectome::ScalarMap> maps;
    auto tensor = fit_session_tensor(plan.session, data, options, device, {});
    for (const auto& row : tensor_map_rows)
        if (row.along_edges) maps.push_back({row.name, row.unit, std::move(tensor.*row.image)});
    return maps;
}

connectome::Replicates replicate_connectomes(const SessionPlan& plan, const Acquisition& data, const std::vector<dwi::Tissue>& responses, const Parcellation& parcellation,
                                             const PipelineOptions& options, const Device& device, const Listener& listener) {
    say_replicates(plan, data, options, listener);
    auto build = options.connectome;
    build.errors = true;
    auto track = options.track;
    connectome::Replicates out;
    listener.progress->begin("measuring again", options.replicates, "replicates");
    for (int number = 1; number <= options.replicates; ++number) {
        const Acquisition again = measured_again(data, number, options, device);
        connectome::ConnectomeBuilder builder(parcellation, maps_along_edges(plan, again, options, device), build, device);
        const ScalarImage fod = estimate_fods(plan, again, responses, options, device, {}).take_white();
        const auto input = inside(again.mask, fod);
        track.seed = seed_of(options.track.seed, number);
        tracking::track(input, track, device, builder);
        out.add(builder.connectome());
        listener.progress->at(number);
    }
    listener.progress->end();
    return out;
}

}  // namespace arcuate::study
