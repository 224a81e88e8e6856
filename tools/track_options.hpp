// How streamlines are made: what `arcuate track` and `arcuate connectome --from-fod` ask for alike.
#pragma once

#include "arcuate/dwi/fixels.hpp"
#include "arcuate/tracking/track.hpp"
#include "arcuate/weights/sift2.hpp"
#include "command.hpp"
#include "track_checkpoint.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace arcuate::tools {

struct TrackArguments {
    std::string field, algorithm = "ifod2";
    std::string bval, bvec, grad;
    std::vector<std::string> seed_image, seed_weighted, seed_sphere, seed_points, seed_interface, seed_random, seed_grid;
    std::string seed_dynamic;
    std::vector<double> seed_direction;
    std::vector<std::string> mask, exclude, include, include_ordered;
    bool stop_at_include = false;
    std::string act;
    bool backtrack = false, crop = false;
    tracking::TrackOptions track;

    /// All but `field` and --chunk, the general ones under `group`.
    void add_to(CLI::App& app, const std::string& group);
    /// Fills in `track` from the options that are text.
    void complete();
};

/// --fod-precision, which `run` has as well.
void add_fod_precision(CLI::App& app, tracking::FodPrecision& precision, const std::string& group);

/// What FIELD is, for help.
extern const char* const field_text;
std::string table_of_algorithms();

/// What to read, in the order of the command line, and what was read.
class TrackInputs {
  public:
    /// `arguments` are complete.
    TrackInputs(const TrackArguments& arguments, Run& run);
    TrackInputs(const TrackInputs&) = delete;
    TrackInputs& operator=(const TrackInputs&) = delete;

    ScalarImage field;
    tracking::TrackInput input{.field = field};
    std::vector<std::pair<std::string, std::string>> files;  ///< (role, path)
    std::vector<std::pair<std::string, std::string>> places; ///< (option, text) of balls and counts, which no file holds

    SeedState dynamic_state() const { return {dynamic->state, density->sums()}; }
    void go_on_from(const SeedState& s);
    std::unique_ptr<tracking::DynamicSeeds> dynamic;  ///< where asked for
    std::unique_ptr<weights::FixelLengths> density;

  private:
    void add(const std::string& role, const std::string& path) { files.emplace_back(role, path); }
    const std::string& used(const std::string& role, const std::string& path);
    void segment(const std::string& path, const std::string& field_path, Run& run);
    void read_seeds(const TrackArguments& o);
    std::int64_t count_of(const std::string& text, const char* option);
    void read_regions(const TrackArguments& o);
    void read_gradients(const TrackArguments& o);

    TensorModel model_;
    Fixels fixels_;
};

/// What decides the streamlines beside the inputs' files, for provenance.
std::vector<std::pair<std::string, std::string>> track_parameters(const TrackArguments& arguments, const TrackInputs& inputs);

/// Why seeds were rejected and why halves stopped; warns where fewer streamlines came out than were wanted. Throws InputError where none did.
void report_tracking(const Run& run, const tracking::TrackSummary& summary, const tracking::TrackOptions& resolved);

}  // namespace arcuate::tools
