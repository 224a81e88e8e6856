// What lets sessions overlap: workers that take one after another, what they find once for all, images read ahead and maps written behind.
#include "study/in_flight.hpp"

#include "arcuate/core/error.hpp"
#include "arcuate/io/gradients.hpp"
#include "arcuate/io/nifti.hpp"
#include "arcuate/io/threads.hpp"
#include "study/acquisition.hpp"
#include "study/write_behind.hpp"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

namespace arcuate::study {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(AtOnce, EveryItemOnce) {
    for (const std::size_t workers : {1u, 2u, 3u, 9u}) {
        std::vector<std::atomic<int>> visits(7);
        std::atomic<std::size_t> largest = 0;
        at_once(workers, visits.size(), [&](std::size_t item, std::size_t worker) {
            ++visits[item];
            for (auto before = largest.load(); before < worker && !largest.compare_exchange_weak(before, worker);) {}
        });
        for (const auto& n : visits) EXPECT_EQ(n, 1);
        EXPECT_LT(largest, workers);
        at_once(workers, 0, [](std::size_t, std::size_t) { FAIL() << "there is nothing to do"; });
    }
}

TEST(AtOnce, AsManyAtATimeAsThereAreWorkers) {
    // Every item waits for the other two: with fewer workers it would wait for the end of the test.
    std::atomic<int> inside = 0;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    at_once(3, 3, [&](std::size_t, std::size_t) {
        ++inside;
        while (inside < 3 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    });
    EXPECT_EQ(inside, 3);
}

TEST(AtOnce, TheFirstItemsFaultIsThrownWhenAllHaveEnded) {
    for (const std::size_t workers : {1u, 2u, 3u}) {
        std::atomic<int> begun = 0, ended = 0;
        try {
            at_once(workers, 100, [&](std::size_t item, std::size_t) {
                ++begun;
                // Of the first ones in flight all fail, the first one last.
                if (item == 0 && workers > 1)
                    while (begun < 2) std::this_thread::yield();
                ++ended;
                throw InputError("item " + std::to_string(item));
            });
            ADD_FAILURE() << "nothing was thrown";
        } catch (const InputError& fault) {
            EXPECT_STREQ(fault.what(), "item 0") << workers;
        }
        EXPECT_EQ(begun, ended);
        EXPECT_LE(begun, static_cast<int>(workers)) << "none is begun after a failure";
    }
}

TEST(PerSubject, IsFoundOnceAndAgainAfterAFailure) {
    PerSubject<int> found;
    std::atomic<int> searches = 0;
    EXPECT_THROW(found.get("01", []() -> int { throw InputError("no"); }), InputError);
    at_once(3, 12, [&](std::size_t item, std::size_t) {
        const std::string subject = item % 2 ? "01" : "02";
        const int value = found.get(subject, [&] {
            ++searches;
            return subject == "01" ? 1 : 2;
        });
        EXPECT_EQ(value, item % 2 ? 1 : 2);
    });
    EXPECT_EQ(searches, 2);
}

TEST(Devices, EachOnce) {
    const Device a = Device::open("cpu", 1), b = Device::open("cpu", 2), c = a.with_own_stream();
    EXPECT_TRUE(a.is_same(c));
    EXPECT_FALSE(a.is_same(b));
    const std::vector<Device> all{a, b, c, b};
    const auto once = different(all);
    ASSERT_EQ(once.size(), 2u);
    EXPECT_TRUE(once[0].is_same(a) && once[1].is_same(b));
}

class WithThreads : public testing::TestWithParam<int> {
  protected:
    void SetUp() override { io::set_threads(GetParam()); }
    void TearDown() override { io::set_threads(0); }
};
INSTANTIATE_TEST_SUITE_P(, WithThreads, testing::Values(1, 2), testing::PrintToStringParamName());

TEST_P(WithThreads, AllIsWrittenInItsOrder) {
    WriteBehind writer;
    std::vector<int> written;
    for (int i = 0; i < 20; ++i) writer.add([&, i] { written.push_back(i); });
    writer.finish();
    std::vector<int> expected(20);
    for (int i = 0; i < 20; ++i) expected[static_cast<std::size_t>(i)] = i;
    EXPECT_EQ(written, expected);
    writer.add([&] { written.push_back(20); });
    writer.finish();
    EXPECT_EQ(written.size(), 21u);
}

TEST_P(WithThreads, WhatGoesWrongIsSaidAtTheEndAtTheLatest) {
    WriteBehind writer;
    std::string said;
    bool later = false;
    try {
        writer.add([] { throw OutputError("the disk is full"); });
        writer.finish();
        ADD_FAILURE() << "nothing was said";
    } catch (const OutputError& error) {
        said = error.what();
    }
    EXPECT_EQ(said, "the disk is full");
    if (GetParam() == 1) return;  // said at once, and nothing is left of it
    EXPECT_THROW(writer.add([&] { later = true; }), OutputError);
    EXPECT_THROW(writer.finish(), OutputError);
    EXPECT_FALSE(later);
}

class WriteBehindOnTwoThreads : public testing::Test {
  protected:
    void SetUp() override { io::set_threads(2); }
    void TearDown() override { io::set_threads(0); }
};

TEST_F(WriteBehindOnTwoThreads, LeavesOutWhatHasNotBegunWhenTheWorkEnds) {
    std::atomic<bool> ended = false, second = false;
    {
        WriteBehind writer;
        auto held = std::make_shared<int>(0);
        // The first ends when nobody holds on to the second any more.
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        std::atomic<bool> begun = false;
        writer.add([&, other = std::weak_ptr(held)] {
            begun = true;
            while (!other.expired() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
            ended = true;
        });
        writer.add([&, held = std::move(held)] { second = true; });
        while (!begun) std::this_thread::yield();
    }
    EXPECT_TRUE(ended);
    EXPECT_FALSE(second);
}

class Reading : public testing::Test {
  protected:
    void SetUp() override {
        io::set_threads(2);
        folder_ = fs::path(testing::TempDir()) / ("arcuate_reading_" + std::to_string(getpid())) / testing::UnitTest::GetInstance()->current_test_info()->name();
        fs::create_directories(folder_);
    }
    void TearDown() override {
        io::set_threads(0);
        fs::remove_all(folder_);
    }
    /// An image of three volumes whose values are `value`.
    Session session(const std::string& name, float value) const {
        Session out;
        out.subject = "01";
        out.session = name;
        out.dwi = path(name + ".nii.gz"), out.bval = path(name + ".bval"), out.bvec = path(name + ".bvec");
        io::write_image(out.dwi, ScalarImage(grid, 3, value), true);
        io::write_fsl_gradients(out.bval, out.bvec, {{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}}, {0, 1000, 1000}}, grid, true);
        io::write_mask(mask(name), full_mask(grid), true);
        return out;
    }
    std::string path(const std::string& name) const { return (folder_ / name).string(); }
    std::string mask(const std::string& name) const { return path(name + "_mask.nii.gz"); }
    static float first_value(const Acquisition& data) {
        float out = 0;
        data.dwi.visit([&](const auto& read) { out = static_cast<float>(read(0, 0)); });
        return out;
    }

    const Grid grid{{3, 2, 2}, {}};

  private:
    fs::path folder_;
};

TEST_F(Reading, GivesWhatIsAskedForInAnyOrder) {
    const auto a = session("a", 1), b = session("b", 2), c = session("c", 3);
    for (const std::size_t ahead : {0u, 1u, 2u}) {
        ReadAhead images({{a, mask("a"), 0}, {b, mask("b"), 0}, {a, mask("a"), 0}, {c, mask("c"), 1}}, ahead);
        for (const auto& [s, value] : std::vector<std::pair<Session, float>>{{a, 1}, {a, 1}, {c, 3}, {b, 2}, {c, 3}}) {
            EXPECT_EQ(first_value(images.read(s, mask(s.session))), value);
            images.drop(0);
        }
    }
}

// The next session's gradients are a pipe: who opens it for reading was not asked to.
TEST_F(Reading, BeginsWithTheNextByItself) {
    const auto a = session("a", 1), b = session("b", 2);
    std::ifstream text(b.bval);
    const std::string values((std::istreambuf_iterator<char>(text)), {});
    fs::remove(b.bval);
    ASSERT_EQ(mkfifo(b.bval.c_str(), 0600), 0);
    ReadAhead images({{a, mask("a"), 0}, {b, mask("b"), 1}}, 1);
    EXPECT_EQ(first_value(images.read(a, mask("a"))), 1);
    int pipe = -1;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (pipe < 0 && std::chrono::steady_clock::now() < deadline) pipe = open(b.bval.c_str(), O_WRONLY | O_NONBLOCK);
    ASSERT_GE(pipe, 0) << "nobody reads";
    ASSERT_EQ(write(pipe, values.data(), values.size()), static_cast<ssize_t>(values.size()));
    close(pipe);
    EXPECT_EQ(first_value(images.read(b, mask("b"))), 2);
}

TEST_F(Reading, AFaultIsSaidToWhoAsks) {
    const auto a = session("a", 1), b = session("b", 2), c = session("c", 3);
    fs::remove(b.bvec);
    ReadAhead images({{a, mask("a"), 0}, {b, mask("b"), 1}, {c, mask("c"), 2}}, 1);
    EXPECT_EQ(first_value(images.read(a, mask("a"))), 1);
    std::string said, direct;
    try {
        images.read(b, mask("b"));
    } catch (const InputError& error) {
        said = error.what();
    }
    try {
        read_acquisition(b, mask("b"));
    } catch (const InputError& error) {
        direct = error.what();
    }
    EXPECT_THAT(said, HasSubstr("b.bvec"));
    EXPECT_EQ(said, direct);
    EXPECT_EQ(first_value(images.read(c, mask("c"))), 3);
}

}  // namespace
}  // namespace arcuate::study
