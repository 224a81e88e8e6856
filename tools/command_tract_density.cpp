// arcuate tract density: streamlines -> an image of what passes through each voxel.
#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/tables.hpp"
#include "arcuate/tract/density.hpp"
#include "arcuate/tract/statistics.hpp"
#include "tract_output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace arcuate::tools {

namespace {

struct Options {
    std::string in, out, reference, scalar, data;
    double voxel_mm = 0;
    bool colour = false;
};

void stream(Run& run, const std::string& path, StreamlineSink& sink, const char* what) {
    const auto reader = io::open_tractogram(path);
    Counted counted(sink, run.progress());
    run.progress().begin(what, reader->info().streamlines.value_or(0), "streamlines");
    reader->stream(counted);
    run.progress().end();
}

/// Along the scanner's axes, around all vertices, voxel corners at multiples of the voxel size.
Grid grid_around(Run& run, const Options& o) {
    tract::Statistics s;
    stream(run, o.in, s, "bounding box");
    if (s.vertices == 0) throw InputError(fmt::format("{} has no vertices to make an image around; give a --template", o.in));
    Grid grid;
    for (std::size_t i = 0; i < 3; ++i) {
        const double first = std::floor(s.low[i] / o.voxel_mm), last = std::floor(s.high[i] / o.voxel_mm);
        if (!(last - first < 32766))
            throw InputError(fmt::format("{} reaches over {:.0f} mm, which are too many voxels of {} mm; give larger ones or a --template", o.in, s.high[i] - s.low[i], o.voxel_mm));
        grid.size[i] = static_cast<std::int64_t>(last - first) + 1;
        grid.voxel_to_world.linear[i] = {};
        grid.voxel_to_world.linear[i][i] = o.voxel_mm;
        grid.voxel_to_world.offset[i] = (first + 0.5) * o.voxel_mm;
    }
    if (grid.size[0] * grid.size[1] > (std::int64_t{1} << 33) / grid.size[2])
        throw InputError(fmt::format("an image around {} would have {} x {} x {} voxels; give larger ones or a --template", o.in, grid.size[0], grid.size[1], grid.size[2]));
    return grid;
}

void run_density(Run& run, const Options& o) {
    run.require_writable({o.out, io::sidecar_path(o.out)});
    if (o.reference.empty() == (o.voxel_mm == 0)) throw InputError("an image needs either --template or --voxel; give one of them");
    if (int{o.colour} + int{!o.scalar.empty()} + int{!o.data.empty()} > 1) throw InputError("--scalar, --data and --colour are three kinds of image; give one of them");
    const Grid grid = o.reference.empty() ? grid_around(run, o) : io::read_image(o.reference).grid;

    std::vector<std::pair<std::string, std::string>> inputs{{"tracks", o.in}}, parameters;
    if (!o.reference.empty()) inputs.emplace_back("template", o.reference);
    if (o.voxel_mm > 0) parameters.emplace_back("voxel_mm", io::number(o.voxel_mm));
    std::optional<tract::DensityMap> map;
    io::MapDescription text;
    if (!o.scalar.empty()) {
        map.emplace(grid, io::read_image(o.scalar));
        inputs.emplace_back("scalar", o.scalar);
        text.description = "mean over the streamlines through a voxel of their means of the scalar map";
    } else if (!o.data.empty()) {
        map.emplace(grid, o.data);
        parameters.emplace_back("data", o.data);
        text.description = "mean over the streamlines through a voxel of their " + o.data;
    } else {
        map.emplace(grid, o.colour ? tract::Contrast::colour : tract::Contrast::count);
        if (o.colour) text.representation = "dec";
        text.description = o.colour ? "directions of the streamlines through a voxel" : "streamlines through a voxel";
    }
    parameters.emplace_back("contrast", o.colour ? "colour" : o.scalar.empty() && o.data.empty() ? "count" : "mean");
    stream(run, o.in, *map, "density");

    const LabelImage counts = map->counts();
    if (o.colour) io::write_image(o.out, map->colours(), run.force);
    else if (o.scalar.empty() && o.data.empty()) io::write_labels(o.out, counts, run.force);
    else io::write_image(o.out, map->means(), run.force);
    io::write_sidecar(o.out, run.provenance(std::move(parameters), inputs), run.force, text);
    const auto reached = std::count_if(counts.data.begin(), counts.data.end(), [](std::int32_t n) { return n > 0; });
    run.say(fmt::format("{} of {} voxels have a streamline, at most {} -> {}", reached, grid.voxels(), counts.data.empty() ? 0 : *std::max_element(counts.data.begin(), counts.data.end()),
                        o.out));
    if (reached == 0) run.warn("no streamline passes through the image; check that it is in the world frame of the tractogram");
}

}  // namespace

void add_tract_density(CLI::App& tract) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(tract, "density", "an image of the streamlines through each voxel: their number, directions, or the mean of a quantity",
                            "A streamline counts once in every voxel that it passes through. That is what tckmap approximates by vertices a tenth of a voxel apart; it misses\n"
                            "corners that count here.\n\n"
                            "Example:\n  arcuate tract density tracks.tck density.nii.gz --voxel 1\n\n"
                            "References:\n"
                            "  Calamante, Tournier, Jackson & Connelly 2010, NeuroImage 53:1233 (track density)\n"
                            "  Calamante, Tournier, Smith & Connelly 2012, NeuroImage 59:2494 (track-weighted maps: --scalar)",
                            [o](Run& run) { run_density(run, *o); });
    app.add_option("IN", o->in, "tractogram: .tck, .trk, .trk.gz or .trx")->required();
    app.add_option("OUT", o->out, "image, NIfTI: whole numbers; float32 with --scalar, --data or --colour")->required();
    app.add_option("--template", o->reference, "image whose grid OUT has")->type_name("IMAGE");
    app.add_option("--voxel", o->voxel_mm, "instead: cubes around all streamlines, along the scanner's axes [mm]")->check(CLI::PositiveNumber);
    app.add_option("--scalar", o->scalar, "the mean over streamlines of this map's mean along each; NaN where there is none")->type_name("MAP");
    app.add_option("--data", o->data, "the mean over streamlines of this quantity per streamline; NaN where there is none")->type_name("NAME");
    app.add_flag("--colour", o->colour, "directions: three volumes (x, y, z), each streamline adding the unit vector of what it walks in the voxel");
}

}  // namespace arcuate::tools
