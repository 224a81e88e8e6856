// arcuate phantom: data sets with known fibres: bundles with connections and change, or a whole brain.
#include "arcuate/core/error.hpp"
#include "arcuate/study/brain_dataset.hpp"
#include "arcuate/study/phantom_dataset.hpp"
#include "command.hpp"

#include <fmt/format.h>

namespace arcuate::tools {

namespace {

struct Options {
    std::string out, preset = "bundles";
    study::PhantomDatasetOptions dataset;
    std::vector<CLI::Option*> of_the_signal;  ///< what a phantom without a signal has not
};

void run_bundles(Run& run, Options& o) {
    o.dataset.overwrite = run.force;
    const auto edges = study::write_phantom_dataset(o.out, o.dataset, run.device(), run.progress());
    const auto& p = o.dataset.phantom;
    run.say(fmt::format("wrote {}: {} subject{} x {} session{}, {} connections (derivatives/truth/bundles.tsv)", o.out, o.dataset.subjects,
                        o.dataset.subjects == 1 ? "" : "s", p.sessions, p.sessions == 1 ? "" : "s", edges.size()));
}

void run_brain(Run& run, const Options& o) {
    for (const auto* option : o.of_the_signal)
        if (option->count() > 0)
            throw InputError(fmt::format("{} is an option of --preset bundles (the brain has neither signal nor sessions); leave it out", option->get_name()));
    const auto brain = study::write_brain_dataset(o.out, {.voxel_size = o.dataset.phantom.voxel_size}, run.force, run.device());
    const auto& size = brain.mask.grid.size;
    run.say(fmt::format("wrote {}: a brain of {} x {} x {} voxels, {} nodes (derivatives/truth)", o.out, size[0], size[1], size[2], brain.parcellation.nodes.size()));
}

}  // namespace

void add_phantom(CLI::App& root) {
    auto o = std::make_shared<Options>();
    auto& app = add_command(root, "phantom", "a data set with known fibres: bundles with connections and change, or a whole brain",
                            "--preset bundles: a BIDS data set. Six bundles in isotropic tissue: two that cross at 79 degrees, two that kiss, one that fans,\n"
                            "and an arc whose FA grows from the first to the last session. Voxels hold exact mixtures of them; noise is Rician. Masks,\n"
                            "parcellation and the truth (fibre directions, true fibres, connected pairs of nodes, FA of every bundle in every session) are\n"
                            "among the derivatives.\n\n"
                            "--preset brain: a folded brain of human size (140 x 170 x 120 mm) for anatomically constrained tracking and for measuring speed.\n"
                            "No DWI; true FODs of lmax 8 with up to three populations crossing, a five-tissue-type image, masks for seeds, 84 nodes:\n"
                            "  derivatives/truth/fod.nii.gz, 5tt.nii.gz, white_mask.nii.gz (seeds), border_mask.nii.gz (seeds on the interface)\n"
                            "  derivatives/masks and derivatives/parcels, named as for the bundles\n\n"
                            "Examples:\n"
                            "  arcuate phantom study\n"
                            "  arcuate phantom study4 --sessions 4 --fa-change 0.04 --snr 20 --seed 7\n"
                            "  arcuate phantom shells --b-value 700,2000 --ventricles\n"
                            "  arcuate phantom brain --preset brain --voxel-size 1.25\n"
                            "  T=brain/derivatives/truth\n"
                            "  arcuate track $T/fod.nii.gz tracks.tck --act $T/5tt.nii.gz --backtrack --crop --seed-image $T/white_mask.nii.gz --select 10000\n\n"
                            "References:\n"
                            "  Gudbjartsson & Patz 1995, Magn Reson Med 34:910 (Rician noise); Jones et al. 1999, Magn Reson Med 42:515 (directions)",
                            [o](Run& run) { o->preset == "brain" ? run_brain(run, *o) : run_bundles(run, *o); });
    auto& p = o->dataset.phantom;
    app.add_option("OUT_DIR", o->out, "folder to make")->required();
    app.add_option("--preset", o->preset, "bundles or brain")->check(CLI::IsMember({"bundles", "brain"}))->capture_default_str();
    app.add_option("--voxel-size", p.voxel_size, "edge of a voxel [mm]")->capture_default_str();
    o->of_the_signal = {
        app.add_option("--subjects", o->dataset.subjects, "subjects: the same anatomy, each with its own noise")->capture_default_str(),
        app.add_option("--sessions", p.sessions, "sessions of every subject, 28 days apart")->capture_default_str(),
        app.add_option("--fa-change", p.fa_change, "FA added to the arc between its first and last session (it starts at 0.5)")->capture_default_str(),
        app.add_option("--density-change", p.density_change, "share by which the density of the arc's fibres changes between its first and last session")->capture_default_str(),
        app.add_option("--snr", p.snr, "signal-to-noise ratio of the b=0 signal; 0: no noise")->capture_default_str(),
        app.add_option("--directions", p.directions, "gradient directions of each shell; a b=0 volume goes before every ten")->capture_default_str(),
        app.add_option("--b-value", p.b_values, "of the shell, or of several, separated by commas [s/mm2]")->delimiter(',')->capture_default_str(),
        app.add_flag("--ventricles", p.ventricles, "two balls of fluid, and a mask of the whole box: what multi-tissue deconvolution needs"),
        app.add_option("--seed", p.seed, "of the noise")->capture_default_str(),
    };
    for (auto* option : o->of_the_signal) option->group("Of --preset bundles");
}

}  // namespace arcuate::tools
