#include "study/session_place.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/registration/turn.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace arcuate::study {

namespace {

SubjectPlaces find_places(const SessionPlan& plan, const PipelineOptions& options, const Device& device, const Listener& listener, Common& common) {
    SubjectPlaces out;
    std::vector<registration::RigidInput> sessions;
    std::vector<std::string> labels;
    for (std::size_t s = 0; s < plan.model.placed.size(); ++s) {
        const Session& session = plan.model.placed[s];
        try {
            Acquisition data = common.images.read(session, plan.placed_masks[s]);
            auto tensor = fit_session_tensor(session, data, options, device, listener);
            sessions.push_back({session.name(), std::move(tensor.s0), std::move(data.mask)});
            labels.push_back(session.session);
        } catch (const InputError& fault) {
            out.faults[session.session] = fault.what();
        }
    }
    while (sessions.size() > 1) {
        const auto result = registration::place_rigid(sessions, options.registration, device, *listener.progress);
        if (const auto misfit = registration::misfit_of(result, sessions, options.registration)) {
            if (sessions.size() == 2) {
                for (const auto& label : labels) out.faults[label] = misfit->sentence;
                return out;
            }
            const auto at = static_cast<std::ptrdiff_t>(misfit->session);
            out.faults[labels[misfit->session]] = misfit->sentence;
            sessions.erase(sessions.begin() + at);
            labels.erase(labels.begin() + at);
            continue;
        }
        if (!result.converged) listener.warn(fmt::format("sub-{}: registration of the sessions still moved them by more than 0.001 mm in its last step", plan.session.subject));
        for (std::size_t s = 0; s < sessions.size(); ++s) {
            const auto& p = result.sessions[s];
            listener.say(fmt::format("{}: turned by {:.2f} degrees and shifted by {:.2f} mm into the half-way space; correlation {:.3f}, left over {:.2f} mm", sessions[s].name,
                                     p.rotation_deg, p.shift_mm, p.fit, p.residual_mm));
            out.places[labels[s]] = p;
        }
        return out;
    }
    for (const auto& label : labels) out.faults[label] = fmt::format("sub-{} has one session alone that can be registered; repair the others, or leave out --register", plan.session.subject);
    return out;
}

}  // namespace

const registration::SessionPlace& place_of(const std::string& label, const SessionPlan& plan, const PipelineOptions& options, const Device& device, const Listener& listener,
                                           Common& common) {
    const auto& known = common.places.get(plan.session.subject, [&] { return find_places(plan, options, device, listener, common); });
    if (const auto fault = known.faults.find(label); fault != known.faults.end()) throw InputError(fault->second);
    return known.places.at(label);
}

void move_acquisition(Acquisition& data, const Affine& motion) {
    data.dwi.grid = registration::moved(data.dwi.grid, motion);
    data.mask.grid = data.dwi.grid;
    for (auto& direction : data.gradients.directions) direction = transform_direction(motion, direction);
}

std::string place_json(const registration::SessionPlace& p) {
    return nlohmann::ordered_json{{"rotation_deg", p.rotation_deg}, {"shift_mm", p.shift_mm}, {"rotation_error_deg", p.rotation_error_deg}, {"shift_error_mm", p.shift_error_mm},
                                  {"residual_mm", p.residual_mm},   {"fit", p.fit},           {"downweighted", p.downweighted},             {"gain", p.gain}}
        .dump();
}

}  // namespace arcuate::study
