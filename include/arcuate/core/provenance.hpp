// Where a result came from. Two halves: what decides the bytes of an output, which may stand inside it, and how
// the run happened to be done (device, threads, time), which may stand only beside it, in a JSON sidecar:
// so the same inputs and seed give the same file on every machine.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace arcuate {

/// The project's version, e.g. "0.1.0".
std::string version();

/// An input file and its fingerprint.
struct InputFile {
    std::string role;    ///< "dwi", "mask", ...
    std::string path;    ///< as the user gave it
    std::string sha256;  ///< of the file's bytes, lower-case hexadecimal
};

struct Provenance {
    // What decides the bytes.
    std::string command;                                           ///< "tensor", "track", ...
    std::vector<std::pair<std::string, std::string>> parameters;   ///< every option that matters with its value, in a fixed order
    std::vector<InputFile> inputs;
    // How it was run: sidecars only.
    std::string command_line;
    std::string device;
    int threads = 0;
    double seconds = 0;  ///< wall time
    std::string results;  ///< what came out, a JSON object; empty where the output says it all

    void parameter(const std::string& name, const std::string& value) { parameters.emplace_back(name, value); }
};

/// Reads the whole file; throws InputError where it cannot.
/// `stop` ends it early, with an unfinished answer.
std::string sha256_of_file(const std::string& path, const std::stop_token& stop = {});
std::string sha256_of(const std::string& bytes);

}  // namespace arcuate
