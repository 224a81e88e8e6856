// arcuate response: the signal of a single fibre bundle, from the data.
#include "arcuate/core/error.hpp"
#include "arcuate/dwi/response.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/tables.hpp"
#include "dwi_options.hpp"

#include <fmt/format.h>

namespace arcuate::tools {

namespace {

struct Options {
    DwiInputs in;
    std::string out, voxels_out;
    dwi::ResponseOptions response;
};

void run_response(Run& run, Options& o) {
    o.in.complete();
    std::vector<std::string> outputs{o.out, io::sidecar_path(o.out)};
    if (!o.voxels_out.empty()) outputs.push_back(o.voxels_out);
    run.require_writable(outputs);

    const ScalarImage image = o.in.read_dwi();
    const GradientTable gradients = o.in.read_gradients(image);
    const Mask mask = o.in.read_mask(run, image, gradients);
    const auto result = dwi::estimate_response(image, gradients, mask, o.response, run.device(), run.progress());

    const auto& options = o.response;
    const auto provenance = run.provenance({{"mask", o.in.mask_source},
                                            {"algorithm", "tournier"},
                                            {"number", std::to_string(options.voxels)},
                                            {"candidates", std::to_string(options.candidates)},
                                            {"max_iterations", std::to_string(options.max_iterations)},
                                            {"lmax", std::to_string(options.lmax)}},
                                           o.in.files());
    std::string text = fmt::format("# Shells: {:.0f}\n# {}\n", result.b_value, io::provenance_core_json(provenance));
    std::string row;
    for (const double c : result.response) row += (row.empty() ? "" : " ") + io::number(c);
    io::write_text(o.out, text + row + "\n", run.force);
    io::write_sidecar(o.out, provenance, run.force);
    if (!o.voxels_out.empty()) io::write_mask(o.voxels_out, result.voxels, run.force);

    std::int64_t chosen = 0;
    for (const auto inside : result.voxels.data) chosen += inside;
    run.say(fmt::format("response at b = {:.0f} from {} voxels after {} iterations: {}", result.b_value, chosen, result.iterations, row));
    if (chosen < options.voxels) run.warn(fmt::format("only {} of {} single-fibre voxels were found", chosen, options.voxels));
    if (!result.converged)
        run.say_verbose(fmt::format("the choice of voxels still changed after {} iterations", result.iterations));
}

}  // namespace

void add_response(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(root, "response", "single-fibre response function of the largest shell",
                            "OUT is a text file: zonal harmonic coefficients l = 0, 2, 4, ... on one line, which MRtrix3 reads too.\n"
                            "Repeats spherical deconvolution, keeps the voxels whose FOD is most like one fibre, and fits the response to them,\n"
                            "until the voxels stay the same.\n\n"
                            "Example:\n"
                            "  arcuate phantom study && arcuate response study/sub-01/ses-01/dwi/sub-01_ses-01_dwi.nii.gz wm.txt\n\n"
                            "References:\n"
                            "  Tournier, Calamante & Connelly 2013, NMR Biomed 26:1775",
                            [o](Run& run) { run_response(run, *o); });
    o->in.add_to(app);
    app.add_option("OUT", o->out, "response function, .txt")->required();
    app.add_option("--number", o->response.voxels, "single-fibre voxels to use")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--candidates", o->response.candidates, "voxels that the next iteration looks at again, with their neighbours")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--max-iterations", o->response.max_iterations, "iterations at most")->check(CLI::Range(2, 1000))->capture_default_str();
    app.add_option("--lmax", o->response.lmax, "order of the response, even")->check(CLI::Range(2, 12))->capture_default_str();
    app.add_option("--voxels-out", o->voxels_out, "write the mask of the voxels that were used");
    add_chunk_option(app, o->response.chunk);
}

}  // namespace arcuate::tools
