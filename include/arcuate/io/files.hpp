// Outputs that are either whole or absent.
#pragma once

#include "arcuate/core/provenance.hpp"
#include "arcuate/io/map_description.hpp"

#include <string>

namespace arcuate::io {

/// An output file in the making. Writers write to `partial()`, which lies beside the final path; commit() renames it into place.
/// Destroyed without commit(), nothing remains. Throws OutputError where the folder is missing or not writable, or where
/// `path` exists and `overwrite` is false.
class OutputFile {
  public:
    OutputFile(std::string path, bool overwrite);
    ~OutputFile();
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    const std::string& path() const { return path_; }
    /// Same folder and same extension as path(), another name.
    const std::string& partial() const { return partial_; }
    void commit();

    /// From now on the partial file is called `path().partial` and stays, whatever ends this run, for resumed() to find.
    void keep();
    /// Takes up the partial file that keep() left.
    static OutputFile resumed(std::string path, bool overwrite) { return OutputFile(std::move(path), overwrite, true); }

  private:
    OutputFile(std::string path, bool overwrite, bool resumed);
    std::string path_, partial_;
    bool committed_ = false, kept_ = false;
};

/// Throws OutputError unless `path` may be written: its folder exists and is writable, and it does not exist or `overwrite` is true.
/// Commands call this for every output before they compute anything.
void require_writable(const std::string& path, bool overwrite);

/// Writes text as a whole.
void write_text(const std::string& path, const std::string& text, bool overwrite);

/// The half of a Provenance that decides an output's bytes, as one JSON object on one line, for headers.
std::string provenance_core_json(const Provenance& provenance);
/// Writes both halves beside an output: `maps_fa.nii.gz` gets `maps_fa.json`. Follows BIDS sidecar practice (GeneratedBy, Sources).
/// A map of a local model is described in the words of BEP016 (Model, OrientationEncoding).
void write_sidecar(const std::string& output_path, const Provenance& provenance, bool overwrite, const MapDescription& map = {});
/// The sidecar's path: extension (.nii.gz, .tck, .h5, ...) replaced by .json.
std::string sidecar_path(const std::string& output_path);

}  // namespace arcuate::io
