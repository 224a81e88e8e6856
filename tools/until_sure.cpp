#include "until_sure.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/io/tables.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>

namespace arcuate::tools {

namespace {

constexpr std::int64_t batch = 10'000;

/// Edges as given, or those of the file that stands in their place: two labels in each line.
std::vector<std::string> edges_of(const std::vector<std::string>& given) {
    if (given.size() != 1 || !std::filesystem::exists(given.front())) return given;
    std::vector<std::string> edges;
    for (const auto& row : io::read_numbers(given.front())) {
        if (row.size() != 2) throw InputError(fmt::format("{} has a line of {} numbers (an edge is two labels); give two per line", given.front(), row.size()));
        edges.push_back(fmt::format("{}-{}", row[0], row[1]));
    }
    if (edges.empty()) throw InputError(fmt::format("{} holds no edge; give two labels per line", given.front()));
    return edges;
}

}  // namespace

void UntilSureOptions::add_to(CLI::App& app, const std::string& group) {
    auto* until = app.add_option("--until-cv", cv, "go on until the relative sampling error is below this in --until-share of the edges, or --select [10M] is reached; brings --errors")
                      ->type_name("CV")
                      ->check(CLI::Range(1e-6, 1.0))
                      ->group(group);
    app.add_option("--until-share", share, "of the edges")->check(CLI::Range(1e-6, 1.0))->capture_default_str()->needs(until)->group(group);
    app.add_option("--until-metric", metric, "whose error it is")->type_name("NAME")->capture_default_str()->needs(until)->group(group);
    app.add_option("--for-edges", edges, "which edges: pairs of labels as 8-49,8-50, or a text file of two labels a line  [those that have a streamline]")
        ->type_name("A-B,... | FILE")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->needs(until)
        ->group(group);
}

UntilSure::UntilSure(const UntilSureOptions& options, const connectome::ConnectomeBuilder& builder, std::size_t parcellations)
    : options_(options), builder_(builder), parcellations_(parcellations), next_(batch) {
    if (!options.edges.empty() && parcellations != 1) throw InputError("--for-edges goes with one parcellation (labels are of one); leave out the others");
    if (!options.edges.empty()) chosen_ = connectome::edges_named(edges_of(options.edges), builder.connectome().nodes);
    look();  // what is wrong with the metric is said before the work
}

void UntilSure::attach_to(tracking::TrackControl& control) {
    control.batch = batch;
    control.after_batch = [this](const tracking::TrackSummary& done) {
        if (done.accepted < next_) return;
        look();
        next_ = done.accepted + std::max(batch, done.accepted / 20 / batch * batch);
    };
    control.stop = [this] { return reached(); };
}

void UntilSure::look() {
    for (std::size_t p = 0; p < parcellations_; ++p) {
        const auto connectome = builder_.connectome(p);
        const auto precision = connectome::precision_of(connectome, options_.metric, options_.cv, chosen_);
        if (p == 0 || precision.share() < precision_.share()) precision_ = precision;
        looked_at_ = connectome.streamlines;
    }
}

void UntilSure::report(const Run& run) {
    if (!reached()) look();
    const auto text = fmt::format("after {} streamlines {} of {} edges have a relative sampling error of {} below {}", looked_at_, precision_.sure, precision_.edges, options_.metric, options_.cv);
    if (reached()) run.say(text);
    else run.warn(fmt::format("{}, not the wanted share of {}; raise --select, or name the edges that matter with --for-edges", text, options_.share));
}

std::string UntilSure::asked() const {
    return fmt::format("{} with cv below {} in {} of {}", options_.metric, options_.cv, options_.share, options_.edges.empty() ? "all edges" : fmt::format("{}", fmt::join(options_.edges, ",")));
}

std::string UntilSure::json() const {
    return nlohmann::ordered_json{{"streamlines", looked_at_}, {"metric", options_.metric}, {"cv", options_.cv}, {"wanted_share", options_.share}, {"edges", precision_.edges},
                                  {"edges_below_cv", precision_.sure}, {"reached", reached()}}
        .dump();
}

}  // namespace arcuate::tools
