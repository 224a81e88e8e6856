// arcuate normalise: multi-tissue FODs on one scale, so that sessions compare.
#include "arcuate/conventions.hpp"
#include "arcuate/core/error.hpp"
#include "arcuate/dwi/normalise.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "dwi_options.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace arcuate::tools {

namespace {

struct Options {
    std::string out, mask, field;
    std::vector<std::string> tissues;
    dwi::NormaliseOptions normalise;
};

constexpr const char* model = "intensity normalisation of tissues: field and balance by least squares on the logarithm of their sum";

/// In the words of the FODs' own sidecars.
io::MapDescription describe(const std::string& tissue, std::int64_t volumes) {
    auto out = io::describe_map("msmt", tissue, lmax_of_count(volumes));
    out.description += ", intensity normalised";
    out.model = model;
    return out;
}

void run_normalise(Run& run, Options& o) {
    std::vector<std::pair<std::string, std::string>> named, files;
    std::vector<std::string> outputs;
    const auto path = [&](const std::string& tissue) { return fmt::format("{}_{}.nii.gz", o.out, tissue); };
    for (const auto& text : o.tissues) {
        named.push_back(named_file(text));
        if (named.back().first.empty()) throw InputError(fmt::format("'{}' does not name its tissue; write for instance wm={}", text, text));
        for (std::size_t t = 0; t + 1 < named.size(); ++t)
            if (named[t].first == named.back().first)
                throw InputError(fmt::format("the tissue {} is given twice (each has one image and one output); name every tissue once", named.back().first));
        files.emplace_back(named.back().first, named.back().second);
        outputs.push_back(path(named.back().first));
    }
    files.emplace_back("mask", o.mask);
    if (!o.field.empty()) {
        if (std::find(outputs.begin(), outputs.end(), o.field) != outputs.end())
            throw InputError(fmt::format("--field names {}, which a tissue is written to (outputs are OUT_PREFIX_<tissue>.nii.gz); choose another name", o.field));
        outputs.push_back(o.field);
    }
    auto written = outputs;
    for (const auto& output : outputs) written.push_back(io::sidecar_path(output));
    run.require_writable(written);

    std::vector<dwi::TissueImage> tissues;
    for (const auto& [name, file] : named) tissues.push_back({name, io::read_image(file)});
    const Mask mask = io::read_mask(o.mask);
    const auto result = dwi::estimate_normalisation(tissues, mask, o.normalise, run.device());
    if (!result.converged)
        run.warn(fmt::format("field and balance still changed after {} iterations; look at the field (--field) and the mask before using the result", result.iterations));

    std::string names, balance;
    for (std::size_t t = 0; t < tissues.size(); ++t) {
        names += (t ? "," : "") + tissues[t].name;
        balance += fmt::format("{}{}={:.6f}", t ? "," : "", tissues[t].name, result.balance[t]);
    }
    const auto provenance = run.provenance({{"tissues", names},
                                            {"order", std::to_string(o.normalise.order)},
                                            {"reference", fmt::format("{:.9g}", o.normalise.reference)},
                                            {"max_iterations", std::to_string(o.normalise.max_iterations)},
                                            {"balance", balance},
                                            {"voxels_used", std::to_string(result.used)},
                                            {"voxels_rejected", std::to_string(result.outliers)},
                                            {"voxels_without_tissue", std::to_string(result.skipped)}},
                                           files);
    for (auto& [name, image] : tissues) {
        dwi::apply_field(image, result.field, run.device());
        io::write_image(path(name), image, run.force);
        io::write_sidecar(path(name), provenance, run.force, describe(name, image.volumes));
    }
    if (!o.field.empty()) {
        io::write_image(o.field, result.field, run.force);
        io::MapDescription map;
        map.description = "factor that the tissues were multiplied by";
        map.model = model;
        io::write_sidecar(o.field, provenance, run.force, map);
    }
    run.say(fmt::format("balance {}; {} voxels used, {} rejected as outliers, {} without tissue; the sum varies by {:.2f}% about its reference ({} iterations)",
                        balance, result.used, result.outliers, result.skipped, 100 * result.spread, result.iterations));
    run.say(fmt::format("normalised tissues -> {}_{{{}}}.nii.gz", o.out, names));
}

}  // namespace

void add_normalise(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(root, "normalise", "multi-tissue FODs on one scale, so that sessions compare",
                            "OUT_PREFIX_<tissue>.nii.gz is the tissue's image, every coefficient of it, times a smooth field: the exponential of a polynomial in space. The\n"
                            "field is such that the tissues' l=0 coefficients, each times a balance factor of its own (geometric mean 1), sum to 1/sqrt(4 pi) = 0.282095\n"
                            "throughout the mask: coil shading and scanner gain are gone, what differs from tissue to tissue stays. The balance decides the field but is not\n"
                            "multiplied into the images, so that the tissues keep their proportions; it is printed and stands in the sidecars.\n"
                            "Least squares on the logarithm of the sum; each iteration rejects voxels beyond 3.0 (5 iterations) and then 1.5 interquartile ranges from the\n"
                            "quartiles, until field and balance change by less than 1e-5. Sessions compare if they were deconvolved with the same responses.\n"
                            "The mask should hold brain alone: what is left of skull or background misleads the field.\n\n"
                            "Example:\n"
                            "  arcuate fod dwi.nii.gz fod --mask mask.nii.gz --response wm=wm.txt gm=gm.txt csf=csf.txt &&\n"
                            "  arcuate normalise norm --tissue wm=fod_wm.nii.gz gm=fod_gm.nii.gz csf=fod_csf.nii.gz --mask mask.nii.gz\n\n"
                            "References:\n"
                            "  Raffelt et al. 2017, Proc ISMRM 25:3541 (field and balance from the tissues)\n"
                            "  Dhollander et al. 2021, Proc ISMRM 29:2472 (in the log domain, with outlier rejection)",
                            [o](Run& run) { run_normalise(run, *o); });
    app.add_option("OUT_PREFIX", o->out, "outputs are OUT_PREFIX_<tissue>.nii.gz")->required();
    app.add_option("--tissue", o->tissues, "wm=FILE [gm=FILE csf=FILE]: an FOD image per tissue, NIfTI, on one grid")->required();
    app.add_option("--mask", o->mask, "where the tissues should sum to the reference, NIfTI; the field is applied everywhere")->required();
    app.add_option("--order", o->normalise.order, "of the polynomial; 0: one factor for the whole image")->check(CLI::Range(0, 3))->capture_default_str();
    app.add_option("--field", o->field, "write the field that the images were multiplied by, NIfTI");
    app.add_option("--max-iterations", o->normalise.max_iterations, "iterations at most")->check(CLI::Range(1, 1000))->capture_default_str();
}

}  // namespace arcuate::tools
