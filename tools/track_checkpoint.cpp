#include "track_checkpoint.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstring>
#include <fstream>

namespace arcuate::tools {

using Json = nlohmann::ordered_json;
using tracking::TrackSummary;

namespace {

template <class Table, class Counts>
Json named(const Table& table, const Counts& counts) {
    Json json;
    for (std::size_t i = 0; i < counts.size(); ++i) json[table[i].name] = counts[i];
    return json;
}

Json to_json(const TrackSummary& s) {
    return {{"seeds", s.seeds},
            {"streamlines", s.accepted},
            {"mean_length_mm", s.mean_length_mm()},
            {"seed_outcomes", named(tracking::outcomes, s.outcome)},
            {"half_ends", named(tracking::stop_reasons, s.stop)},
            {"steps", s.steps},
            {"candidates", s.arcs},
            {"candidates_at_ends", s.end_arcs},
            {"candidates_above_bound", s.truncated},
            {"calibration_candidates_per_step", s.calibration_arcs},
            {"length_um", s.length_um}};
}

template <class T>
Json packed(const std::vector<T>& values) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
    return Json::binary({bytes, bytes + values.size() * sizeof(T)});
}

template <class T>
std::vector<T> unpacked(const Json& json) {
    const auto& bytes = json.get_binary();
    std::vector<T> values(bytes.size() / sizeof(T));
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
    return values;
}

TrackSummary from_json(const Json& json) {
    TrackSummary s;
    s.seeds = json.at("seeds");
    s.accepted = json.at("streamlines");
    for (std::size_t i = 0; i < s.outcome.size(); ++i) s.outcome[i] = json.at("seed_outcomes").at(tracking::outcomes[i].name);
    for (std::size_t i = 0; i < s.stop.size(); ++i) s.stop[i] = json.at("half_ends").at(tracking::stop_reasons[i].name);
    s.steps = json.at("steps");
    s.arcs = json.at("candidates");
    s.end_arcs = json.at("candidates_at_ends");
    s.truncated = json.at("candidates_above_bound");
    s.calibration_arcs = json.at("calibration_candidates_per_step");
    s.length_um = json.at("length_um");
    return s;
}

}  // namespace

std::string checkpoint_path(const std::string& output) { return output + ".checkpoint"; }

void write_checkpoint(const std::string& output, const TrackCheckpoint& checkpoint) {
    Json json{{"asked", Json::parse(checkpoint.asked)}, {"writer", Json::parse(checkpoint.writer)}, {"done", to_json(checkpoint.summary)}};
    if (checkpoint.seeds) {
        const auto& s = *checkpoint.seeds;
        json["seeds"] = {{"accepted", s.seeds.accepted}, {"mean", packed(s.seeds.mean)}, {"probability", packed(s.seeds.probability)}, {"density_sums", packed(s.density_sums)}};
    }
    if (checkpoint.seed_writer) json["seed_writer"] = Json::parse(*checkpoint.seed_writer);
    std::string bytes;
    Json::to_cbor(json, bytes);
    io::write_text(checkpoint_path(output), bytes, true);
}

TrackCheckpoint read_checkpoint(const std::string& output) {
    const std::string path = checkpoint_path(output);
    std::ifstream file(path, std::ios::binary);
    if (!file) throw InputError(fmt::format("there is no checkpoint of {} ({} does not exist); run without --resume", output, path));
    try {
        const Json json = Json::from_cbor(file);
        TrackCheckpoint out{json.at("asked").dump(), json.at("writer").dump(), from_json(json.at("done"))};
        if (const auto s = json.find("seeds"); s != json.end())
            out.seeds = {{s->at("accepted"), unpacked<double>(s->at("mean")), unpacked<double>(s->at("probability"))}, unpacked<std::int64_t>(s->at("density_sums"))};
        if (const auto w = json.find("seed_writer"); w != json.end()) out.seed_writer = w->dump();
        return out;
    } catch (const nlohmann::json::exception&) {
        throw InputError(fmt::format("the checkpoint {} cannot be read (it is damaged); remove it and run without --resume", path));
    }
}

std::string summary_json(const TrackSummary& summary) { return to_json(summary).dump(); }

}  // namespace arcuate::tools
