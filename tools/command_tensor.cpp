// arcuate tensor: diffusion tensors and the maps that follow from them.
#include "arcuate/core/error.hpp"
#include "arcuate/dwi/tensor.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "dwi_options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace arcuate::tools {

namespace {

const std::map<std::string, dwi::TensorFit> fits{{"ols", dwi::TensorFit::ols}, {"wls", dwi::TensorFit::wls}, {"iwls", dwi::TensorFit::iwls}};

/// A map by name, and what has to be asked for to have it (null: always there).
struct MapName {
    const char* name;
    ScalarImage dwi::TensorMaps::*image;
    bool dwi::TensorOptions::*asked;
};
using M = dwi::TensorMaps;
using O = dwi::TensorOptions;
const MapName map_names[] = {{"tensor", &M::tensor, nullptr},
                             {"s0", &M::s0, nullptr},
                             {"fa", &M::fa, nullptr},
                             {"md", &M::md, nullptr},
                             {"ad", &M::ad, nullptr},
                             {"rd", &M::rd, nullptr},
                             {"v1", &M::v1, nullptr},
                             {"v2", &M::v2, &O::vectors},
                             {"v3", &M::v3, &O::vectors},
                             {"l1", &M::l1, &O::eigenvalues},
                             {"l2", &M::l2, &O::eigenvalues},
                             {"l3", &M::l3, &O::eigenvalues},
                             {"mode", &M::mode, &O::mode},
                             {"cl", &M::cl, &O::westin},
                             {"cp", &M::cp, &O::westin},
                             {"cs", &M::cs, &O::westin},
                             {"colour_fa", &M::colour_fa, &O::colour_fa},
                             {"residual", &M::residual, &O::residual}};

struct Options {
    DwiInputs in;
    std::string out_prefix, fit = "iwls";
    std::vector<std::string> maps;
    bool all = false;
    dwi::TensorOptions tensor;
    bool no_gradient_check = false;

    bool wants(const MapName& m) const { return all || (maps.empty() ? !m.asked : std::find(maps.begin(), maps.end(), m.name) != maps.end()); }
};

void run_tensor(Run& run, Options& o) {
    o.in.complete();
    const auto path = [&](const char* map) { return o.out_prefix + "_" + map + ".nii.gz"; };
    std::vector<std::string> outputs, names;
    for (const auto& m : map_names) {
        if (!o.wants(m)) continue;
        names.emplace_back(m.name);
        outputs.push_back(path(m.name));
        outputs.push_back(io::sidecar_path(path(m.name)));
        if (m.asked) o.tensor.*m.asked = true;
    }
    run.require_writable(outputs);

    const Series image = o.in.read_dwi(run);
    const GradientTable gradients = o.in.read_gradients(image);
    const Mask mask = o.in.read_mask(run, image, gradients);
    o.tensor.fit = fits.at(o.fit);
    const auto maps = dwi::fit_tensor(image, gradients, mask, o.tensor, run.device(), run.progress());
    report_skipped(run, maps.skipped, maps.fitted + maps.skipped, o.in.dwi);
    if (!o.no_gradient_check) warn_about_orientation(run, maps, o.in.dwi);

    std::vector<std::pair<std::string, std::string>> parameters{{"mask", o.in.mask_source}, {"fit", o.fit}, {"iterations", std::to_string(o.fit == "iwls" ? o.tensor.iterations : 0)}};
    if (!o.tensor.shells.empty()) parameters.emplace_back("shells", fmt::format("{}", fmt::join(o.tensor.shells, ",")));
    if (o.tensor.positive) parameters.emplace_back("positive", std::to_string(maps.constrained) + " voxels");
    const auto provenance = run.provenance(parameters, o.in.files());
    for (const auto& m : map_names) {
        if (!o.wants(m)) continue;
        io::write_image(path(m.name), maps.*m.image, run.force);
        io::write_sidecar(path(m.name), provenance, run.force, io::describe_map("tensor", m.name));
    }
    if (o.tensor.positive) run.say(fmt::format("{} tensors had to be made positive", maps.constrained));
    run.say(fmt::format("tensors of {} voxels -> {}_{{{}}}.nii.gz", maps.fitted, o.out_prefix, fmt::join(names, ",")));
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
                            "and, with --maps or --all:\n"
                            "  l1, l2, l3   eigenvalues, descending [mm2/s]\n"
                            "  v2, v3       the other directions, as v1\n"
                            "  mode         -1 (planar) to 1 (linear)\n"
                            "  cl, cp, cs   linear, planar, spherical measures, sum 1: (l1-l2)/t, 2(l2-l3)/t, 3 l3/t with t the trace\n"
                            "  colour_fa    FA times |x|, |y|, |z| of the main direction\n"
                            "  residual     root mean square of signal less fitted signal over the volumes, in the signal's unit\n"
                            "and a .json beside each, saying how it was made\n\n"
                            "Example:\n"
                            "  arcuate phantom study && arcuate tensor study/sub-01/ses-01/dwi/sub-01_ses-01_dwi.nii.gz maps\n\n"
                            "References:\n"
                            "  Basser, Mattiello & Le Bihan 1994, J Magn Reson B 103:247 (the tensor)\n"
                            "  Basser & Pierpaoli 1996, J Magn Reson B 111:209 (FA)\n"
                            "  Veraart et al. 2013, NeuroImage 81:335 (reweighting)\n"
                            "  Koay et al. 2006, J Magn Reson 182:115 (--positive)\n"
                            "  Ennis & Kindlmann 2006, Magn Reson Med 55:136 (mode)\n"
                            "  Westin et al. 1997, Proc ISMRM 5:1742 (cl, cp, cs)",
                            [o](Run& run) { run_tensor(run, *o); });
    o->in.add_to(app);
    app.add_option("OUT_PREFIX", o->out_prefix, "outputs are OUT_PREFIX_fa.nii.gz and so on")->required();
    app.add_option("--fit", o->fit, "least squares on the log signal: ols (unweighted), wls (weighted by the signal), iwls (then by its prediction)")
        ->check(CLI::IsMember({"ols", "wls", "iwls"}))
        ->capture_default_str();
    app.add_option("--iterations", o->tensor.iterations, "reweighting passes of iwls")->check(CLI::Range(0, 100))->capture_default_str();
    std::vector<std::string> choices;
    for (const auto& m : map_names) choices.emplace_back(m.name);
    auto* maps = app.add_option("--maps", o->maps, "write these maps alone, separated by commas; default: tensor,s0,fa,md,ad,rd,v1")
                     ->delimiter(',')
                     ->allow_extra_args(false)
                     ->check(CLI::IsMember(choices));
    app.add_flag("--all", o->all, "write every map")->excludes(maps);
    app.add_option("--shells", o->tensor.shells,
                   "fit the volumes of these shells alone [s/mm2], separated by commas, b = 0 among them if wanted: 0,1000; default: every volume")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check(CLI::NonNegativeNumber);
    app.add_flag("--positive", o->tensor.positive,
                 "where an eigenvalue is not positive, repeat the fit among positive definite tensors");
    add_gradient_check_option(app, o->no_gradient_check);
    add_chunk_option(app, o->tensor.chunk);
}

}  // namespace arcuate::tools
