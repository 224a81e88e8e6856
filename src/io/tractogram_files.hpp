// The formats behind open_tractogram() and make_tractogram_writer(), and what they share.
#pragma once

#include "arcuate/core/error.hpp"
#include "arcuate/io/tractogram.hpp"

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>

namespace arcuate::io {

using Reader = std::unique_ptr<TractogramReader>;
using Writer = std::unique_ptr<TractogramWriter>;

Reader open_tck(const std::string& path);
Reader open_trk(const std::string& path);
Reader open_trx(const std::string& path);

/// `resume`: what the writer's checkpoint() returned; null for a new file. nlohmann's exceptions for a text that is no checkpoint pass through.
Writer write_tck(const std::string& path, const TractogramOptions& options, const nlohmann::json& resume);
Writer write_trk(const std::string& path, const TractogramOptions& options, const nlohmann::json& resume);
Writer write_trx(const std::string& path, const TractogramOptions& options, const nlohmann::json& resume);

/// Arrays without values, for the batches of a reader.
std::vector<DataArray> empty_arrays(const std::vector<DataField>& fields);

/// Throws InputError where a view does not bring the arrays that the options promised, or brings them with a wrong number of values.
void require_arrays(const TractogramView& view, const TractogramOptions& options, const std::string& path);

/// The grid of the options, which the format of `path` cannot do without.
const Grid& required_grid(const TractogramOptions& options, const std::string& path);

/// For messages of writers: a vertex that is not finite.
[[noreturn]] void refuse_vertex(std::int64_t streamline, const std::string& path);

}  // namespace arcuate::io
