// arcuate fod: fibre orientation distributions by constrained spherical deconvolution.
#include "arcuate/core/error.hpp"
#include "arcuate/dwi/fod.hpp"
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
    std::string response, directions, out;
    dwi::FodOptions fod;
};

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

void run_fod(Run& run, Options& o) {
    o.in.complete();
    run.require_writable({o.out, io::sidecar_path(o.out)});
    const auto response = read_response(o.response);
    if (!o.directions.empty()) o.fod.directions = read_directions(o.directions);
    const ScalarImage image = o.in.read_dwi();
    const GradientTable gradients = o.in.read_gradients(image);
    const Mask mask = o.in.read_mask(image);
    std::int64_t inside = 0;
    for (const auto m : mask.data) inside += m != 0;
    const auto result = dwi::estimate_fod(image, gradients, mask, response, o.fod, run.device(), run.progress());
    report_skipped(run, result.skipped, inside, o.in.dwi);
    if (result.not_converged > 0)
        run.warn(fmt::format("{} voxels had not converged after {} iterations; their FODs are the last ones", result.not_converged, o.fod.max_iterations));

    auto files = o.in.files();
    files.emplace_back("response", o.response);
    if (!o.directions.empty()) files.emplace_back("directions", o.directions);
    const auto provenance = run.provenance({{"algorithm", "csd"},
                                            {"lmax", std::to_string(result.lmax)},
                                            {"negativity_weight", io::number(o.fod.negativity_weight)},
                                            {"norm_weight", io::number(o.fod.norm_weight)},
                                            {"max_iterations", std::to_string(o.fod.max_iterations)}},
                                           files);
    io::write_image(o.out, result.fod, run.force);
    io::write_sidecar(o.out, provenance, run.force);
    run.say(fmt::format("FODs of {} voxels, lmax {} -> {}", inside - result.skipped, result.lmax, o.out));
}

}  // namespace

void add_fod(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(root, "fod", "fibre orientation distributions by constrained spherical deconvolution",
                            "Uses the volumes of the largest b-value. OUT has (lmax+1)(lmax+2)/2 volumes: spherical harmonic coefficients in MRtrix3's\n"
                            "basis, scanner frame, in multiples of the response; mrview shows it as it is.\n\n"
                            "Example:\n"
                            "  arcuate phantom study && arcuate response study/sub-01/ses-01/dwi/sub-01_ses-01_dwi.nii.gz wm.txt &&\n"
                            "  arcuate fod study/sub-01/ses-01/dwi/sub-01_ses-01_dwi.nii.gz fod.nii.gz --response wm.txt\n\n"
                            "References:\n"
                            "  Tournier, Calamante & Connelly 2007, NeuroImage 35:1459",
                            [o](Run& run) { run_fod(run, *o); });
    o->in.add_to(app);
    app.add_option("OUT", o->out, "FOD image, NIfTI")->required();
    app.add_option("--response", o->response, "response function of the largest shell, one line of zonal coefficients")->required();
    app.add_option("--lmax", o->fod.lmax, "order of the FODs: 2, 4, 6 or 8; may exceed what the directions determine; default: the response's, at most 8")
        ->check(CLI::IsMember({2, 4, 6, 8}));
    app.add_option("--directions", o->directions,
                   "where negative amplitudes are penalised: lines of azimuth and inclination [rad] (as MRtrix3's) or x y z; default: 300 axes");
    app.add_option("--max-iterations", o->fod.max_iterations, "iterations per voxel at most")->check(CLI::Range(1, 1000))->capture_default_str();
    app.add_option("--negativity-weight", o->fod.negativity_weight, "weight of the non-negativity constraint")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str()
        ->group("Advanced");
    app.add_option("--norm-weight", o->fod.norm_weight, "weight of the solution's norm")->check(CLI::NonNegativeNumber)->capture_default_str()->group("Advanced");
    add_chunk_option(app, o->fod.chunk);
}

}  // namespace arcuate::tools
