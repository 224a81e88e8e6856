// arcuate phantom: a BIDS data set with known fibres, connections and change.
#include "arcuate/study/phantom_dataset.hpp"
#include "command.hpp"

#include <fmt/format.h>

namespace arcuate::tools {

namespace {

struct Options {
    std::string out;
    study::PhantomDatasetOptions dataset;
};

void run_phantom(Run& run, Options& o) {
    o.dataset.overwrite = run.force;
    const auto edges = study::write_phantom_dataset(o.out, o.dataset, run.device(), run.progress());
    const auto& p = o.dataset.phantom;
    run.say(fmt::format("wrote {}: {} subject{} x {} session{}, {} connections (derivatives/truth/bundles.tsv)", o.out, o.dataset.subjects,
                        o.dataset.subjects == 1 ? "" : "s", p.sessions, p.sessions == 1 ? "" : "s", edges.size()));
}

}  // namespace

void add_phantom(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(root, "phantom", "a BIDS data set with known fibres, connections and change",
                            "Six bundles in isotropic tissue: two that cross at 79 degrees, two that kiss, one that fans, and an arc whose FA grows\n"
                            "from the first to the last session. Voxels hold exact mixtures of them; noise is Rician. Masks, parcellation and the truth\n"
                            "(fibre directions, true fibres, connected pairs of nodes, FA of every bundle in every session) are among the derivatives.\n\n"
                            "Examples:\n"
                            "  arcuate phantom study\n"
                            "  arcuate phantom study4 --sessions 4 --fa-change 0.04 --snr 20 --seed 7\n"
                            "  arcuate phantom shells --b-value 700,2000 --ventricles\n\n"
                            "References:\n"
                            "  Gudbjartsson & Patz 1995, Magn Reson Med 34:910 (Rician noise); Jones et al. 1999, Magn Reson Med 42:515 (directions)",
                            [o](Run& run) { run_phantom(run, *o); });
    auto& p = o->dataset.phantom;
    app.add_option("OUT_DIR", o->out, "folder to make")->required();
    app.add_option("--subjects", o->dataset.subjects, "subjects: the same anatomy, each with its own noise")->capture_default_str();
    app.add_option("--sessions", p.sessions, "sessions of every subject, 28 days apart")->capture_default_str();
    app.add_option("--fa-change", p.fa_change, "FA added to the arc between its first and last session (it starts at 0.5)")->capture_default_str();
    app.add_option("--snr", p.snr, "signal-to-noise ratio of the b=0 signal; 0: no noise")->capture_default_str();
    app.add_option("--voxel-size", p.voxel_size, "edge of a voxel [mm]")->capture_default_str();
    app.add_option("--directions", p.directions, "gradient directions of each shell; a b=0 volume goes before every ten")->capture_default_str();
    app.add_option("--b-value", p.b_values, "of the shell, or of several, separated by commas [s/mm2]")->delimiter(',')->capture_default_str();
    app.add_flag("--ventricles", p.ventricles, "two balls of fluid, and a mask of the whole box: what multi-tissue deconvolution needs");
    app.add_option("--seed", p.seed, "of the noise")->capture_default_str();
}

}  // namespace arcuate::tools
