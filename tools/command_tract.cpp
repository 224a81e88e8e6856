// arcuate tract: what can be done with a tractogram without tracking anew. info, convert and resample; filter, edges and density have their own files.
#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/tables.hpp"
#include "arcuate/tract/statistics.hpp"
#include "arcuate/tract/vertices.hpp"
#include "tract_output.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace arcuate::tools {

void add_tract_filter(CLI::App& tract);
void add_tract_density(CLI::App& tract);
void add_tract_edges(CLI::App& tract);

namespace {

// ---- info ----------------------------------------------------------------------------------------------------------------
const char* type_name(DataType type) {
    constexpr const char* names[] = {"float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"};
    return names[static_cast<std::size_t>(type)];
}

nlohmann::ordered_json describe(const std::string& path, const io::TractogramInfo& info, const tract::Statistics& s) {
    nlohmann::ordered_json json;
    json["file"] = path;
    json["format"] = info.format;
    json["streamlines"] = s.streamlines;
    json["vertices"] = s.vertices;
    json["without_length"] = s.empty;
    json["length_mm"] = {{"min", s.min_mm}, {"mean", s.mean_mm()}, {"median", s.median_mm()}, {"max", s.max_mm}};
    json["step_mm"] = {{"min", s.min_step_mm}, {"mean", s.mean_step_mm()}, {"max", s.max_step_mm}};
    json["bounding_box_mm"] = {{"low", s.low}, {"high", s.high}};
    if (info.grid) {
        json["grid"]["dimensions"] = info.grid->size;
        json["grid"]["voxel_size_mm"] = voxel_sizes(info.grid->voxel_to_world);
        for (std::size_t i = 0; i < 3; ++i) {
            const auto& row = info.grid->voxel_to_world.linear[i];
            json["grid"]["voxel_to_rasmm"].push_back({row[0], row[1], row[2], info.grid->voxel_to_world.offset[i]});
        }
    }
    const auto list = [](const std::vector<DataField>& fields) {
        auto out = nlohmann::ordered_json::array();
        for (const auto& field : fields) out.push_back({{"name", field.name}, {"columns", field.columns}, {"type", type_name(field.type)}});
        return out;
    };
    json["per_streamline"] = list(info.per_streamline);
    json["per_vertex"] = list(info.per_vertex);
    json["groups"] = nlohmann::ordered_json::array();
    for (const auto& group : info.groups) json["groups"].push_back({{"name", group.name}, {"streamlines", group.members.size()}});
    json["properties"] = info.properties;
    return json;
}

void print_info(const nlohmann::ordered_json& j) {
    const auto number = [](const nlohmann::ordered_json& value) { return fmt::format("{:.2f}", value.get<double>()); };
    const auto line = [](const std::string& name, const std::string& text) { fmt::print("{:<18}{}\n", name, text); };
    const auto range = [&](const nlohmann::ordered_json& v, bool median) {
        return fmt::format("mean {}, {}from {} to {} mm", number(v["mean"]), median ? "median " + number(v["median"]) + ", " : "", number(v["min"]), number(v["max"]));
    };
    line("file", j["file"].get<std::string>() + " (" + j["format"].get<std::string>() + ")");
    line("streamlines", fmt::format("{}, of which {} have no length", j["streamlines"].get<std::int64_t>(), j["without_length"].get<std::int64_t>()));
    line("vertices", std::to_string(j["vertices"].get<std::int64_t>()));
    line("lengths", range(j["length_mm"], true));
    line("steps", range(j["step_mm"], false));
    const auto& box = j["bounding_box_mm"];
    for (std::size_t i = 0; i < 3; ++i) line(i == 0 ? "bounding box" : "", fmt::format("{} {} to {} mm", "xyz"[i], number(box["low"][i]), number(box["high"][i])));
    if (j.contains("grid")) {
        const auto& size = j["grid"]["dimensions"];
        const auto& voxel = j["grid"]["voxel_size_mm"];
        line("grid", fmt::format("{} x {} x {} voxels of {} x {} x {} mm", size[0].get<int>(), size[1].get<int>(), size[2].get<int>(), number(voxel[0]), number(voxel[1]), number(voxel[2])));
    }
    for (const auto* key : {"per_streamline", "per_vertex"})
        for (const auto& field : j[key])
            line(key == std::string("per_vertex") ? "per vertex" : "per streamline",
                 fmt::format("{}: {} of {}", field["name"].get<std::string>(), field["columns"].get<int>(), field["type"].get<std::string>()));
    for (const auto& group : j["groups"]) line("group", fmt::format("{}: {} streamlines", group["name"].get<std::string>(), group["streamlines"].get<std::int64_t>()));
    for (const auto& [key, value] : j["properties"].items()) line("property", key + ": " + value.get<std::string>());
}

void run_info(Run& run, const std::string& path, bool as_json) {
    const auto reader = io::open_tractogram(path);
    tract::Statistics statistics;
    Counted counted(statistics, run.progress());
    run.progress().begin("streamlines", reader->info().streamlines.value_or(0), "streamlines");
    reader->stream(counted);
    run.progress().end();
    const auto json = describe(path, reader->info(), statistics);
    if (as_json)
        fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    else
        print_info(json);
}

// ---- convert and resample --------------------------------------------------------------------------------------------------
/// Gives every streamline new vertices.
class Revertexed : public StreamlineSink {
  public:
    using Places = std::function<std::vector<tract::Place>(std::span<const float>)>;
    Revertexed(StreamlineSink& to, Places places) : to_(to), places_(std::move(places)) {}
    void append(const TractogramView& streamlines) override {
        out_.clear();
        tract::announce(streamlines, out_);
        for (std::int64_t s = 0; s < streamlines.size(); ++s) {
            tract::append_at(streamlines, s, places_(streamlines.streamline(s)), out_);
            if (out_.positions.size() > 1 << 22) pass_on();  // a small step can make a large batch of a small one
        }
        pass_on();
        vertices_in += static_cast<std::int64_t>(streamlines.positions.size() / 3);
    }
    std::int64_t vertices_in = 0, vertices_out = 0;

  private:
    void pass_on() {
        to_.append(out_.view());
        vertices_out += static_cast<std::int64_t>(out_.positions.size() / 3);
        out_.clear();
    }

    StreamlineSink& to_;
    Places places_;
    Tractogram out_;
};

struct Options {
    TractOutput files;
    double compress_mm = 0, step_mm = 0;
    std::int64_t downsample = 1, points = 0;
};

void rewrite(Run& run, const Options& o, bool interpolated, const Revertexed::Places& places, std::vector<std::pair<std::string, std::string>> parameters) {
    const auto reader = io::open_tractogram(o.files.in);
    auto info = reader->info();
    if (places)
        for (const char* key : {"step_size", "output_step_size", "downsample_factor"}) info.properties.erase(key);
    if (interpolated)  // a value between two whole numbers is none
        for (auto& field : info.per_vertex)
            if (field.type > DataType::float64) field.type = DataType::float32;
    const auto writer = o.files.open(run, info);
    Revertexed changed(*writer, places);
    Counted counted(places ? static_cast<StreamlineSink&>(changed) : *writer, run.progress());
    reader->stream(counted);
    o.files.close(run, *writer, info, std::move(parameters));
    run.say(fmt::format("{} streamlines -> {}", writer->size(), o.files.out));
    if (places) run.say(fmt::format("{} vertices instead of {}", changed.vertices_out, changed.vertices_in));
}

void run_convert(Run& run, const Options& o) {
    Revertexed::Places places;
    std::vector<std::pair<std::string, std::string>> parameters;
    if (o.downsample > 1) {
        places = [n = o.downsample](std::span<const float> v) { return tract::every_nth(v, n); };
        parameters.emplace_back("downsample", std::to_string(o.downsample));
    }
    if (o.compress_mm > 0) {
        places = [mm = o.compress_mm](std::span<const float> v) { return tract::compressed(v, mm); };
        parameters.emplace_back("compress_mm", io::number(o.compress_mm));
    }
    rewrite(run, o, false, places, std::move(parameters));
}

void run_resample(Run& run, const Options& o) {
    if ((o.step_mm > 0) == (o.points > 0)) throw InputError("resampling needs either --step or --points; give one of them");
    if (o.step_mm > 0)
        rewrite(run, o, true, [mm = o.step_mm](std::span<const float> v) { return tract::places_by_step(v, mm); }, {{"step_mm", io::number(o.step_mm)}});
    else
        rewrite(run, o, true, [n = o.points](std::span<const float> v) { return tract::places_by_count(v, n); }, {{"points", std::to_string(o.points)}});
}

}  // namespace

void add_tract(CLI::App& root) {
    CLI::App& tract = *root.add_subcommand("tract", "tractogram files: info, convert, filter, edges, resample, density");
    tract.require_subcommand(1);
    tract.footer("Reads .tck, .trk, .trk.gz and .trx, writes .tck, .trk and .trx, streamline by streamline: files may be larger than memory.\n\n"
                 "Example:\n  arcuate tract info tracks.trx");

    auto path = std::make_shared<std::string>();
    auto as_json = std::make_shared<bool>(false);
    auto& info = add_command(tract, "info", "what is in a tractogram",
                             "Reads the whole file, so that damage shows. The median length is exact to 0.01 mm (up to 2 m).\n\n"
                             "Example:\n  arcuate tract info tracks.trx --json",
                             [=](Run& run) { run_info(run, *path, *as_json); });
    info.add_option("IN", *path, "tractogram: .tck, .trk, .trk.gz or .trx")->required();
    info.add_flag("--json", *as_json, "as JSON");

    auto c = std::make_shared<Options>();
    auto& convert = add_command(tract, "convert", "another format, or fewer vertices",
                                "Data per streamline and per vertex go along where the format has room: all of them in a .trx, ten of each as float32 in a .trk, none in a\n"
                                ".tck. Groups are a .trx's own. What is left out is said.\n\n"
                                "--compress-mm drops the vertices that Ramer's method finds superfluous: no point of the old line lies farther from the new one than the\n"
                                "tolerance, nor the other way round. --float16 adds its own rounding.\n\n"
                                "Example:\n  arcuate tract convert tracks.tck tracks.trx --reference fod.nii.gz --float16 --compress-mm 0.1\n\n"
                                "Reference: Ramer 1972, Computer Graphics and Image Processing 1:244",
                                [c](Run& run) { run_convert(run, *c); });
    c->files.add_to(convert);
    auto* compress = convert.add_option("--compress-mm", c->compress_mm, "drop vertices; the line stays within this distance [mm]")->check(CLI::PositiveNumber);
    convert.add_option("--downsample", c->downsample, "keep every n-th vertex, and both ends")->check(CLI::PositiveNumber)->excludes(compress);

    auto r = std::make_shared<Options>();
    auto& resample = add_command(tract, "resample", "vertices at equal distances along each streamline",
                                 "Distances are measured along the streamline, from its first vertex; new vertices lie on the straight segments between the old ones. With --step the\n"
                                 "last vertex stays, so the last segment is shorter. Data per vertex are interpolated linearly (whole numbers become float32).\n\n"
                                 "Example:\n  arcuate tract resample tracks.tck hundred.tck --points 100",
                                 [r](Run& run) { run_resample(run, *r); });
    r->files.add_to(resample);
    resample.add_option("--step", r->step_mm, "distance between vertices [mm]")->check(CLI::PositiveNumber);
    resample.add_option("--points", r->points, "vertices per streamline")->check(CLI::Range(2, 1000000));

    add_tract_filter(tract);
    add_tract_edges(tract);
    add_tract_density(tract);
}

}  // namespace arcuate::tools
