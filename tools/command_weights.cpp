// arcuate weights: streamlines and the FOD image they came from -> a weight for each streamline (SIFT2).
#include "arcuate/core/error.hpp"
#include "arcuate/dwi/fixels.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/tables.hpp"
#include "arcuate/io/tractogram.hpp"
#include "arcuate/io/values.hpp"
#include "arcuate/weights/sift2.hpp"
#include "arcuate/weights/voxel_tissues.hpp"
#include "command.hpp"
#include "tract_output.hpp"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <optional>

namespace arcuate::tools {

namespace {

namespace fs = std::filesystem;

struct Options {
    std::string tracks, fod, output, proc_mask, act, in_coeffs, csv, out_mu, out_coeffs, out_fixels;
    weights::Sift2Options sift2;
    std::optional<double> min_factor, max_factor;
    bool no_dilate_lut = false, make_null_lobes = false, fd_scale_gm = false;
    std::int64_t chunk = 1 << 15, memory = -1;
};

io::Table iteration_table(const weights::Sift2Result& result) {
    io::Table table{{"iteration", "cost_data", "cost_reg_tik", "cost_reg_tv", "cost_total", "streamlines", "fixels_excluded", "step_min", "step_mean", "step_mean_abs",
                     "step_var", "step_max", "coeff_min", "coeff_mean", "coeff_mean_abs", "coeff_var", "coeff_max", "coeff_norm"}};
    for (std::size_t i = 0; i < result.iterations.size(); ++i) {
        const auto& r = result.iterations[i];
        table.push_back({std::to_string(i)});
        auto& row = table.back();
        for (const double v : {r.cost_data, r.cost_tikhonov, r.cost_tv, r.cost()}) row.push_back(io::number(v));
        row.push_back(std::to_string(r.streamlines));
        row.push_back(std::to_string(result.excluded));
        for (const auto* s : {&r.step, &r.coefficient})
            for (const double v : {s->min, s->mean, s->mean_abs, s->variance, s->max}) row.push_back(io::number(v));
        row.push_back(io::number(r.coefficient_norm));
    }
    return table;
}

const char* const fixel_files[] = {"index.nii.gz", "directions.nii.gz", "fd.nii.gz", "td_before.nii.gz", "td.nii.gz", "weight.nii.gz"};

/// A folder in MRtrix3's fixel format: mrview shows it.
void write_fixels(const std::string& folder, const Fixels& fixels, const std::vector<double>& before, const weights::Sift2Result& result, bool force) {
    const auto path = [&](int file) { return (fs::path(folder) / fixel_files[file]).string(); };
    LabelImage index(fixels.grid, 2);
    for (std::int64_t v = 0; v < fixels.grid.voxels(); ++v) {
        const auto first = fixels.first[static_cast<std::size_t>(v)], last = fixels.first[static_cast<std::size_t>(v) + 1];
        index.at(v, 0) = static_cast<std::int32_t>(last - first);
        index.at(v, 1) = last > first ? static_cast<std::int32_t>(first) : 0;
    }
    io::write_labels(path(0), index, force);
    const std::int64_t n = fixels.size();
    ScalarImage directions(Grid{{n, 3, 1}, {}}, 1);
    for (std::int64_t f = 0; f < n; ++f)
        for (std::int64_t k = 0; k < 3; ++k) directions.at(f + n * k) = fixels.direction[static_cast<std::size_t>(3 * f + k)];
    io::write_image(path(1), directions, force);
    const auto write = [&](int file, const auto& values, double scale) {
        ScalarImage image(Grid{{n, 1, 1}, {}}, 1);
        for (std::int64_t f = 0; f < n; ++f) image.at(f) = static_cast<float>(scale * static_cast<double>(values[static_cast<std::size_t>(f)]));
        io::write_image(path(file), image, force);
    };
    write(2, fixels.fibre_density, 1);
    write(3, before, result.mu);
    write(4, result.track_density, result.mu);
    write(5, result.fixel_weight, 1);
}

void complete(Options& o) {
    const auto coefficient = [](double factor, const char* name) {
        if (factor < 0) throw InputError(fmt::format("{} {} is below 0 (weights are not); give 0 or more", name, factor));
        return std::log(factor);
    };
    if (o.min_factor) o.sift2.min_coeff = coefficient(*o.min_factor, "--min-factor");
    if (o.max_factor) o.sift2.max_coeff = coefficient(*o.max_factor, "--max-factor");
    if (o.fd_scale_gm && o.act.empty()) throw InputError("--fd-scale-gm goes by the grey matter in a voxel (no tissues are given); add --act 5TT");
    if (!(o.sift2.min_coeff < o.sift2.max_coeff)) throw InputError("the smallest coefficient is not below the largest (no weight would do); give other bounds");
}

ScalarImage read_mask(const std::string& path, const Grid& grid, const std::string& fod) {
    auto mask = io::read_image(path);
    require_same_grid(grid, "FOD image " + fod, mask.grid, "processing mask " + path);
    if (mask.volumes != 1) throw InputError(fmt::format("{} has {} volumes (a weight per voxel is needed); choose one", path, mask.volumes));
    for (const float w : mask.data)
        if (!(w >= 0 && w <= 1)) throw InputError(fmt::format("{} has the value {} (weights of voxels are from 0 to 1); rescale it", path, w));
    return mask;
}

/// With the weights of their voxels, which go into the options.
Fixels fixels_of(Run& run, Options& o) {
    auto fixels = [&] {
        const auto fod = io::read_image(o.fod);
        if (!o.proc_mask.empty()) o.sift2.voxel_weights = read_mask(o.proc_mask, fod.grid, o.fod).data;
        return dwi::segment_fods(fod, {.refine_peaks = !o.out_fixels.empty(), .dilate_lookup = !o.no_dilate_lut, .null_lobes = o.make_null_lobes}, run.device(), run.progress());
    }();
    if (o.act.empty()) return fixels;
    const auto tissues = weights::voxel_tissues(io::read_image(o.act), fixels.grid, run.device());
    if (o.proc_mask.empty()) o.sift2.voxel_weights = tissues.weight;
    for (std::size_t v = 0; o.fd_scale_gm && v + 1 < fixels.first.size(); ++v)
        for (auto f = fixels.first[v]; f < fixels.first[v + 1]; ++f) fixels.fibre_density[f] *= tissues.fibre_density[v];
    return fixels;
}

std::vector<float> read_coefficients(const std::string& path) {
    std::vector<float> out;
    for (const auto& row : io::read_numbers(path))
        for (const double value : row) {
            if (std::isnan(value)) throw InputError(fmt::format("{} holds a coefficient that is not a number; give the output of --out-coeffs", path));
            out.push_back(static_cast<float>(value));
        }
    return out;
}

void run_weights(Run& run, Options& o) {
    complete(o);
    std::vector<std::string> outputs{o.output, io::sidecar_path(o.output)};
    for (const auto& more : {o.csv, o.out_mu, o.out_coeffs})
        if (!more.empty()) outputs.push_back(more);
    if (!o.out_fixels.empty()) {
        fs::create_directories(o.out_fixels);
        for (const char* file : fixel_files) outputs.push_back((fs::path(o.out_fixels) / file).string());
    }
    run.require_writable(outputs);

    std::vector<std::pair<std::string, std::string>> inputs{{"tracks", o.tracks}, {"fod", o.fod}};
    for (const auto& [role, path] : {std::pair{"proc_mask", o.proc_mask}, {"act", o.act}, {"in_coeffs", o.in_coeffs}})
        if (!path.empty()) inputs.emplace_back(role, path);
    run.reading(o.fod);
    run.reading(o.tracks);
    const auto fixels = fixels_of(run, o);
    if (!o.in_coeffs.empty()) o.sift2.coefficients = read_coefficients(o.in_coeffs);
    weights::FixelLengths lengths(fixels, run.device(), o.chunk, o.memory >= 0 ? o.memory : run.device().free_memory() / 2);
    const weights::StreamlineSource source = [&](StreamlineSink& sink) { io::stream_tractogram(o.tracks, sink, o.chunk); };
    run.progress().begin("mapping streamlines", 0, "streamlines");
    Counted counted(lengths, run.progress());
    source(counted);
    run.progress().end();
    run.say_verbose(fmt::format("{} streamlines meet {} fixels, {:.1f} each; the lengths of {} are kept in {:.0f} MB", lengths.streamlines(), fixels.size(),
                                static_cast<double>(lengths.pairs()) / static_cast<double>(std::max<std::int64_t>(1, lengths.streamlines())), lengths.kept(),
                                static_cast<double>(lengths.bytes()) * 1e-6));
    const auto result = weights::sift2(fixels, lengths, o.sift2, run.device(), run.progress(), source);

    io::write_values(o.output, result.weights(), run.force);
    if (!o.out_coeffs.empty()) io::write_values(o.out_coeffs, result.coefficients, run.force);
    if (!o.out_mu.empty()) io::write_text(o.out_mu, io::number(result.mu) + "\n", run.force);
    if (!o.csv.empty()) io::write_table(o.csv, iteration_table(result), run.force);
    if (!o.out_fixels.empty()) write_fixels(o.out_fixels, fixels, lengths.track_density(), result, run.force);
    const auto& s = o.sift2;
    const auto yes = [](bool b) { return std::string(b ? "true" : "false"); };
    io::write_sidecar(o.output,
                      run.provenance({{"mu", io::number(result.mu)},
                                      {"iterations", std::to_string(result.iterations.size() - 1)},
                                      {"reg_tikhonov", io::number(s.reg_tikhonov)},
                                      {"reg_tv", io::number(s.reg_tv)},
                                      {"min_td_frac", io::number(s.min_td_frac)},
                                      {"fd_thresh", io::number(s.fd_thresh)},
                                      {"remove_untracked", yes(s.remove_untracked)},
                                      {"linear", yes(s.linear)},
                                      {"fd_scale_gm", yes(o.fd_scale_gm)},
                                      {"make_null_lobes", yes(o.make_null_lobes)},
                                      {"dilate_lut", yes(!o.no_dilate_lut)},
                                      {"min_iters", std::to_string(s.min_iters)},
                                      {"max_iters", std::to_string(s.max_iters)},
                                      {"min_coeff", io::number(s.min_coeff)},
                                      {"max_coeff", io::number(s.max_coeff)},
                                      {"max_coeff_step", io::number(s.max_coeff_step)},
                                      {"min_cf_decrease", io::number(s.min_cf_decrease)}},
                                     inputs),
                      run.force);
    const auto &first = result.iterations.front(), &last = result.iterations.back();
    run.say(fmt::format("{} streamlines, {} fixels ({} without streamlines, {} excluded for too few); mu {:.6g}", lengths.streamlines(), fixels.size(), result.untracked,
                        result.excluded, result.mu));
    run.say(fmt::format("{} iterations: cost {:.6g} -> {:.6g} (data {:.6g}, regularisation {:.6g})", result.iterations.size() - 1, first.cost(), last.cost(),
                        last.cost_data, last.cost_tikhonov + last.cost_tv));
}

}  // namespace

void add_weights(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(root, "weights", "a weight for each streamline, so that together they account for the FODs (SIFT2)",
                            "OUT gets one weight per line, in the order of the streamlines: the cross-section that a streamline stands for, relative to the others.\n"
                            "Sums of weights compare between subjects after multiplication with mu. Options are named and mean as those of tcksift2, all of\n"
                            "which are here; only the files of its -output_debug are others, those of --out-fixels.\n\n"
                            "Memory: the fixels (of a brain at 2.5 mm some 100 MB), 12 bytes per streamline, and what --memory allows. Ten million streamlines\n"
                            "fit in half a gigabyte with --memory 0, which reads them again in every iteration: some four times the processor time.\n\n"
                            "Examples:\n  arcuate weights tracks.tck fod.nii.gz weights.txt --out-mu mu.txt\n"
                            "  arcuate weights tracks.tck fod.nii.gz weights.txt --act 5tt.nii.gz --fd-scale-gm --memory 2G\n"
                            "  arcuate connectome tracks.tck parcels_dseg.nii.gz connectome.tsv --weights weights.txt --metric weight\n\n"
                            "References:\n"
                            "  Smith, Tournier, Calamante & Connelly 2015, NeuroImage 119:338 (SIFT2)\n"
                            "  Smith, Tournier, Calamante & Connelly 2013, NeuroImage 67:298 (segmentation of FODs)\n"
                            "  Smith, Raffelt, Tournier & Connelly 2020, doi 10.31219/osf.io/c67kn (mu between subjects; --linear)",
                            [o](Run& run) { run_weights(run, *o); });
    auto& s = o->sift2;
    app.add_option("tracks", o->tracks, "streamlines: .tck, .trk or .trx")->required()->type_name("TRACKS");
    app.add_option("fod", o->fod, "FOD image: even-order spherical harmonics, as of `arcuate fod` or dwi2fod")->required()->type_name("FOD");
    app.add_option("output", o->output, "weights, text")->required()->type_name("OUT");
    const std::string outputs = "More outputs";
    app.add_option("--out-mu", o->out_mu, "mu, text: fibre density per mm of streamline in a voxel")->type_name("FILE")->group(outputs);
    app.add_option("--out-coeffs", o->out_coeffs, "coefficients, text: logarithms of the weights")->type_name("FILE")->group(outputs);
    app.add_option("--csv", o->csv, "cost, steps and coefficients by iteration: .csv or .tsv")->type_name("FILE")->group(outputs);
    app.add_option("--out-fixels", o->out_fixels, "fixels as a folder for mrview: fibre density, mu x track density before and after, weight in the cost")
        ->type_name("FOLDER")
        ->group(outputs);
    const std::string model = "Model";
    app.add_option("--proc-mask", o->proc_mask, "weights of voxels in the cost, 0 to 1, on the FOD image's grid; default: 1")->type_name("IMAGE")->group(model);
    app.add_option("--act", o->act, "tissue image of five volumes (5ttgen), any grid: weights of voxels are the squares of their shares of white matter, unless --proc-mask says otherwise")
        ->type_name("5TT")
        ->group(model);
    app.add_flag("--fd-scale-gm", o->fd_scale_gm, "with --act: fibre density x (1 - share of cortical grey - half of that of sub-cortical grey), against the FODs of one-tissue CSD there")
        ->group(model);
    app.add_option("--fd-thresh", s.fd_thresh, "fixels of less fibre density take no part")->capture_default_str()->group(model);
    app.add_flag("--no-dilate-lut", o->no_dilate_lut, "a streamline that points into no lobe belongs to no fixel; default: to the nearest")->group(model);
    app.add_flag("--make-null-lobes", o->make_null_lobes, "directions of no lobe make a fixel of their own, with a fibre density of 0")->group(model);
    app.add_flag("--remove-untracked", s.remove_untracked, "fixels without streamlines count neither for mu nor for the cost")->group(model);
    const std::string fit = "Regularisation and fit";
    app.add_flag("--linear", s.linear, "one pass, no fit: a streamline's weight is the mean along it of fibre density / (mu x track density)")->group(fit);
    app.add_option("--in-coeffs", o->in_coeffs, "coefficients to begin with, as of --out-coeffs; a weight of 0 (-inf) stays  [all 0]")->type_name("FILE")->group(fit);
    app.add_option("--reg-tikhonov", s.reg_tikhonov, "weight of the squares of the coefficients")->check(CLI::NonNegativeNumber)->capture_default_str()->group(fit);
    app.add_option("--reg-tv", s.reg_tv, "weight of the variation of coefficients within fixels")->check(CLI::NonNegativeNumber)->capture_default_str()->group(fit);
    app.add_option("--min-td-frac", s.min_td_frac, "streamlines do not look at fixels with less of their fibre density tracked")->check(CLI::Range(0.0, 1.0))->capture_default_str()->group(fit);
    app.add_option("--min-iters", s.min_iters, "iterations at least")->check(CLI::NonNegativeNumber)->capture_default_str()->group(fit);
    app.add_option("--max-iters", s.max_iters, "iterations at most; 0: no limit")->check(CLI::NonNegativeNumber)->capture_default_str()->group(fit);
    auto* min_factor = app.add_option("--min-factor", o->min_factor, "a streamline with a smaller weight gets 0  [0]")->group(fit);
    app.add_option("--min-coeff", s.min_coeff, "the same, as a coefficient  [-inf]")->excludes(min_factor)->group(fit);
    auto* max_factor = app.add_option("--max-factor", o->max_factor, "largest weight  [inf]")->group(fit);
    app.add_option("--max-coeff", s.max_coeff, "the same, as a coefficient  [inf]")->excludes(max_factor)->group(fit);
    app.add_option("--max-coeff-step", s.max_coeff_step, "largest change of a coefficient in an iteration")->check(CLI::PositiveNumber)->capture_default_str()->group(fit);
    app.add_option("--min-cf-decrease", s.min_cf_decrease, "least decrease of the cost in an iteration, relative to that of weights of 1, to go on")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str()
        ->group(fit);
    app.add_option("--memory", o->memory,
                   "bytes (K, M, G) for the lengths of streamlines in fixels, 4 per pair; the streamlines beyond are read again in every iteration, which takes longer and gives the same bytes. "
                   "0: of all. Beside that, 12 bytes per streamline  [half of what is free]")
        ->transform(CLI::AsSizeValue(false))
        ->type_name("SIZE");
    app.add_option("--chunk", o->chunk, "streamlines per launch; does not change a byte")->type_name("N")->capture_default_str()->check(CLI::PositiveNumber);
}

}  // namespace arcuate::tools
