// arcuate response: the signal of a single fibre bundle and of tissues, from the data.
#include "arcuate/core/error.hpp"
#include "arcuate/dwi/response.hpp"
#include "arcuate/dwi/tissue_response.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/tables.hpp"
#include "dwi_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

namespace arcuate::tools {

namespace {

struct Options {
    DwiInputs in;
    std::string out, voxels_out, algorithm = "tournier";
    std::vector<std::string> shells;
    int number = 300, candidates = 3000, max_iterations = 10, lmax = 10, erode = 3;
    double threshold = 0;
    dwi::TissueResponseOptions tissues;
    std::int64_t chunk = 0;
};

std::string row_text(const dwi::Response& response, std::size_t width) {
    std::string row;
    for (std::size_t i = 0; i < width; ++i) row += (i ? " " : "") + io::number(i < response.size() ? response[i] : 0.0);
    return row;
}

/// MRtrix3's layout: a comment with the shells' b-values, then a row per shell, padded with zeros to the longest.
std::string response_text(const std::vector<double>& b_values, const std::vector<dwi::Response>& rows, const Provenance& provenance) {
    std::string shells, body;
    std::size_t width = 0;
    for (const auto& r : rows) width = std::max(width, r.size());
    for (const double b : b_values) shells += fmt::format("{}{:.0f}", shells.empty() ? "" : ",", b);
    for (const auto& r : rows) body += row_text(r, width) + "\n";
    return fmt::format("# Shells: {}\n# {}\n", shells, io::provenance_core_json(provenance)) + body;
}

/// --shells as b-values; empty where it was not given or says `all`.
std::vector<double> chosen_shells(const Options& o) {
    std::vector<double> out;
    if (o.shells == std::vector<std::string>{"all"}) return out;
    for (const auto& text : o.shells) {
        double b = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), b);
        if (error != std::errc{} || end != text.data() + text.size() || !(b >= 0 && b < 1e6))
            throw InputError(fmt::format("'{}' is not a b-value; give numbers in s/mm2, or all", text));
        out.push_back(b);
    }
    return out;
}

struct Inputs {
    Series image;
    GradientTable gradients;
    Mask mask;
    Inputs(Run& run, DwiInputs& in) : image(in.read_dwi(run)), gradients(in.read_gradients(image)), mask(in.read_mask(run, image, gradients)) {}
};

void run_tournier(Run& run, Options& o) {
    const auto shells = chosen_shells(o);
    if (shells.size() > 1 || (o.shells.size() == 1 && shells.empty()) || (shells.size() == 1 && shells.front() <= b_zero_threshold))
        throw InputError("tournier works on one diffusion-weighted shell; give one b-value above 0, or use --algorithm fa or dhollander");
    const Inputs in(run, o.in);
    const dwi::ResponseOptions options{.voxels = o.number, .candidates = o.candidates, .max_iterations = o.max_iterations, .lmax = o.lmax,
                                       .shell = shells.empty() ? 0.0 : shells.front(), .chunk = o.chunk};
    const auto result = dwi::estimate_response(in.image, in.gradients, in.mask, options, run.device(), run.progress());
    std::vector<std::pair<std::string, std::string>> parameters{{"mask", o.in.mask_source}, {"algorithm", "tournier"},
                                                                {"number", std::to_string(o.number)},
                                                                {"candidates", std::to_string(o.candidates)},
                                                                {"max_iterations", std::to_string(o.max_iterations)},
                                                                {"lmax", std::to_string(o.lmax)}};
    if (!shells.empty()) parameters.emplace_back("shell", io::number(shells.front()));
    const auto provenance = run.provenance(parameters, o.in.files());
    io::write_text(o.out, response_text({result.b_value}, {result.response}, provenance), run.force);
    io::write_sidecar(o.out, provenance, run.force);
    if (!o.voxels_out.empty()) io::write_mask(o.voxels_out, result.voxels, run.force);

    const auto chosen = count_inside(result.voxels);
    run.say(fmt::format("response at b = {:.0f} from {} voxels after {} iterations: {}", result.b_value, chosen, result.iterations,
                        row_text(result.response, result.response.size())));
    if (chosen < o.number) run.warn(fmt::format("only {} of {} single-fibre voxels were found", chosen, o.number));
    if (!result.converged)
        run.say_verbose(fmt::format("the choice of voxels still changed after {} iterations", result.iterations));
}

void run_fa(Run& run, Options& o) {
    const Inputs in(run, o.in);
    const dwi::FaResponseOptions options{.erode = o.erode, .voxels = o.number, .threshold = o.threshold, .lmax = o.lmax, .shells = chosen_shells(o),
                                         .all_shells = o.shells == std::vector<std::string>{"all"}, .chunk = o.chunk};
    const auto result = dwi::estimate_fa_response(in.image, in.gradients, in.mask, options, run.device(), run.progress());
    std::string shells;
    for (const auto& s : o.shells) shells += (shells.empty() ? "" : ",") + s;
    const auto provenance = run.provenance({{"mask", o.in.mask_source}, {"algorithm", "fa"},
                                            {"erode", std::to_string(o.erode)},
                                            {"number", std::to_string(o.number)},
                                            {"threshold", io::number(o.threshold)},
                                            {"lmax", std::to_string(o.lmax)},
                                            {"shells", shells.empty() ? "largest" : shells}},
                                           o.in.files());
    io::write_text(o.out, response_text(result.b_values, result.responses, provenance), run.force);
    io::write_sidecar(o.out, provenance, run.force);
    if (!o.voxels_out.empty()) io::write_mask(o.voxels_out, result.voxels, run.force);
    const auto chosen = count_inside(result.voxels);
    for (std::size_t s = 0; s < result.b_values.size(); ++s)
        run.say(fmt::format("response at b = {:.0f} from {} voxels: {}", result.b_values[s], chosen,
                            row_text(result.responses[s], result.responses[s].size())));
    if (!(o.threshold > 0) && chosen < o.number) run.warn(fmt::format("only {} of {} voxels have a tensor", chosen, o.number));
}

void run_dhollander(Run& run, Options& o) {
    for (const char* suffix : {".txt", ".nii", ".nii.gz"})
        if (o.out.ends_with(suffix))
            throw InputError(fmt::format("{} is the name of one file, but every tissue gets its own; give a prefix, which becomes PREFIX_wm.txt", o.out));
    const std::string names[] = {"wm", "gm", "csf"};
    const auto path = [&](const std::string& tissue) { return o.out + "_" + tissue + ".txt"; };
    std::vector<std::string> outputs;
    for (const auto& name : names) outputs.insert(outputs.end(), {path(name), io::sidecar_path(path(name))});
    if (!o.voxels_out.empty()) outputs.push_back(o.voxels_out);
    run.require_writable(outputs);

    auto options = o.tissues;
    options.erode = o.erode;
    options.lmax = o.lmax;
    options.chunk = o.chunk;
    const Inputs in(run, o.in);
    const auto result = dwi::estimate_tissue_responses(in.image, in.gradients, in.mask, options, run.device(), run.progress());
    const auto provenance = run.provenance({{"mask", o.in.mask_source}, {"algorithm", "dhollander"},
                                            {"erode", std::to_string(options.erode)},
                                            {"fa", io::number(options.fa)},
                                            {"wm_percent", io::number(options.wm_percent)},
                                            {"gm_percent", io::number(options.gm_percent)},
                                            {"csf_percent", io::number(options.csf_percent)},
                                            {"lmax", std::to_string(options.lmax)}},
                                           o.in.files());
    for (std::size_t t = 0; t < result.tissues.size(); ++t) {
        io::write_text(path(names[t]), response_text(result.b_values, result.tissues[t].shells, provenance), run.force);
        io::write_sidecar(path(names[t]), provenance, run.force);
        run.say(fmt::format("{}: {} voxels, of which {} give the response -> {}", names[t], count_inside(result.refined[t]), count_inside(result.voxels[t]),
                            path(names[t])));
    }
    if (!o.voxels_out.empty()) {
        ScalarImage all(in.image.grid, 3);
        for (std::int64_t t = 0; t < 3; ++t)
            for (std::int64_t v = 0; v < all.grid.voxels(); ++v) all.at(v, t) = result.voxels[static_cast<std::size_t>(t)].at(v) ? 1.0f : 0.0f;
        io::write_image(o.voxels_out, all, run.force);
    }
}

void run_response(Run& run, Options& o) {
    o.in.complete();
    if (o.algorithm == "dhollander") {
        if (!o.shells.empty()) throw InputError("dhollander uses every shell; leave --shells out");
        return run_dhollander(run, o);
    }
    std::vector<std::string> outputs{o.out, io::sidecar_path(o.out)};
    if (!o.voxels_out.empty()) outputs.push_back(o.voxels_out);
    run.require_writable(outputs);
    o.algorithm == "fa" ? run_fa(run, o) : run_tournier(run, o);
}

}  // namespace

void add_response(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(
        root, "response", "response functions: the signal of a single fibre bundle and of tissues",
        "tournier    repeats spherical deconvolution of one shell, keeps the voxels whose FOD is most like one fibre, and fits the response to\n"
        "            them, until the voxels stay the same.\n"
        "fa          erodes the mask, and takes the voxels of largest tensor anisotropy; their principal eigenvector is the fibre.\n"
        "dhollander  white matter, grey matter and CSF for multi-tissue CSD, told apart by anisotropy and by the signal's decay; single fibres\n"
        "            of white matter by deconvolution. OUT is a prefix: OUT_wm.txt, OUT_gm.txt, OUT_csf.txt.\n\n"
        "A file has a row per shell, b ascending: zonal harmonic coefficients l = 0, 2, 4, ..., in the signal's unit, which MRtrix3 reads too.\n\n"
        "Examples:\n"
        "  arcuate phantom study && arcuate response study/sub-01/ses-01/dwi/sub-01_ses-01_dwi.nii.gz wm.txt\n"
        "  arcuate response dwi.nii.gz resp --mask mask.nii.gz --algorithm dhollander &&\n"
        "  arcuate fod dwi.nii.gz fod --mask mask.nii.gz --response wm=resp_wm.txt gm=resp_gm.txt csf=resp_csf.txt\n\n"
        "References:\n"
        "  Tournier, Calamante & Connelly 2013, NMR Biomed 26:1775 (tournier)\n"
        "  Tournier et al. 2004, NeuroImage 23:1176 (fa)\n"
        "  Dhollander, Raffelt & Connelly 2016, ISMRM Workshop on Breaking the Barriers of Diffusion MRI, 5;\n"
        "  Dhollander et al. 2019, Proc ISMRM, 555 (dhollander)",
        [o](Run& run) { run_response(run, *o); });
    o->in.add_to(app);
    app.add_option("OUT", o->out, "response function, .txt; a prefix with dhollander")->required();
    app.add_option("--algorithm", o->algorithm, "how voxels are chosen: tournier, fa, dhollander")
        ->check(CLI::IsMember({"tournier", "fa", "dhollander"}))
        ->capture_default_str();
    app.add_option("--shells", o->shells,
                   "b-values [s/mm2], each the nearest shell: one for tournier, any for fa, or all (then b = 0 too); default: the largest")
        ->delimiter(',');
    app.add_option("--lmax", o->lmax, "order of the response where b > 0, even; it is 0 where b = 0 and for grey matter and CSF")
        ->check(CLI::Range(2, 12))
        ->capture_default_str();
    app.add_option("--number", o->number, "tournier, fa: voxels to use")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--candidates", o->candidates, "tournier: voxels that the next iteration looks at again, with their neighbours")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--max-iterations", o->max_iterations, "tournier: iterations at most")->check(CLI::Range(2, 1000))->capture_default_str();
    app.add_option("--erode", o->erode, "fa, dhollander: erosions of the mask by a voxel")->check(CLI::Range(0, 100))->capture_default_str();
    app.add_option("--threshold", o->threshold, "fa: all voxels with an FA above this, instead of --number")->check(CLI::Range(0.0, 1.0));
    app.add_option("--fa", o->tissues.fa, "dhollander: white matter has an FA above this")->check(CLI::PositiveNumber)->capture_default_str();
    for (const auto& [name, value, what] : {std::tuple{"--wm-percent", &o->tissues.wm_percent, "white matter that gives its response [%]"},
                                            std::tuple{"--gm-percent", &o->tissues.gm_percent, "grey matter that gives its response [%]"},
                                            std::tuple{"--csf-percent", &o->tissues.csf_percent, "CSF that gives its response [%]"}})
        app.add_option(name, *value, fmt::format("dhollander: share of the {}", what))->check(CLI::Range(0.0, 100.0))->capture_default_str();
    app.add_option("--voxels,--voxels-out", o->voxels_out, "write the mask of the voxels that were used; dhollander: three volumes, WM, GM, CSF");
    add_chunk_option(app, o->chunk);
}

}  // namespace arcuate::tools
