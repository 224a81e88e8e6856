#include "resumable_file.hpp"
#include "tractogram_files.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace arcuate::io {

namespace {

class SeedWriter : public TractogramWriter {
  public:
    SeedWriter(const std::string& path, bool overwrite, const nlohmann::json& resume) : path_(path) {
        if (resume.is_null()) {
            file_.emplace(path, overwrite);
            // The peer's rows end with a comma: so there is room for one more column.
            file_->write("#Track_index,Seed_index,Pos_x,Pos_y,Pos_z,Seed_id\n");
        } else {
            file_.emplace(path, overwrite, resume.at("bytes").get<std::int64_t>());
            count_ = resume.at("streamlines").get<std::int64_t>();
        }
    }

    void append(const TractogramView& streamlines) override {
        const auto &id = values(streamlines, "seed_id"), &vertex = values(streamlines, "seed_vertex"), &point = values(streamlines, "seed_point");
        std::string rows;
        for (std::size_t s = 0; s < id.size(); ++s) {
            const auto p = [&](std::size_t axis) { return static_cast<float>(point[3 * s + axis]); };
            rows += fmt::format("{},{},{},{},{},{}\n", count_++, static_cast<std::int64_t>(vertex[s]), p(0), p(1), p(2), static_cast<std::int64_t>(id[s]));
        }
        file_->write(rows);
    }

    std::string checkpoint() override {
        file_->checkpoint();
        return nlohmann::ordered_json{{"format", "seeds"}, {"streamlines", count_}, {"bytes", file_->bytes()}}.dump();
    }

    void commit(std::int64_t, std::span<const StreamlineGroup>) override {
        file_->close();
        file_->commit();
    }

    std::int64_t size() const override { return count_; }

  private:
    const std::vector<double>& values(const TractogramView& streamlines, const char* name) const {
        for (const auto& array : streamlines.per_streamline)
            if (array.name == name && array.values.size() == static_cast<std::size_t>(streamlines.size() * array.columns)) return array.values;
        throw InputError(fmt::format("cannot write {} (streamlines came without their {}); ask the tracker for it", path_, name));
    }

    std::string path_;
    std::optional<ResumableFile> file_;
    std::int64_t count_ = 0;
};

}  // namespace

Writer make_seed_writer(const std::string& path, bool overwrite, const std::optional<std::string>& checkpoint) {
    try {
        return std::make_unique<SeedWriter>(path, overwrite, checkpoint ? nlohmann::json::parse(*checkpoint) : nlohmann::json());
    } catch (const nlohmann::json::exception& error) {
        throw InputError(fmt::format("cannot go on with {} (its checkpoint is damaged: {}); start again", path, error.what()));
    }
}

}  // namespace arcuate::io
