#include "arcuate/study/pipeline.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/study/change.hpp"
#include "study/sessions_together.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>

namespace arcuate::study {

namespace fs = std::filesystem;

namespace {

constexpr const char* description_file = "dataset_description.json";

/// A derivative that Arcuate made: its description says so.
bool is_our_derivative(const fs::path& folder) {
    std::ifstream file(folder / description_file);
    const auto json = nlohmann::json::parse(file, nullptr, false);
    const nlohmann::json::json_pointer name("/GeneratedBy/0/Name"), type("/DatasetType");
    return !json.is_discarded() && json.contains(name) && json[name] == "Arcuate" && json.contains(type) && json[type] == "derivative";
}

void open_output(const std::string& bids_dir, const std::string& out_dir, bool force) {
    std::error_code error;
    if (fs::exists(out_dir) && !fs::is_directory(out_dir)) throw OutputError(fmt::format("cannot write to {} (it is not a folder); choose another name", out_dir));
    if (fs::equivalent(bids_dir, out_dir, error)) throw OutputError(fmt::format("the output folder is the data set itself ({}); choose another, for instance {}/derivatives/arcuate", bids_dir, bids_dir));
    if (fs::is_directory(out_dir) && !fs::is_empty(out_dir, error) && !error && !is_our_derivative(out_dir) && !force)
        throw OutputError(fmt::format("{} is not empty and was not made by arcuate run; choose another folder, or add --force", out_dir));
    fs::create_directories(out_dir, error);
    if (error) throw OutputError(fmt::format("cannot create {} ({}); choose another folder", out_dir, error.message()));
    const nlohmann::ordered_json description{{"Name", "Arcuate: structural connectomes"},
                                             {"BIDSVersion", "1.9.0"},
                                             {"DatasetType", "derivative"},
                                             {"GeneratedBy", {{{"Name", "Arcuate"}, {"Version", version()}}}},
                                             {"SourceDatasets", {{{"URL", bids_dir}}}}};
    io::write_text((fs::path(out_dir) / description_file).string(), description.dump(2) + "\n", true);
}

std::string change_path(const std::string& out_dir) { return (fs::path(out_dir) / "change.tsv").string(); }

/// Throws InputError where options contradict each other.
void check(const PipelineOptions& options) {
    if (options.replicates != 0 && (options.replicates < 2 || options.replicates > 10000))
        throw InputError(fmt::format("{} replicates do not tell a measurement error (2 to 10000 do, 0 is for none); give 20 or more", options.replicates));
    if (options.replicates > 0 && options.trajectories == Trajectories::independent && options.weights != StreamlineWeights::none)
        throw InputError("replicates are of streamlines that the sessions share, or of a session's own without weights (how much of the chance of tracking weights take away is not known); use --trajectories mean, or --weights none");
    if (options.weights == StreamlineWeights::joint && options.trajectories == Trajectories::independent)
        throw InputError("joint weights are of streamlines that the sessions share; add --trajectories mean, or use --weights each");
}

}  // namespace

void run_participants(const std::string& bids_dir, const std::string& out_dir, const Filter& filter, const PipelineOptions& options, const Device& device,
                      const Listener& listener) {
    check(options);
    const auto sessions = find_sessions(bids_dir, filter);
    FileHashes hashes;
    std::vector<SessionPlan> plans;
    const bool shared = options.trajectories != Trajectories::independent;
    for (auto begin = sessions.begin(); begin != sessions.end();) {
        const auto end = std::find_if(begin, sessions.end(), [&](const Session& s) { return s.subject != begin->subject; });
        if (const std::vector<Session> of_subject(begin, end); std::any_of(begin, end, [](const Session& s) { return s.selected; })) {
            const auto model = choose_model(of_subject, options);
            for (const auto& session : of_subject)
                if (session.selected || (shared && session.problem.empty())) plans.push_back(plan_session(bids_dir, out_dir, session, model, options, device, hashes));
        }
        begin = end;
    }
    open_output(bids_dir, out_dir, options.force);
    if (!options.folder.empty()) open_output(bids_dir, (fs::path(out_dir) / options.folder).string(), options.force);
    std::vector<SessionPlan> to_do;
    for (const auto& plan : plans) {
        const State state = options.force ? State::missing : state_of(plan, options.keep_tracks);
        if (state == State::other)
            throw OutputError(fmt::format("{} exists already and was made from other inputs, options or by another version (responses are means over a subject's sessions: a session more is another input); add --force or choose another output folder", plan.connectome()));
        if (state == State::done)
            listener.say(fmt::format("{}: already there, made from the same inputs and options", plan.session.name()));
        else
            to_do.push_back(plan);
    }
    if (shared) {  // a subject's sessions go together
        const auto subjects = std::move(to_do);
        to_do.clear();
        for (const auto& plan : plans)
            if (std::any_of(subjects.begin(), subjects.end(), [&](const SessionPlan& p) { return p.session.subject == plan.session.subject; })) to_do.push_back(plan);
    }
    listener.say(fmt::format("{} sessions selected, {} to compute on {}", plans.size(), to_do.size(), device.name()));
    Responses responses;
    Places places;
    std::vector<std::string> failures;  // sentences
    std::size_t failed = 0;             // sessions
    for (auto begin = to_do.begin(); begin != to_do.end();) {
        const auto end = shared ? std::find_if(begin, to_do.end(), [&](const SessionPlan& p) { return p.session.subject != begin->session.subject; }) : std::next(begin);
        const std::span<const SessionPlan> group(begin, end);
        for (const auto& plan : group) {
            std::error_code error;
            fs::create_directories(plan.folder, error);
            if (error) throw OutputError(fmt::format("cannot create {} ({}); choose another folder", plan.folder, error.message()));
        }
        // Faulty data of one session or subject do not keep the others waiting; a full disk or a broken device does end the run.
        try {
            if (shared || options.weights != StreamlineWeights::none) {
                const auto faults = run_together(group, options, device, listener, responses, places);
                failures.insert(failures.end(), faults.begin(), faults.end());
                failed += faults.size();
            } else {
                run_session(group.front(), options, device, listener, responses, places);
            }
        } catch (const InputError& fault) {
            failures.emplace_back(fault.what());
            failed += group.size();
            if (to_do.size() > group.size()) listener.warn(fmt::format("{} is left out: {}", group.size() > 1 ? "sub-" + group.front().session.subject : group.front().session.name(), fault.what()));
        }
        begin = end;
    }
    if (failed < plans.size()) run_group(bids_dir, out_dir, listener);
    if (failures.size() == 1) throw InputError(failures.front());
    if (failures.size() > 1)
        throw InputError(fmt::format("{} of {} sessions could not be computed (the warnings above say why); repair their data and run again, with --force where responses are estimated", failed, to_do.size()));
}

void run_participants(const std::string& bids_dir, const std::string& out_dir, const Filter& filter, std::vector<PipelineOptions> ways, const Device& device, const Listener& listener) {
    for (auto way = ways.begin(); way != ways.end(); ++way) {
        check(*way);
        if (way == ways.begin()) continue;
        if (std::any_of(ways.begin(), way, [&](const PipelineOptions& other) { return other.trajectories == way->trajectories; }))
            throw InputError(fmt::format("trajectories {} are asked for twice; name each way once", name_of(way->trajectories)));
        way->folder = std::string(beside_prefix) + name_of(way->trajectories);
    }
    std::optional<InputError> first;
    for (const auto& way : ways) {
        if (ways.size() > 1) listener.say(fmt::format("trajectories: {}", name_of(way.trajectories)));
        try {
            run_participants(bids_dir, out_dir, filter, way, device, listener);
        } catch (const InputError& fault) {
            if (!first) first = fault;  // the last word, below
            else if (std::string(fault.what()) != first->what()) listener.warn(fmt::format("trajectories {}: {}", name_of(way.trajectories), fault.what()));
        }
    }
    if (first) throw InputError(*first);
}

void run_group(const std::string& bids_dir, const std::string& out_dir, const Listener& listener) {
    const auto results = find_results(bids_dir, out_dir);
    write_change_table(change_path(out_dir), results);
    listener.say(fmt::format("{}: {} connectomes", change_path(out_dir), results.size()));
}

}  // namespace arcuate::study
