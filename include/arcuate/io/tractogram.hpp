// Tractogram files: MRtrix .tck, TrackVis .trk and .trx, read and written streamline by streamline.
//
// Memory does not grow with the number of streamlines; a TRX's groups alone are held, at four bytes per member.
#pragma once

#include "arcuate/core/image.hpp"
#include "arcuate/core/tractogram.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace arcuate::io {

/// A named set of streamlines (TRX); a streamline may be in any number of groups.
struct StreamlineGroup {
    std::string name;
    std::vector<std::uint32_t> members;  ///< ids: positions in the file, from 0
    std::vector<DataArray> data;         ///< TRX's dpg: a row each
};

/// What a tractogram file says beside its streamlines.
struct TractogramInfo {
    std::string format;                             ///< "tck", "trk" or "trx"
    std::map<std::string, std::string> properties;  ///< step_size, seed, ... ; repeated keys of a .tck joined by line breaks
    std::optional<Grid> grid;                       ///< the image it was made in; a .tck has none
    std::vector<DataField> per_streamline, per_vertex;
    std::vector<StreamlineGroup> groups;
    std::optional<std::int64_t> streamlines;        ///< as the header promises; nothing where it does not
};

/// An open tractogram. Throws InputError where the file is none, truncated, or promises what it cannot hold.
class TractogramReader {
  public:
    virtual ~TractogramReader() = default;
    const TractogramInfo& info() const { return info_; }
    /// Calls `sink` with batches of at most `batch` streamlines, in the file's order. Once.
    virtual void stream(StreamlineSink& sink, std::int64_t batch = 10000) = 0;

  protected:
    TractogramInfo info_;
};

/// A .tck, .trk, .trk.gz or .trx, by what the file holds, not by its name.
std::unique_ptr<TractogramReader> open_tractogram(const std::string& path);

/// open_tractogram and stream: returns what the header says.
TractogramInfo stream_tractogram(const std::string& path, StreamlineSink& sink, std::int64_t batch = 10000);

/// The whole file in memory.
Tractogram read_tractogram(const std::string& path);

/// What a writer must know before the first streamline.
struct TractogramOptions {
    std::map<std::string, std::string> properties{};  ///< kept by .tck and .trx
    std::optional<Grid> grid{};                       ///< .trk and .trx require it: coordinates (.trk) and the header refer to it
    std::vector<DataField> per_streamline{}, per_vertex{};  ///< what every appended view brings; .tck keeps neither
    bool float16 = false;   ///< .trx: positions in half precision (rounded by at most 0.016 mm below 64 mm from the origin, 0.031 mm below 128)
    bool compress = false;  ///< .trx: deflate its arrays
    bool overwrite = false;
};

/// Writes a tractogram as it comes; whole or absent: commit() completes the header and renames the file into place.
///
/// A long run calls checkpoint() now and then. From the first one on, what is written so far lies beside the output as `OUT.partial`
/// (and `OUT.NAME.partial` for a TRX's other arrays) and survives the run, whatever ends it. resume_tractogram_writer() cuts these files
/// back to the checkpoint and goes on; the file is then the same, byte for byte, as that of a run without interruption.
class TractogramWriter : public StreamlineSink {
  public:
    /// `total_count`: seeds that started a streamline, accepted or not. `groups`: .trx alone keeps them.
    virtual void commit(std::int64_t total_count, std::span<const StreamlineGroup> groups = {}) = 0;
    /// Everything appended so far is on the disk when this returns. The text, a JSON object on one line, is for resume_tractogram_writer();
    /// store it where the run stores its own place.
    virtual std::string checkpoint() = 0;
    /// Streamlines written so far, those before a resumption included.
    virtual std::int64_t size() const = 0;
};

/// By the extension: .tck, .trk or .trx.
std::unique_ptr<TractogramWriter> make_tractogram_writer(const std::string& path, const TractogramOptions& options);

/// Goes on from `checkpoint`, with the same path and options as before. Throws InputError where the partial files are missing or shorter than it
/// says.
std::unique_ptr<TractogramWriter> resume_tractogram_writer(const std::string& path, const TractogramOptions& options, const std::string& checkpoint);

/// Writes no streamlines but where each was seeded, as `tckgen -output_seeds` does: rows of Track_index,Seed_index,Pos_x,Pos_y,Pos_z (the streamline's number in its
/// file, which of its vertices is the seed, where that is [mm]), and behind them the seed's id. From the data seed_id, seed_vertex and seed_point of
/// every appended view. `checkpoint`: what an earlier run's checkpoint() returned.
std::unique_ptr<TractogramWriter> make_seed_writer(const std::string& path, bool overwrite, const std::optional<std::string>& checkpoint = {});

}  // namespace arcuate::io
