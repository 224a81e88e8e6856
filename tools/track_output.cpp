#include "track_output.hpp"

#include <cmath>

namespace arcuate::tools {

namespace {

/// A .trk has single precision, which holds whole numbers to 2^24: there, an id is its millions and the rest.
std::vector<DataField> fields_of(const std::string& path) {
    auto fields = tracking::seed_fields();
    std::erase_if(fields, [](const auto& field) { return field.name == "seed_vertex"; });
    if (path.ends_with(".trk")) fields.front().columns = 2;
    return fields;
}

std::vector<double> in_millions(const std::vector<double>& ids) {
    std::vector<double> columns;
    for (const double id : ids) {
        const double millions = std::floor(id / 1e6);
        columns.insert(columns.end(), {millions, id - 1e6 * millions});
    }
    return columns;
}

}  // namespace

TrackOutput::TrackOutput(const TrackOutputOptions& options, const TrackCheckpoint* resume) {
    io::TractogramOptions file = options.file;
    if (options.save_seeds) file.per_streamline = fields_of(options.path);
    for (const auto& field : file.per_streamline) kept_.push_back({field, {}});
    tractogram_ = resume ? io::resume_tractogram_writer(options.path, file, resume->writer) : io::make_tractogram_writer(options.path, file);
    if (!options.seeds_path.empty()) seeds_ = io::make_seed_writer(options.seeds_path, file.overwrite, resume ? resume->seed_writer : std::nullopt);
}

void TrackOutput::append(const TractogramView& streamlines) {
    if (seeds_) seeds_->append(streamlines);
    TractogramView view = streamlines;
    for (auto& kept : kept_)
        for (const auto& array : streamlines.per_streamline)
            if (array.name == kept.name) kept.values = kept.columns == 2 ? in_millions(array.values) : array.values;
    view.per_streamline = kept_;
    tractogram_->append(view);
}

void TrackOutput::save(TrackCheckpoint& checkpoint) {
    checkpoint.writer = tractogram_->checkpoint();
    if (seeds_) checkpoint.seed_writer = seeds_->checkpoint();
}

void TrackOutput::commit(std::int64_t total_count) {
    if (seeds_) seeds_->commit(total_count);
    tractogram_->commit(total_count);
}

}  // namespace arcuate::tools
