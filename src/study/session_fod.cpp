#include "study/session_fod.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/dwi/mean_response.hpp"
#include "arcuate/io/tables.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace arcuate::study {

namespace {

/// Responses of one session, in the order of the model's tissues.
std::vector<dwi::Tissue> estimate_responses(const Session& from, const Acquisition& data, const SubjectModel& model, const PipelineOptions& options,
                                            const Device& device, const Listener& listener) {
    const auto count = [](const Mask& mask) { return std::count_if(mask.data.begin(), mask.data.end(), [](auto inside) { return inside != 0; }); };
    if (model.multi_tissue) {
        auto result = dwi::estimate_tissue_responses(data.dwi, data.gradients, data.mask, options.tissues, device, *listener.progress);
        listener.say(fmt::format("{}: tissue responses from {} voxels of white matter, {} of grey matter, {} of CSF", from.name(), count(result.voxels[0]),
                                 count(result.voxels[1]), count(result.voxels[2])));
        std::erase_if(result.tissues, [&](const auto& t) { return std::find(model.tissues.begin(), model.tissues.end(), t.name) == model.tissues.end(); });
        return result.tissues;
    }
    const auto result = dwi::estimate_response(data.dwi, data.gradients, data.mask, options.estimate, device, *listener.progress);
    const auto voxels = count(result.voxels);
    listener.say(fmt::format("{}: response at b = {:.0f} from {} single-fibre voxels in {} iterations{}", from.name(), result.b_value, voxels, result.iterations,
                             result.converged ? "" : " (the choice of voxels still changed)"));
    if (voxels < options.estimate.voxels)
        listener.warn(fmt::format("{}: the response rests on {} voxels instead of {}; check the mask, or give one with --response", from.name(), voxels, options.estimate.voxels));
    return {{"", {result.response}}};
}

std::vector<dwi::Tissue> read_responses(const PipelineOptions& options) {
    std::vector<dwi::Tissue> out;
    for (const auto& [tissue, file] : options.responses) {
        auto rows = io::read_numbers(file);
        if (rows.empty() || rows.back().empty()) throw InputError(fmt::format("{} holds no response (no line of numbers); give a response file as of arcuate response", file));
        if (tissue.empty()) rows = {rows.back()};  // one line per shell; the FOD is that of the largest b
        out.push_back({tissue, std::move(rows)});
    }
    return out;
}

}  // namespace

dwi::TensorMaps fit_session_tensor(const Session& session, const Acquisition& data, const PipelineOptions& options, const Device& device, const Listener& listener) {
    auto tensor = dwi::fit_tensor(data.dwi, data.gradients, data.mask, options.tensor, device, *listener.progress);
    if (tensor.fitted == 0)
        throw InputError(fmt::format("{} has no usable voxel inside its mask (each has a volume that is not finite, or no signal); check for volumes of NaN or zeros", session.dwi));
    return tensor;
}

namespace {

SubjectResponses find_responses(const SessionPlan& plan, const PipelineOptions& options, const Device& device, const Listener& listener, Common& common) {
    const auto& sources = plan.model.sources;
    SubjectResponses out;
    std::vector<dwi::SessionResponses> sessions;
    for (std::size_t s = 0; s < sources.size(); ++s) {
        try {
            const Acquisition data = common.images.read(sources[s], plan.source_masks[s]);
            const double intensity = dwi::white_matter_intensity(fit_session_tensor(sources[s], data, options, device, listener), data.mask);
            sessions.push_back({estimate_responses(sources[s], data, plan.model, options, device, listener), intensity});
        } catch (const InputError& fault) {
            out.faults[sources[s].dwi] = fault.what();
        }
    }
    if (!sessions.empty()) out.mean = dwi::mean_responses(sessions);
    if (!sessions.empty() && sources.size() > 1)
        listener.say(fmt::format("sub-{}: the mean of {} sessions' responses is used for all of them", plan.session.subject, sessions.size()));
    if (!sessions.empty() && !out.faults.empty())
        listener.warn(fmt::format("sub-{}: {} of {} sessions give no response and do not enter the mean", plan.session.subject, out.faults.size(), sources.size()));
    return out;
}

}  // namespace

const SubjectResponses& responses_of(const SessionPlan& plan, const PipelineOptions& options, const Device& device, const Listener& listener, Common& common) {
    const auto& out = common.responses.get(plan.session.subject, [&] { return find_responses(plan, options, device, listener, common); });
    if (const auto fault = out.faults.find(plan.session.dwi); fault != out.faults.end())
        throw InputError(fmt::format("{}{}", fault->second, plan.model.multi_tissue ? " (in estimating tissue responses; --fod csd does without)" : ""));
    return out;
}

std::vector<dwi::Tissue> session_responses(const SessionPlan& plan, double intensity, const PipelineOptions& options, const Device& device, const Listener& listener,
                                           Common& common) {
    return options.responses.empty() ? dwi::scaled(responses_of(plan, options, device, listener, common).mean, intensity) : read_responses(options);
}

ScalarImage SessionFods::take_white() {
    for (auto& tissue : tissues)
        if (tissue.name.empty() || tissue.name == "wm") return std::move(tissue.fod);
    return {};
}

SessionFods estimate_fods(const SessionPlan& plan, const Acquisition& data, const std::vector<dwi::Tissue>& responses, const PipelineOptions& options, const Device& device,
                          const Listener& listener) {
    const std::string name = plan.session.name();
    if (!plan.model.multi_tissue) {
        auto fod = dwi::estimate_fod(data.dwi, data.gradients, data.mask, responses.front().shells.front(), options.fod, device, *listener.progress);
        listener.say(fmt::format("{}: FODs of lmax {}, {} voxels skipped, {} not converged", name, fod.lmax, fod.skipped, fod.not_converged));
        SessionFods out{{}, {fod.lmax}};
        out.tissues.push_back({"", std::move(fod.fod)});
        return out;
    }
    dwi::MsmtOptions msmt{.directions = options.fod.directions, .chunk = options.fod.chunk};
    if (options.fod.lmax > 0)
        for (const auto& tissue : responses) msmt.lmax.push_back(tissue.name == "wm" ? options.fod.lmax : 0);
    auto fods = dwi::estimate_msmt_fod(data.dwi, data.gradients, data.mask, responses, msmt, device, *listener.progress);
    listener.say(fmt::format("{}: FODs of lmax {}, {} voxels skipped, {} not converged", name, *std::max_element(fods.lmax.begin(), fods.lmax.end()), fods.skipped,
                             fods.not_converged));
    SessionFods out{{}, fods.lmax};
    for (std::size_t t = 0; t < responses.size(); ++t) out.tissues.push_back({responses[t].name, std::move(fods.fods[t])});
    const auto normalised = dwi::estimate_normalisation(out.tissues, data.mask, options.normalise, device);
    const auto [least, greatest] = std::minmax_element(normalised.field.data.begin(), normalised.field.data.end());
    listener.say(fmt::format("{}: intensity normalised, by a field of {:.3f} to {:.3f}", name, *least, *greatest));
    if (!normalised.converged)
        listener.warn(fmt::format("{}: the intensity normalisation still changed after {} iterations; check that the mask holds brain alone", name, normalised.iterations));
    for (auto& tissue : out.tissues) dwi::apply_field(tissue.fod, normalised.field, device);
    return out;
}

tracking::TrackInput inside(const Mask& mask, const ScalarImage& fod) {
    tracking::TrackInput input{.field = fod};
    input.seeds.push_back(tracking::seeds_in(mask, "the brain mask"));
    input.regions.mask.emplace_back(mask, "the brain mask");
    return input;
}

std::string text_of(const dwi::Tissue& response) {
    std::size_t width = 0;
    for (const auto& row : response.shells) width = std::max(width, row.size());
    std::string out;
    for (const auto& row : response.shells)
        for (std::size_t k = 0; k < width; ++k) out += io::number(k < row.size() ? row[k] : 0.0) + (k + 1 < width ? " " : "\n");
    return out;
}

}  // namespace arcuate::study
