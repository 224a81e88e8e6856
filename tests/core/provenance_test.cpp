#include "arcuate/core/error.hpp"
#include "arcuate/core/progress.hpp"
#include "arcuate/core/provenance.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

using namespace arcuate;

// FIPS 180-2, appendix B: the three published examples, and the hash of nothing.
TEST(Sha256, GivesThePublishedAnswers) {
    EXPECT_EQ(sha256_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(sha256_of(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, OfAFileIsThatOfItsBytes) {
    const std::string path = testing::TempDir() + "arcuate_provenance_test.bin";
    const std::string bytes = std::string(3'000'000, 'x') + '\0' + "end";  // more than one block of reading
    std::ofstream(path, std::ios::binary) << bytes;
    EXPECT_EQ(sha256_of_file(path), sha256_of(bytes));
    std::remove(path.c_str());
    EXPECT_THROW(sha256_of_file(path), InputError);
    EXPECT_THROW(sha256_of_file(testing::TempDir()), InputError) << "a folder";
}

TEST(Provenance, KeepsParametersInOrder) {
    Provenance p;
    p.parameter("z", "1");
    p.parameter("a", "2");
    EXPECT_EQ(p.parameters.front().first, "z");
}

TEST(Version, LooksLikeOne) {
    int major = -1, minor = -1, patch = -1;
    EXPECT_EQ(std::sscanf(version().c_str(), "%d.%d.%d", &major, &minor, &patch), 3);
}

TEST(Progress, SilentListensToNothing) {
    silent().begin("fit", 3, "voxels");
    silent().at(3);
    silent().end();
}
