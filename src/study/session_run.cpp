#include "study/session_run.hpp"

#include "arcuate/connectome/build.hpp"
#include "arcuate/connectome/quality.hpp"
#include "arcuate/core/error.hpp"
#include "arcuate/dwi/gradient_check.hpp"
#include "arcuate/dwi/mean_response.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/tables.hpp"
#include "arcuate/io/tractogram.hpp"
#include "arcuate/io/transforms.hpp"
#include "arcuate/registration/turn.hpp"
#include "study/replicates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>

namespace arcuate::study {

namespace fs = std::filesystem;

namespace {

double percent(std::int64_t part, std::int64_t whole) { return whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0.0; }

/// Streamlines to the connectome and to a file.
class Tee : public StreamlineSink {
  public:
    Tee(StreamlineSink& first, StreamlineSink& second) : first_(first), second_(second) {}
    void append(const TractogramView& streamlines) override {
        first_.append(streamlines);
        second_.append(streamlines);
    }

  private:
    StreamlineSink& first_;
    StreamlineSink& second_;
};

/// Regions, with their names, in the session's space; checked to lie where the brain is.
Parcellation read_parcellation(const SessionPlan& plan, const Affine& motion, const Acquisition& data, double radius_mm, const Device& device, const Listener& listener) {
    LabelImage labels = io::read_labels(plan.parcellation);
    labels.grid = registration::moved(labels.grid, motion);
    Parcellation parcellation = make_parcellation(std::move(labels), plan.parcellation);
    if (!plan.names.empty()) io::read_node_names({plan.names}, parcellation);

    // The centres of the mask's voxels as streamlines of one vertex: how many have a region within the radius?
    Tractogram centres;
    std::int64_t v = 0;
    const auto& size = data.mask.grid.size;
    for (std::int64_t z = 0; z < size[2]; ++z)
        for (std::int64_t y = 0; y < size[1]; ++y)
            for (std::int64_t x = 0; x < size[0]; ++x)
                if (data.mask.at(v++)) {
                    const Vec3d p = transform_point(data.mask.grid.voxel_to_world, {static_cast<double>(x), static_cast<double>(y), static_cast<double>(z)});
                    centres.append(std::array<float, 3>{static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2])});
                }
    connectome::ConnectomeBuilder near(parcellation, {}, {.search_mm = radius_mm}, device);
    near.append(centres.view());
    const std::int64_t covered = near.connectome().assigned;
    if (covered == 0)
        throw InputError(fmt::format("{} does not overlap the brain of {} (no voxel of {} has a region within {} mm); check that both are in the same world frame",
                                     plan.parcellation, plan.session.name(), plan.mask, radius_mm));
    listener.say(fmt::format("{}: {} regions ({}), {:.0f}% of the mask within {} mm of one", plan.session.name(), parcellation.nodes.size(), plan.parcellation,
                             percent(covered, centres.size()), radius_mm));
    return parcellation;
}

void warn_about_orientation(const dwi::TensorMaps& maps, const SessionPlan& plan, const Listener& listener) {
    if (const auto warning = dwi::orientation_warning(maps, plan.session.dwi)) listener.warn(fmt::format("{}: {}", plan.session.name(), *warning));
}

/// An image that stays where it is.
std::shared_ptr<const ScalarImage> still(const ScalarImage& image) { return {std::shared_ptr<void>(), &image}; }

void say_connectome(const Connectome& connectome, const SessionPlan& plan, const Listener& listener) {
    const auto quality = connectome::check_quality(connectome, "the session", plan.parcellation);
    listener.say(fmt::format("{}: {:.1f}% of the streamlines connect two regions, over {} edges", plan.session.name(), percent(connectome.assigned, connectome.streamlines), quality.edges));
    for (const auto& warning : quality.warnings) listener.warn(fmt::format("{}: {}", plan.session.name(), warning));
}

}  // namespace

void say_tracking(const tracking::TrackSummary& s, const std::string& name, const Listener& listener) {
    std::string line = fmt::format("{}: {} streamlines of {:.1f} mm on average from {} seeds (", name, s.accepted, s.mean_length_mm(), s.seeds);
    for (std::size_t i = 0; i < s.outcome.size(); ++i)
        if (s.outcome[i] || i == 0) line += fmt::format("{}{} {:.1f}%", i ? ", " : "", tracking::outcomes[i].text, percent(s.outcome[i], s.seeds));
    listener.say(line + ")");
    if (s.accepted == 0)
        throw InputError(fmt::format("{} yields no streamline from {} seeds (the reasons stand above); lower --cutoff or --min-length, or check the gradient table", name, s.seeds));
}

void SessionImages::written(const std::string& path, const io::MapDescription& map, const std::string& results) const {
    Provenance provenance = provenance_;
    provenance.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    provenance.results = results;
    io::write_sidecar(path, provenance, true, map);
}

void SessionImages::write(const std::string& path, std::shared_ptr<const ScalarImage> image, const io::MapDescription& map) {
    behind_->add([this, path, image = std::move(image), map] {
        io::write_image(path, *image, true);
        written(path, map);
    });
}

void SessionImages::move_into(Acquisition& data) const {
    if (motion_) move_acquisition(data, *motion_);
}

Acquisition SessionImages::acquisition() const {
    Acquisition data = read_acquisition(plan_.session, plan_.given_mask());
    move_into(data);
    return data;
}

SessionImages::SessionImages(const SessionPlan& plan, const PipelineOptions& options, std::span<const Device> devices, const Listener& listener, Common& common)
    : plan_(plan), provenance_(plan.provenance) {
    const Device& device = devices.front();
    provenance_.device = names_of(devices);
    const std::string name = plan.session.name();
    for (const auto& remark : plan.remarks) listener.say(name + ": " + remark);
    if (options.responses.empty()) responses_of(plan, options, device, listener, common);  // before this session's image fills the memory
    registration::SessionPlace place, place_of_parcellation;
    if (plan.placed()) {
        place = place_of(plan.session.session, plan, options, device, listener, common);
        place_of_parcellation = place_of(plan.parcellation_session, plan, options, device, listener, common);
    }
    if (plan.placed()) motion_ = place.to_common;
    Acquisition data = common.images.read(plan.session, plan.given_mask());
    move_into(data);
    if (plan.mask_computed)
        listener.say(fmt::format("{}: no brain mask was found in the data set: working in one of {} voxels computed from the image, {}", name,
                                 voxels_inside(data.mask, "the computed mask").size(), plan.mask));
    if (options.replicates > 0) dwi::replicate_fits(data.gradients, options.replicate.lmax);  // says so where there can be none
    parcellation = read_parcellation(plan, place_of_parcellation.to_common, data, options.connectome.search_mm, device, listener);

    std::error_code ignored;
    fs::remove(plan.connectome(), ignored);
    if (plan.placed()) {
        io::write_transform(plan.transform(), place.to_common, true);
        written(plan.transform(), {}, place_json(place));
    }
    if (plan.mask_computed) {
        io::write_mask(plan.mask, data.mask, true);
        written(plan.mask, {});
    }
    double intensity = 1;
    {
        auto tensor = fit_session_tensor(plan.session, data, options, device, listener);
        if (options.responses.empty()) intensity = dwi::white_matter_intensity(tensor, data.mask);
        listener.say(fmt::format("{}: tensors fitted in {} voxels, {} skipped", name, tensor.fitted, tensor.skipped));
        if (options.gradient_check) warn_about_orientation(tensor, plan, listener);
        s0 = std::move(tensor.s0);
        maps.reserve(tensor_map_rows.size());  // they stay where they are
        for (const auto& row : tensor_map_rows) {
            auto& image = tensor.*row.image;
            if (row.along_edges) maps.push_back({row.name, row.unit, std::move(image)});
            const auto kept = row.along_edges ? &maps.back().image : row.image == &dwi::TensorMaps::s0 ? &s0 : nullptr;
            write(plan.map("tensor", row.name), kept ? still(*kept) : std::make_shared<ScalarImage>(std::move(image)), io::describe_map("tensor", row.name));
        }
    }
    responses_ = session_responses(plan, intensity, options, device, listener, common);
    write_fods(data, options, device, listener);
    if (options.replicates > 0) {
        if (options.trajectories == Trajectories::independent) replicates = replicate_connectomes(plan, data, responses_, parcellation, options, device, listener);
        else say_replicates(plan, data, options, listener);
    }
    mask = std::move(data.mask);
}

void SessionImages::write_fods(const Acquisition& data, const PipelineOptions& options, const Device& device, const Listener& listener) {
    for (const auto& tissue : responses_) {
        io::write_text(plan_.response(tissue.name), text_of(tissue), true);
        written(plan_.response(tissue.name), {});
    }
    auto fods = estimate_fods(plan_, data, responses_, options, device, listener);
    fod = fods.take_white();
    for (std::size_t t = 0; t < fods.tissues.size(); ++t) {
        auto& [name, image] = fods.tissues[t];
        auto description = io::describe_map(plan_.model.name(), name, fods.lmax[t]);
        if (plan_.model.multi_tissue) description.description += ", intensity normalised";
        const bool white = name.empty() || name == "wm";
        write(plan_.fod(name), white ? still(fod) : std::make_shared<ScalarImage>(std::move(image)), description);
    }
}

void SessionImages::finish(Connectome connectome, const Listener& listener) {
    settle();
    if (replicates.count() > 0) replicates.add_errors(connectome);
    if (changes.count() > 0) changes.add_errors(connectome);
    say_connectome(connectome, plan_, listener);
    std::vector<std::string> names;
    for (const auto& node : connectome.nodes) names.push_back(node.name);
    io::write_matrix(plan_.counts(), names, connectome.metric("count").matrix, true);
    written(plan_.counts(), {});
    written(plan_.connectome(), {});
    io::write_connectome(plan_.connectome(), connectome, provenance_, true);
    listener.say(fmt::format("{}: done in {:.0f} s, {}", plan_.session.name(), std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(), plan_.connectome()));
}

void run_session(const SessionPlan& plan, const PipelineOptions& options, std::span<const Device> devices, const Listener& listener, Common& common) {
    SessionImages images(plan, options, devices, listener, common);
    auto build = options.connectome;
    build.errors = build.errors || options.replicates > 0;
    // A stream of high priority: what is tracked already goes before what is still to be tracked.
    connectome::ConnectomeBuilder builder(images.parcellation, images.maps, build, devices.front().with_own_stream(Priority::high));
    const auto input = inside(images.mask, images.fod);
    std::unique_ptr<io::TractogramWriter> file;
    if (options.keep_tracks)
        file = io::make_tractogram_writer(plan.tracks(), {.properties = tracking::header_fields(tracking::resolve(options.track, input)), .grid = input.field.grid, .overwrite = true});
    std::optional<Tee> both;
    if (file) both.emplace(builder, *file);
    const auto summary = tracking::track(input, options.track, devices, both ? static_cast<StreamlineSink&>(*both) : builder, *listener.progress);
    say_tracking(summary, plan.session.name(), listener);
    if (file) {
        file->commit(summary.started());
        images.written(plan.tracks(), {});
    }
    images.finish(builder.connectome(), listener);
}

}  // namespace arcuate::study
