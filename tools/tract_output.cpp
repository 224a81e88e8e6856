#include "tract_output.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"

#include <fmt/format.h>

#include <charconv>

namespace arcuate::tools {

namespace {

std::string names_of(const std::vector<DataField>& fields) {
    std::string text;
    for (const auto& field : fields) text += (text.empty() ? "" : ", ") + field.name;
    return text;
}

}  // namespace

void TractOutput::add_to(CLI::App& app) {
    app.add_option("IN", in, "tractogram: .tck, .trk, .trk.gz or .trx")->required();
    app.add_option("OUT", out, "tractogram to write: .tck, .trk or .trx")->required();
    const std::string group = "Format";
    app.add_option("--reference", reference, "image whose grid a .trk or .trx states  [that of IN]")->type_name("IMAGE")->group(group);
    app.add_flag("--float16", float16, ".trx: vertices in half precision, rounded by up to 0.016 mm below 64 mm from the origin and 0.031 mm below 128")->group(group);
    app.add_flag("--deflate", deflate, ".trx: compress its arrays; smaller, but it can no longer be mapped into memory")->group(group);
}

std::unique_ptr<io::TractogramWriter> TractOutput::open(Run& run, const io::TractogramInfo& info) const {
    run.require_writable({out, io::sidecar_path(out)});
    io::TractogramOptions options{.properties = info.properties, .grid = info.grid, .per_streamline = info.per_streamline, .per_vertex = info.per_vertex,
                                  .float16 = float16, .compress = deflate, .overwrite = run.force};
    options.properties.erase("count");
    if (!reference.empty()) options.grid = io::read_image(reference).grid;
    const bool trx = out.ends_with(".trx"), trk = out.ends_with(".trk");
    if ((float16 || deflate) && !trx) throw InputError(fmt::format("--float16 and --deflate are of .trx alone and {} is none; choose such a name", out));
    if (!trx && !info.groups.empty()) run.warn(fmt::format("{} cannot hold groups; the {} of {} are left out", out, info.groups.size(), in));
    if (!trx && !trk && !(info.per_streamline.empty() && info.per_vertex.empty()))
        run.warn(fmt::format("{} cannot hold data; left out: {}", out, names_of([&] {
                                 auto all = info.per_streamline;
                                 all.insert(all.end(), info.per_vertex.begin(), info.per_vertex.end());
                                 return all;
                             }())));
    auto writer = io::make_tractogram_writer(out, options);
    run.progress().begin("streamlines", info.streamlines.value_or(0), "streamlines");
    return writer;
}

void TractOutput::close(Run& run, io::TractogramWriter& writer, const io::TractogramInfo& info, std::vector<std::pair<std::string, std::string>> parameters,
                        std::vector<std::pair<std::string, std::string>> inputs) const {
    run.progress().end();
    std::int64_t total = writer.size();
    if (const auto known = info.properties.find("total_count"); known != info.properties.end())
        std::from_chars(known->second.data(), known->second.data() + known->second.size(), total);
    writer.commit(total, info.groups);
    inputs.insert(inputs.begin(), {"tracks", in});
    if (!reference.empty()) inputs.emplace_back("reference", reference);
    if (float16) parameters.emplace_back("float16", "true");
    if (deflate) parameters.emplace_back("deflate", "true");
    io::write_sidecar(out, run.provenance(std::move(parameters), inputs), run.force);
}

}  // namespace arcuate::tools
