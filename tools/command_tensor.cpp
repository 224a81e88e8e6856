// arcuate tensor: diffusion tensors and the maps that follow from them.
#include "arcuate/core/error.hpp"
#include "arcuate/dwi/tensor.hpp"
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
    dwi::TensorOptions tensor;
    bool no_gradient_check = false;
};

void run_tensor(Run& run, Options& o) {
    o.in.complete();
    const auto path = [&](const char* map) { return o.out_prefix + "_" + map + ".nii.gz"; };
    std::vector<std::string> outputs;
    for (const char* map : {"tensor", "s0", "fa", "md", "ad", "rd", "v1"}) {
        outputs.push_back(path(map));
        outputs.push_back(io::sidecar_path(path(map)));
    }
    run.require_writable(outputs);

    const ScalarImage image = o.in.read_dwi();
    const GradientTable gradients = o.in.read_gradients(image);
    const Mask mask = o.in.read_mask(run, image, gradients);
    o.tensor.fit = fits.at(o.fit);
    const auto maps = dwi::fit_tensor(image, gradients, mask, o.tensor, run.device(), run.progress());
    report_skipped(run, maps.skipped, maps.fitted + maps.skipped, o.in.dwi);
    if (!o.no_gradient_check) warn_about_orientation(run, maps, o.in.dwi);

    const auto provenance = run.provenance({{"mask", o.in.mask_source}, {"fit", o.fit}, {"iterations", std::to_string(o.fit == "iwls" ? o.tensor.iterations : 0)}}, o.in.files());
    const std::pair<const char*, const ScalarImage*> images[] = {{"tensor", &maps.tensor}, {"s0", &maps.s0}, {"fa", &maps.fa}, {"md", &maps.md},
                                                                 {"ad", &maps.ad},         {"rd", &maps.rd}, {"v1", &maps.v1}};
    for (const auto& [name, map] : images) {
        io::write_image(path(name), *map, run.force);
        io::write_sidecar(path(name), provenance, run.force);
    }
    run.say(fmt::format("tensors of {} voxels -> {}_{{tensor,s0,fa,md,ad,rd,v1}}.nii.gz", maps.fitted, o.out_prefix));
}

}  // namespace

void add_tensor(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(root, "tensor", "diffusion tensor, FA, MD, AD, RD, S0 and main direction of every voxel",
                            "Outputs, on the grid of DWI, zero outside the mask and where a signal is not finite:\n"
                            "  OUT_PREFIX_tensor.nii.gz  xx, yy, zz, xy, xz, yz [mm2/s], scanner frame\n"
                            "  OUT_PREFIX_s0.nii.gz      estimated signal without diffusion weighting\n"
                            "  OUT_PREFIX_fa.nii.gz      fractional anisotropy; above 1 where noise made an eigenvalue negative\n"
                            "  OUT_PREFIX_{md,ad,rd}.nii.gz  mean, axial, radial diffusivity [mm2/s]\n"
                            "  OUT_PREFIX_v1.nii.gz      main direction, unit vector, scanner frame\n"
                            "  and a .json beside each, saying how it was made\n\n"
                            "Example:\n"
                            "  arcuate phantom study && arcuate tensor study/sub-01/ses-01/dwi/sub-01_ses-01_dwi.nii.gz maps\n\n"
                            "References:\n"
                            "  Basser, Mattiello & Le Bihan 1994, J Magn Reson B 103:247 (the tensor)\n"
                            "  Basser & Pierpaoli 1996, J Magn Reson B 111:209 (FA)\n"
                            "  Veraart et al. 2013, NeuroImage 81:335 (reweighting)",
                            [o](Run& run) { run_tensor(run, *o); });
    o->in.add_to(app);
    app.add_option("OUT_PREFIX", o->out_prefix, "outputs are OUT_PREFIX_fa.nii.gz and so on")->required();
    app.add_option("--fit", o->fit, "least squares on the log signal: ols (unweighted), wls (weighted by the signal), iwls (then by its prediction)")
        ->check(CLI::IsMember({"ols", "wls", "iwls"}))
        ->capture_default_str();
    app.add_option("--iterations", o->tensor.iterations, "reweighting passes of iwls")->check(CLI::Range(0, 100))->capture_default_str();
    add_gradient_check_option(app, o->no_gradient_check);
    add_chunk_option(app, o->tensor.chunk);
}

}  // namespace arcuate::tools
