// What the tests of io share: a folder per test, the text of an error, bytes of files, and programs of others where they are installed.
#pragma once

#include "grids.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/core/image.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

namespace arcuate::test {

/// An empty folder of the running test's own; the path ends in a slash.
inline std::string fresh_folder() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "arcuate_io" / (std::string(info->test_suite_name()) + "." + info->name());
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    return folder.string() + "/";
}

inline std::string bytes_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream out;
    out << file.rdbuf();
    return out.str();
}

inline void put(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

/// What `act` throws, as text; "" where it throws no E. The kind matters: an InputError is the user's, an OutputError the disk's.
template <class E, class Act>
std::string error_of(Act act) {
    try {
        act();
    } catch (const E& error) {
        return error.what();
    }
    return "";
}

inline std::size_t files_in(const std::string& folder) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator{}));
}

/// Standard output of a command, and whether it ended with 0.
struct Output {
    bool ok;
    std::string text;
};
inline Output run(const std::string& command) {
    FILE* pipe = popen((command + " 2>/dev/null").c_str(), "r");
    if (!pipe) return {false, ""};
    std::string text;
    std::array<char, 4096> block{};
    while (const auto n = std::fread(block.data(), 1, block.size(), pipe)) text.append(block.data(), n);
    return {pclose(pipe) == 0, text};
}
inline bool has_program(const std::string& name) { return run("command -v " + name).ok; }
/// The distribution's Python, which has the distribution's nibabel and h5py.
inline bool has_python_module(const std::string& name) { return run("/usr/bin/python3 -c 'import " + name + "'").ok; }

/// The folder of real data, or "" (then skip, saying so).
inline std::string test_data() {
    const char* folder = std::getenv("ARCUATE_TEST_DATA");
    return folder ? std::string(folder) + "/" : "";
}

}  // namespace arcuate::test
