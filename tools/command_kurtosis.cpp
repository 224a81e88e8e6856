// arcuate kurtosis: diffusion kurtosis and the maps that follow from it.
#include "arcuate/core/error.hpp"
#include "arcuate/dwi/kurtosis.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "dwi_options.hpp"

#include <fmt/format.h>

#include <map>

namespace arcuate::tools {

namespace {

const std::map<std::string, dwi::TensorFit> fits{{"ols", dwi::TensorFit::ols}, {"wls", dwi::TensorFit::wls}, {"iwls", dwi::TensorFit::iwls}};

struct Options {
    DwiInputs in;
    std::string out_prefix, fit = "iwls";
    dwi::KurtosisOptions kurtosis;
};

void run_kurtosis(Run& run, Options& o) {
    o.in.complete();
    const auto path = [&](const char* map) { return o.out_prefix + "_" + map + ".nii.gz"; };
    std::vector<std::string> outputs;
    for (const char* map : {"mk", "ak", "rk", "mkt", "kurtosis", "tensor", "s0", "fa", "md", "ad", "rd"}) {
        outputs.push_back(path(map));
        outputs.push_back(io::sidecar_path(path(map)));
    }
    run.require_writable(outputs);

    const Series image = o.in.read_dwi(run);
    const GradientTable gradients = o.in.read_gradients(image);
    const Mask mask = o.in.read_mask(run, image, gradients);
    o.kurtosis.fit = fits.at(o.fit);
    const auto maps = dwi::fit_kurtosis(image, gradients, mask, o.kurtosis, run.device(), run.progress());
    report_skipped(run, maps.skipped, maps.fitted + maps.skipped, o.in.dwi);

    const auto provenance = run.provenance({{"mask", o.in.mask_source}, {"fit", o.fit},
                                            {"iterations", std::to_string(o.fit == "iwls" ? o.kurtosis.iterations : 0)},
                                            {"min_kurtosis", fmt::format("{}", o.kurtosis.min_kurtosis)},
                                            {"max_kurtosis", fmt::format("{}", o.kurtosis.max_kurtosis)}},
                                           o.in.files());
    const std::pair<const char*, const ScalarImage*> images[] = {
        {"mk", &maps.mk}, {"ak", &maps.ak}, {"rk", &maps.rk}, {"mkt", &maps.mkt}, {"kurtosis", &maps.kurtosis}, {"tensor", &maps.tensor},
        {"s0", &maps.s0}, {"fa", &maps.fa}, {"md", &maps.md}, {"ad", &maps.ad},   {"rd", &maps.rd}};
    for (const auto& [name, map] : images) {
        io::write_image(path(name), *map, run.force);
        io::write_sidecar(path(name), provenance, run.force, io::describe_map("kurtosis", name));
    }
    run.say(fmt::format("kurtosis of {} voxels -> {}_{{mk,ak,rk,mkt,kurtosis,tensor,s0,fa,md,ad,rd}}.nii.gz", maps.fitted, o.out_prefix));
    if (maps.undefined)
        run.say(fmt::format("mk, ak and rk are zero in {} of them: an eigenvalue of the tensor is not positive, so they are not defined", maps.undefined));
}

}  // namespace

void add_kurtosis(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(root, "kurtosis", "diffusion kurtosis (DKI): mean, axial, radial kurtosis, and the tensor fitted with it",
                            "Needs two or more shells above b = 0 and at least 15 directions.\n\n"
                            "Outputs, on the grid of DWI, zero outside the mask and where a signal is not finite:\n"
                            "  OUT_PREFIX_{mk,ak,rk}.nii.gz  mean, axial, radial kurtosis, without unit; zero too where an eigenvalue of the\n"
                            "                            tensor is 2e-7 mm2/s or less\n"
                            "  OUT_PREFIX_mkt.nii.gz     mean of the kurtosis tensor\n"
                            "  OUT_PREFIX_kurtosis.nii.gz  kurtosis tensor / MD^2, scanner frame: xxxx, yyyy, zzzz, xxxy, xxxz, xyyy, xzzz,\n"
                            "                            yyyz, yzzz, xxyy, xxzz, yyzz, xxyz, xyyz, xyzz\n"
                            "  OUT_PREFIX_tensor.nii.gz  tensor of the same fit: xx, yy, zz, xy, xz, yz [mm2/s], scanner frame\n"
                            "  OUT_PREFIX_s0.nii.gz      estimated signal without diffusion weighting\n"
                            "  OUT_PREFIX_fa.nii.gz      fractional anisotropy; above 1 where noise made an eigenvalue negative\n"
                            "  OUT_PREFIX_{md,ad,rd}.nii.gz  mean, axial, radial diffusivity [mm2/s]\n"
                            "  and a .json beside each, saying how it was made\n\n"
                            "Example:\n"
                            "  arcuate kurtosis sub-01_dwi.nii.gz maps --mask mask.nii.gz\n\n"
                            "References:\n"
                            "  Jensen et al. 2005, Magn Reson Med 53:1432 (kurtosis)\n"
                            "  Tabesh et al. 2011, Magn Reson Med 65:823 (mean, axial, radial kurtosis)\n"
                            "  Hansen et al. 2013, Magn Reson Med 69:1754 (mean of the kurtosis tensor)\n"
                            "  Veraart et al. 2013, NeuroImage 81:335 (reweighting)",
                            [o](Run& run) { run_kurtosis(run, *o); });
    o->in.add_to(app);
    app.add_option("OUT_PREFIX", o->out_prefix, "outputs are OUT_PREFIX_mk.nii.gz and so on")->required();
    app.add_option("--fit", o->fit, "least squares on the log signal: ols (unweighted), wls (weighted by the signal), iwls (then by its prediction)")
        ->check(CLI::IsMember({"ols", "wls", "iwls"}))
        ->capture_default_str();
    app.add_option("--iterations", o->kurtosis.iterations, "reweighting passes of iwls")->check(CLI::Range(0, 100))->capture_default_str();
    app.add_option("--min-kurtosis", o->kurtosis.min_kurtosis, "mk, ak, rk and mkt below it are set to it; default -3/7")->capture_default_str();
    app.add_option("--max-kurtosis", o->kurtosis.max_kurtosis, "and those above it to this")->capture_default_str();
    add_chunk_option(app, o->kurtosis.chunk);
}

}  // namespace arcuate::tools
