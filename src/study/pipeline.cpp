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
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <utility>

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

/// Sessions that are computed together: of one subject, whose streamlines they share, or a single one.
using Group = std::span<const SessionPlan>;

std::vector<Group> groups_of(const std::vector<SessionPlan>& plans, bool shared) {
    std::vector<Group> out;
    for (auto begin = plans.begin(); begin != plans.end();) {
        const auto end = shared ? std::find_if(begin, plans.end(), [&](const SessionPlan& p) { return p.session.subject != begin->session.subject; }) : std::next(begin);
        out.emplace_back(begin, end);
        begin = end;
    }
    return out;
}

/// What one worker after another will read.
std::vector<ReadAhead::Wanted> readings(std::span<const Group> groups, const PipelineOptions& options) {
    std::vector<ReadAhead::Wanted> out;
    std::set<std::string> known;  // subjects
    for (std::size_t g = 0; g < groups.size(); ++g)
        for (const auto& plan : groups[g]) {
            const auto all = [&](const std::vector<Session>& sessions, const std::vector<std::string>& masks) {
                for (std::size_t s = 0; s < sessions.size(); ++s) out.push_back({sessions[s], masks[s], g});
            };
            if (known.insert(plan.session.subject).second) {
                if (options.responses.empty()) all(plan.model.sources, plan.source_masks);
                all(plan.model.placed, plan.placed_masks);
            }
            out.push_back({plan.session, plan.given_mask(), g});
        }
    return out;
}

/// The devices of each of so many workers.
std::vector<std::vector<Device>> devices_of(std::size_t workers, std::size_t sessions_at_once, std::span<const Device> devices) {
    std::vector<std::vector<Device>> out(workers);
    for (std::size_t s = 0; s < std::max(workers, sessions_at_once); ++s) out[s % workers].push_back(devices[s % devices.size()].with_own_stream());
    return out;
}

/// For sessions in flight: they speak one at a time, and show no progress of their own.
Listener taking_turns(const Listener& listener, std::mutex& mutex) {
    const auto in_turn = [&mutex](const auto& speak) {
        return [&mutex, &speak](const std::string& text) {
            const std::lock_guard lock(mutex);
            speak(text);
        };
    };
    return {in_turn(listener.say), in_turn(listener.warn), &silent()};
}

struct Faults {
    std::vector<std::string> sentences;
    std::size_t sessions = 0;
};

/// Faulty data of one session or subject do not keep the others waiting; a full disk or a broken device does end the run, and throws.
Faults run_one(const Group& group, const PipelineOptions& options, std::span<const Device> devices, const Listener& listener, Common& common, bool others) {
    for (const auto& plan : group) {
        std::error_code error;
        fs::create_directories(plan.folder, error);
        if (error) throw OutputError(fmt::format("cannot create {} ({}); choose another folder", plan.folder, error.message()));
    }
    try {
        if (options.trajectories != Trajectories::independent || options.weights != StreamlineWeights::none) {
            auto faults = run_together(group, options, devices, listener, common);
            const auto sessions = faults.size();
            return {std::move(faults), sessions};
        }
        run_session(group.front(), options, different(devices), listener, common);
        return {};
    } catch (const InputError& fault) {
        if (others) listener.warn(fmt::format("{} is left out: {}", group.size() > 1 ? "sub-" + group.front().session.subject : group.front().session.name(), fault.what()));
        return {{fault.what()}, group.size()};
    }
}

/// All groups' faults, in their order.
Faults run_groups(const std::vector<Group>& groups, const PipelineOptions& options, std::span<const Device> devices, const Listener& listener) {
    const std::size_t sessions_at_once = options.at_once > 0 ? static_cast<std::size_t>(options.at_once) : devices.size(), workers = std::min(sessions_at_once, groups.size());
    const auto devices_of_worker = devices_of(workers, sessions_at_once, devices);
    Common common{ReadAhead(readings(groups, options), sessions_at_once)};
    std::mutex mutex;
    Listener in_flight = sessions_at_once > 1 ? taking_turns(listener, mutex) : listener;
    if (workers == 1) in_flight.progress = listener.progress;
    std::vector<Faults> found(groups.size());
    std::int64_t done = 0;
    if (workers > 1) listener.progress->begin("computing", static_cast<std::int64_t>(groups.size()), groups.front().size() > 1 ? "subjects" : "sessions");
    at_once(workers, groups.size(), [&](std::size_t g, std::size_t worker) {
        found[g] = run_one(groups[g], options, devices_of_worker[worker], in_flight, common, groups.size() > 1);
        common.images.drop(g);
        const std::lock_guard lock(mutex);
        if (workers > 1) listener.progress->at(++done);
    });
    if (workers > 1) listener.progress->end();
    Faults all;
    for (auto& faults : found) {
        all.sentences.insert(all.sentences.end(), faults.sentences.begin(), faults.sentences.end());
        all.sessions += faults.sessions;
    }
    return all;
}

/// Throws InputError where options contradict each other.
void check(const PipelineOptions& options) {
    if (options.replicates != 0 && (options.replicates < 2 || options.replicates > 10000))
        throw InputError(fmt::format("{} replicates do not tell a measurement error (2 to 10000 do, 0 is for none); give 20 or more", options.replicates));
    if (options.replicates > 0 && options.trajectories == Trajectories::independent && options.weights != StreamlineWeights::none)
        throw InputError("replicates are of streamlines that the sessions share, or of a session's own without weights (how much of the chance of tracking weights take away is not known); use --trajectories mean, or --weights none");
    if (options.weights == StreamlineWeights::joint && options.trajectories == Trajectories::independent)
        throw InputError("joint weights are of streamlines that the sessions share; add --trajectories mean, or use --weights each");
}

/// `hashes`: of the inputs that were hashed already.
void run_one_way(const std::string& bids_dir, const std::string& out_dir, const Filter& filter, const PipelineOptions& options, std::span<const Device> devices, const Listener& listener,
                 FileHashes& hashes) {
    const auto sessions = find_sessions(bids_dir, filter);
    std::vector<SessionPlan> plans;
    const bool shared = options.trajectories != Trajectories::independent;
    for (auto begin = sessions.begin(); begin != sessions.end();) {
        const auto end = std::find_if(begin, sessions.end(), [&](const Session& s) { return s.subject != begin->subject; });
        if (const std::vector<Session> of_subject(begin, end); std::any_of(begin, end, [](const Session& s) { return s.selected; })) {
            const auto model = choose_model(of_subject, options);
            for (const auto& session : of_subject)
                if (session.selected || (shared && session.problem.empty())) plans.push_back(plan_session(bids_dir, out_dir, session, model, options, devices.front(), hashes));
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
    listener.say(fmt::format("{} sessions selected, {} to compute on {}", plans.size(), to_do.size(), names_of(devices)));
    const Faults faults = to_do.empty() ? Faults{} : run_groups(groups_of(to_do, shared), options, devices, listener);
    const auto& failures = faults.sentences;
    if (faults.sessions < plans.size()) run_group(bids_dir, out_dir, listener);
    if (failures.size() == 1) throw InputError(failures.front());
    if (failures.size() > 1)
        throw InputError(fmt::format("{} of {} sessions could not be computed (the warnings above say why); repair their data and run again, with --force where responses are estimated", faults.sessions, to_do.size()));
}

}  // namespace

void run_participants(const std::string& bids_dir, const std::string& out_dir, const Filter& filter, const PipelineOptions& options, std::span<const Device> devices,
                      const Listener& listener) {
    run_participants(bids_dir, out_dir, filter, std::vector{options}, devices, listener);
}

void run_participants(const std::string& bids_dir, const std::string& out_dir, const Filter& filter, std::vector<PipelineOptions> ways, std::span<const Device> devices,
                      const Listener& listener) {
    for (auto way = ways.begin(); way != ways.end(); ++way) {
        check(*way);
        if (way == ways.begin()) continue;
        if (std::any_of(ways.begin(), way, [&](const PipelineOptions& other) { return other.trajectories == way->trajectories; }))
            throw InputError(fmt::format("trajectories {} are asked for twice; name each way once", name_of(way->trajectories)));
        way->folder = std::string(beside_prefix) + name_of(way->trajectories);
    }
    FileHashes hashes;
    std::optional<InputError> first;
    for (const auto& way : ways) {
        if (ways.size() > 1) listener.say(fmt::format("trajectories: {}", name_of(way.trajectories)));
        try {
            run_one_way(bids_dir, out_dir, filter, way, devices, listener, hashes);
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
