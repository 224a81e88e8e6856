// arcuate fod: fibre orientation distributions by constrained spherical deconvolution.
#include "arcuate/conventions.hpp"
#include "arcuate/core/error.hpp"
#include "arcuate/dwi/fod.hpp"
#include "arcuate/dwi/msmt.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/tables.hpp"
#include "dwi_options.hpp"
#include "kernels/math.hpp"

#include <fmt/format.h>

namespace arcuate::tools {

namespace {

struct Options {
    DwiInputs in;
    std::vector<std::string> responses;
    std::string directions, out;
    std::vector<int> lmax;
    dwi::FodOptions fod;
    bool no_gradient_check = false;
};

/// The highest order with no more coefficients than directions.
int determined_lmax(std::int64_t directions) {
    int lmax = 0;
    while (sh_count(lmax + 2) <= directions) lmax += 2;
    return lmax;
}

dwi::Response read_response(const std::string& path) {
    const auto rows = io::read_numbers(path);
    if (rows.empty()) throw InputError(fmt::format("{} holds no response function (no line of numbers); give the output of arcuate response", path));
    if (rows.size() > 1)
        throw InputError(fmt::format("{} has {} rows (a response per shell), but single-shell deconvolution takes one; keep the row of the largest b-value", path,
                                     rows.size()));
    return rows.front();
}

/// Rows of azimuth and inclination [rad], or of x y z.
std::vector<Vec3d> read_directions(const std::string& path) {
    std::vector<Vec3d> out;
    for (const auto& row : io::read_numbers(path)) {
        Vec3d d{};
        if (row.size() == 2) {
            const auto azimuth = kernels::sincos(static_cast<float>(row[0])), inclination = kernels::sincos(static_cast<float>(row[1]));
            d = {static_cast<double>(inclination.sin) * static_cast<double>(azimuth.cos),
                 static_cast<double>(inclination.sin) * static_cast<double>(azimuth.sin), static_cast<double>(inclination.cos)};
        } else if (row.size() == 3) {
            d = {row[0], row[1], row[2]};
        } else {
            throw InputError(fmt::format("a line of {} has {} numbers (azimuth and inclination in radians, or x y z, were expected); correct the file", path,
                                         row.size()));
        }
        const double length = kernels::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
        if (!(length > 0)) throw InputError(fmt::format("a line of {} is not a direction (its length is zero or not a number); correct the file", path));
        for (double& c : d) c /= length;
        out.push_back(d);
    }
    if (out.empty()) throw InputError(fmt::format("{} holds no directions; give one per line", path));
    return out;
}

void run_csd(Run& run, Options& o, const std::string& response_path) {
    run.require_writable({o.out, io::sidecar_path(o.out)});
    const auto response = read_response(response_path);
    if (o.lmax.size() > 1) throw InputError(fmt::format("{} values of --lmax were given for one response; give one", o.lmax.size()));
    if (!o.lmax.empty()) o.fod.lmax = o.lmax.front();
    if (!o.directions.empty()) o.fod.directions = read_directions(o.directions);
    const Series image = o.in.read_dwi(run);
    const GradientTable gradients = o.in.read_gradients(image);
    const Mask mask = o.in.read_mask(run, image, gradients);
    const auto inside = count_inside(mask);
    if (!o.no_gradient_check) check_orientation(run, image, gradients, mask, o.in.dwi);
    const auto result = dwi::estimate_fod(image, gradients, mask, response, o.fod, run.device(), run.progress());
    report_skipped(run, result.skipped, inside, o.in.dwi);
    if (!o.lmax.empty() && sh_count(result.lmax) > result.directions)
        run.warn(fmt::format("lmax {} has {} coefficients, more than the {} distinct directions of the shell determine (up to lmax {} they do); the rest rests on "
                             "non-negativity alone",
                             result.lmax, sh_count(result.lmax), result.directions, determined_lmax(result.directions)));
    if (result.not_converged > 0)
        run.warn(fmt::format("{} voxels had not converged after {} iterations; their FODs are the last ones", result.not_converged, o.fod.max_iterations));

    auto files = o.in.files();
    files.emplace_back("response", response_path);
    if (!o.directions.empty()) files.emplace_back("directions", o.directions);
    const auto provenance = run.provenance({{"mask", o.in.mask_source},
                                            {"algorithm", "csd"},
                                            {"lmax", std::to_string(result.lmax)},
                                            {"negativity_weight", io::number(o.fod.negativity_weight)},
                                            {"norm_weight", io::number(o.fod.norm_weight)},
                                            {"max_iterations", std::to_string(o.fod.max_iterations)}},
                                           files);
    io::write_image(o.out, result.fod, run.force);
    io::write_sidecar(o.out, provenance, run.force, io::describe_map("csd", "", result.lmax));
    run.say(fmt::format("FODs of {} voxels, lmax {} -> {}", inside - result.skipped, result.lmax, o.out));
}

void run_msmt(Run& run, Options& o, const std::vector<std::pair<std::string, std::string>>& responses) {
    for (const char* suffix : {".nii", ".nii.gz"})
        if (o.out.ends_with(suffix))
            throw InputError(fmt::format("{} is the name of one image, but every tissue gets its own; give a prefix, which becomes PREFIX_{}.nii.gz", o.out,
                                         responses.front().first));
    if (o.fod.negativity_weight != 1 || o.fod.norm_weight != 1)
        throw InputError("--negativity-weight and --norm-weight belong to single-shell deconvolution (several tissues are constrained exactly); leave them out");
    const auto path = [&](const std::string& tissue) { return o.out + "_" + tissue + ".nii.gz"; };
    std::vector<std::string> outputs;
    std::vector<dwi::Tissue> tissues;
    auto files = o.in.files();
    for (const auto& [name, file] : responses) {
        for (const auto& t : tissues)
            if (t.name == name) throw InputError(fmt::format("two responses are named {}; give every tissue its own name", name));
        outputs.insert(outputs.end(), {path(name), io::sidecar_path(path(name))});
        files.emplace_back("response_" + name, file);
        tissues.push_back({name, io::read_numbers(file)});
        if (tissues.back().shells.empty())
            throw InputError(fmt::format("{} holds no response function (no line of numbers); give the output of arcuate response", file));
    }
    run.require_writable(outputs);

    dwi::MsmtOptions options;
    options.lmax = o.lmax;
    options.chunk = o.fod.chunk;
    if (!o.directions.empty()) {
        options.directions = read_directions(o.directions);
        files.emplace_back("directions", o.directions);
    }
    const Series image = o.in.read_dwi(run);
    const GradientTable gradients = o.in.read_gradients(image);
    const Mask mask = o.in.read_mask(run, image, gradients);
    const auto inside = count_inside(mask);
    if (!o.no_gradient_check) check_orientation(run, image, gradients, mask, o.in.dwi);
    const auto result = dwi::estimate_msmt_fod(image, gradients, mask, tissues, options, run.device(), run.progress());
    report_skipped(run, result.skipped, inside, o.in.dwi);
    if (result.not_converged > 0) run.warn(fmt::format("{} voxels had not converged; their FODs are the last ones", result.not_converged));

    std::string names, orders;
    for (std::size_t t = 0; t < tissues.size(); ++t) {
        names += (t ? "," : "") + tissues[t].name;
        orders += (t ? "," : "") + std::to_string(result.lmax[t]);
    }
    const auto provenance = run.provenance({{"mask", o.in.mask_source}, {"algorithm", "msmt_csd"}, {"tissues", names}, {"lmax", orders}}, files);
    for (std::size_t t = 0; t < tissues.size(); ++t) {
        io::write_image(path(tissues[t].name), result.fods[t], run.force);
        io::write_sidecar(path(tissues[t].name), provenance, run.force, io::describe_map("msmt", tissues[t].name, result.lmax[t]));
    }
    run.say(fmt::format("FODs of {} voxels, {} of lmax {} -> {}_{{{}}}.nii.gz", inside - result.skipped, names, orders, o.out, names));
}

void run_fod(Run& run, Options& o) {
    o.in.complete();
    std::vector<std::pair<std::string, std::string>> responses;
    std::size_t named = 0;
    for (const auto& text : o.responses) {
        responses.push_back(named_file(text));
        named += !responses.back().first.empty();
    }
    if (named == responses.size()) return run_msmt(run, o, responses);
    if (named > 0 || responses.size() > 1)
        throw InputError("several responses must each name their tissue; write for instance --response wm=wm.txt gm=gm.txt csf=csf.txt");
    run_csd(run, o, responses.front().second);
}

}  // namespace

void add_fod(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(root, "fod", "fibre orientation distributions by constrained spherical deconvolution",
                            "One response: single-shell CSD of the volumes of the largest b-value -> OUT, an image.\n"
                            "Responses with names: multi-shell multi-tissue CSD of all volumes -> OUT_wm.nii.gz and so on, an image per tissue.\n"
                            "An image has (lmax+1)(lmax+2)/2 volumes: spherical harmonic coefficients in MRtrix3's basis, scanner frame, in multiples\n"
                            "of the response; mrview shows it as it is.\n\n"
                            "Examples:\n"
                            "  arcuate phantom study && arcuate response study/sub-01/ses-01/dwi/sub-01_ses-01_dwi.nii.gz wm.txt &&\n"
                            "  arcuate fod study/sub-01/ses-01/dwi/sub-01_ses-01_dwi.nii.gz fod.nii.gz --response wm.txt\n"
                            "  arcuate fod dwi.nii.gz fod --mask mask.nii.gz --response wm=wm.txt gm=gm.txt csf=csf.txt\n\n"
                            "References:\n"
                            "  Tournier, Calamante & Connelly 2007, NeuroImage 35:1459 (one shell)\n"
                            "  Jeurissen et al. 2014, NeuroImage 103:411 (several shells and tissues)",
                            [o](Run& run) { run_fod(run, *o); });
    o->in.add_to(app);
    app.add_option("OUT", o->out, "FOD image, NIfTI; a prefix where tissues are named")->required();
    app.add_option("--response", o->responses,
                   "response function: a file of one line for the largest shell, or wm=FILE [gm=FILE csf=FILE], each with a line for every shell, b = 0 included")
        ->required();
    app.add_option("--lmax", o->lmax,
                   "order of the FODs, even: 2 to 12, or one for each tissue, 0 to 12; may exceed what the directions determine; default: the response's, at most 8");
    app.add_option("--directions", o->directions,
                   "where negative amplitudes are penalised: lines of azimuth and inclination [rad] (as MRtrix3's) or x y z; default: 300 axes");
    app.add_option("--max-iterations", o->fod.max_iterations, "iterations per voxel at most")->check(CLI::Range(1, 1000))->capture_default_str();
    app.add_option("--negativity-weight", o->fod.negativity_weight, "weight of the non-negativity constraint")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str()
        ->group("Advanced");
    app.add_option("--norm-weight", o->fod.norm_weight, "weight of the solution's norm")->check(CLI::NonNegativeNumber)->capture_default_str()->group("Advanced");
    add_gradient_check_option(app, o->no_gradient_check);
    add_chunk_option(app, o->fod.chunk);
}

}  // namespace arcuate::tools
