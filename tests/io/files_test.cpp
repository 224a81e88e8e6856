#include "arcuate/io/files.hpp"

#include "support.hpp"

#include <nlohmann/json.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

using namespace arcuate;
using namespace arcuate::test;
using testing::HasSubstr;
namespace fs = std::filesystem;

namespace {

Provenance example() {
    Provenance p;
    p.command = "tensor";
    p.parameter("fit", "iwls");
    p.inputs = {{"dwi", "/data/a b/dwi.nii.gz", "00ff"}};
    p.command_line = "arcuate tensor '/data/a b/dwi.nii.gz' out";
    p.device = "cpu";
    p.threads = 2;
    p.seconds = 1.5;
    return p;
}

}  // namespace

TEST(OutputFile, IsWholeOrAbsent) {
    const std::string folder = fresh_folder(), path = folder + "sub-01_v1.5.nii.gz";
    std::string partial;
    {
        io::OutputFile output(path, false);
        partial = output.partial();
        put(partial, "half");
        EXPECT_TRUE(partial.ends_with(".nii.gz")) << "writers choose the format by the extension";
        EXPECT_EQ(fs::path(partial).parent_path(), fs::path(path).parent_path()) << "a rename within one file system";
        EXPECT_EQ(fs::path(partial).filename().string().front(), '.');
    }
    EXPECT_EQ(files_in(folder), 0u);
    {
        io::OutputFile output(path, false);
        put(output.partial(), "whole");
        output.commit();
    }
    EXPECT_EQ(files_in(folder), 1u);
    EXPECT_EQ(bytes_of(path), "whole");
}

TEST(OutputFile, AFailedOverwriteLeavesTheOldFile) {
    const std::string path = fresh_folder() + "a.txt";
    io::write_text(path, "old", false);
    {
        io::OutputFile output(path, true);
        put(output.partial(), "new");
    }
    EXPECT_EQ(bytes_of(path), "old");
    io::write_text(path, "new", true);
    EXPECT_EQ(bytes_of(path), "new");
}

TEST(OutputFile, SaysWhyNot) {
    const std::string folder = fresh_folder();
    io::write_text(folder + "a.txt", "old", false);
    EXPECT_THAT(error_of<OutputError>([&] { io::OutputFile(folder + "a.txt", false); }), HasSubstr("exists already (outputs are not overwritten unasked); add --force"));
    EXPECT_THAT(error_of<OutputError>([&] { io::OutputFile(folder + "none/a.txt", false); }), HasSubstr("does not exist); create it first"));
    EXPECT_THAT(error_of<OutputError>([&] { io::require_writable(folder, true); }), HasSubstr("names no file"));
    EXPECT_THAT(error_of<OutputError>([&] { io::require_writable("/dev/null", true); }), HasSubstr("is not a regular file"));
    if (geteuid() != 0) {
        fs::permissions(folder, fs::perms::owner_read | fs::perms::owner_exec);
        EXPECT_THAT(error_of<OutputError>([&] { io::require_writable(folder + "b.txt", false); }), HasSubstr("is not writable"));
        fs::permissions(folder, fs::perms::owner_all);
    }
}

TEST(OutputFile, AFullDiskIsAnOutputErrorAndLeavesNothing) {
    // A file size limit plays the full disk: writes beyond it fail with an error instead of the signal.
    const std::string folder = fresh_folder();
    EXPECT_EXIT(
        {
            std::signal(SIGXFSZ, SIG_IGN);
            rlimit limit;
            limit.rlim_cur = limit.rlim_max = 1000;
            setrlimit(RLIMIT_FSIZE, &limit);
            const auto write = [&] { io::write_text(folder + "big.txt", std::string(1 << 20, 'x'), false); };
            const std::string text = error_of<OutputError>(write);
            std::exit(text.find("cannot write") != std::string::npos && files_in(folder) == 0 ? 0 : 1);
        },
        testing::ExitedWithCode(0), "");
}

TEST(OutputFile, AnEndingSignalTakesThePartialFileAlong) {
    const std::string folder = fresh_folder();
    EXPECT_EXIT(
        {
            io::OutputFile output(folder + "a.txt", false);
            put(output.partial(), "half");
            std::raise(SIGTERM);
        },
        testing::KilledBySignal(SIGTERM), "");
    EXPECT_EQ(files_in(folder), 0u);
}

TEST(Sidecar, StandsBesideItsOutput) {
    EXPECT_EQ(io::sidecar_path("out/maps_fa.nii.gz"), "out/maps_fa.json");
    EXPECT_EQ(io::sidecar_path("tracks.tck"), "tracks.json");
    EXPECT_EQ(io::sidecar_path("sub-01_step-0.5_c.h5"), "sub-01_step-0.5_c.json");
    EXPECT_EQ(io::sidecar_path("./v1.2/noext"), "./v1.2/noext.json");
}

TEST(Sidecar, HoldsBothHalves) {
    const std::string path = fresh_folder() + "fa.nii.gz";
    io::write_sidecar(path, example(), false);
    const auto json = nlohmann::json::parse(bytes_of(io::sidecar_path(path)));
    EXPECT_EQ(json["GeneratedBy"][0]["Version"], version());
    EXPECT_EQ(json["Sources"][0], "/data/a b/dwi.nii.gz");
    EXPECT_EQ(json["Provenance"]["parameters"]["fit"], "iwls");
    EXPECT_EQ(json["Provenance"]["inputs"][0]["sha256"], "00ff");
    EXPECT_EQ(json["Run"]["threads"], 2);
}

TEST(Sidecar, WhatStandsInsideOutputsDoesNotDependOnTheRun) {
    Provenance here = example(), there = example();
    there.device = "NVIDIA";
    there.threads = 64;
    there.seconds = 9;
    there.command_line = "other";
    there.inputs[0].path = "/elsewhere/dwi.nii.gz";
    EXPECT_EQ(io::provenance_core_json(here), io::provenance_core_json(there));
    EXPECT_EQ(io::provenance_core_json(here), R"({"command":"tensor","version":")" + version() +
                                                  R"(","parameters":{"fit":"iwls"},"inputs":[{"role":"dwi","sha256":"00ff"}]})");
}
