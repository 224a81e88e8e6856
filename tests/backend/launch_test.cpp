// launch() and parallel_for(): every index once, whatever the number of items, threads and grain; errors come out.
#include "backend/buffer.hpp"
#include "backend/launch.hpp"
#include "devices.hpp"
#include "probe_kernels.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <stdexcept>
#include <thread>

namespace {

using arcuate::Buffer;
using arcuate::Device;

class Launch : public arcuate::test::OnEachDevice {};
ARCUATE_ON_EACH_DEVICE(Launch);

constexpr std::int64_t sizes[] = {0, 1, 2, 597, 100003};

void expect_every_index_once(const Device& device, std::int64_t n, std::int64_t grain) {
    SCOPED_TRACE(testing::Message() << device.name() << ", n = " << n << ", grain " << grain);
    const auto count = static_cast<std::size_t>(n);
    auto visits = Buffer<std::int64_t>::zeros(device, count + 1), index = Buffer<std::int64_t>::zeros(device, count + 1);
    arcuate::launch(device, n, arcuate::test::Visit{visits.data(), index.data()}, grain);
    std::vector<std::int64_t> ones(count + 1, 1), ascending(count + 1);
    std::iota(ascending.begin(), ascending.end(), 0);
    ones.back() = ascending.back() = 0;  // one past the end: nobody comes here
    EXPECT_EQ(visits.to_host(), ones);
    EXPECT_EQ(index.to_host(), ascending);
}

TEST_P(Launch, ReachesEveryIndexOnce) {
    for (const auto n : sizes)
        for (const std::int64_t grain : {1, 64, 1000000}) expect_every_index_once(device(), n, grain);
}

TEST_P(Launch, OfNothingDoesNothing) {
    arcuate::launch(device(), 0, arcuate::test::Visit{nullptr, nullptr});
    arcuate::launch(device(), -5, arcuate::test::Visit{nullptr, nullptr});
}

TEST_P(Launch, LaterLaunchesSeeWhatEarlierOnesWrote) {
    constexpr int n = 1000;
    auto a = Buffer<float>::zeros(device(), n);
    for (int round = 0; round < 100; ++round) arcuate::launch(device(), n, arcuate::test::AddOne{a.data(), a.data()});
    EXPECT_EQ(a.to_host(), std::vector<float>(n, 100.0f));
}

TEST_P(Launch, SumsUnderContentionAreExact) {
    constexpr std::int64_t n = 200000;
    auto cells = Buffer<std::int64_t>::zeros(device(), 2);
    arcuate::launch(device(), n, arcuate::test::AddToSharedCells{cells.data()}, 1);
    EXPECT_EQ(cells.to_host(), (std::vector<std::int64_t>{n * (n - 1) / 2, -n * (n - 1) / 2}));
}

TEST(LaunchOnTheProcessor, IsTheSameForAnyNumberOfThreads) {
    for (const int threads : {1, 2, 3, 7})
        for (const auto n : sizes) expect_every_index_once(Device::open("cpu", threads), n, 64);
}

TEST(ParallelFor, RunsOnAsManyThreadsAsItsDeviceHas) {
    const Device other = Device::open("cpu", 2);  // one that lives beside it takes nothing away
    for (const int threads : {1, 2, 5}) {
        const Device device = Device::open("cpu", threads);
        // At once: over time more of them may take part, because a worker that leaves makes room for another.
        std::atomic<int> inside = 0, most = 0;
        // Every item waits for as many threads as there should be. On a loaded machine that takes a while; where there are fewer, it ends here.
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        arcuate::parallel_for(device, 40 * threads, [&](std::int64_t) {
            const int now = ++inside;
            for (int before = most; before < now && !most.compare_exchange_weak(before, now);) {}
            while (most < threads && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
            --inside;
        }, 1);
        EXPECT_EQ(most, threads);
    }
}

TEST(ParallelFor, MayBeNested) {
    for (const int threads : {1, 2, 3}) {
        const Device device = Device::open("cpu", threads);
        constexpr std::int64_t rows = 31, columns = 97;
        std::vector<int> visits(rows * columns);
        arcuate::parallel_for(device, rows, [&](std::int64_t row) {
            arcuate::parallel_for(device, columns, [&](std::int64_t column) { ++visits[static_cast<std::size_t>(row * columns + column)]; }, 4);
        }, 1);
        EXPECT_EQ(std::count(visits.begin(), visits.end(), 1), rows * columns) << threads;
    }
}

TEST(ParallelFor, MayBeCalledFromSeveralThreads) {
    const Device device = Device::open("cpu", 2);
    std::atomic<std::int64_t> sum = 0;
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 3; ++caller)
        callers.emplace_back([&] { arcuate::parallel_for(device, 10000, [&](std::int64_t i) { sum += i; }); });
    for (auto& caller : callers) caller.join();
    EXPECT_EQ(sum, 3 * 10000 * 9999 / 2);
}

TEST(ParallelFor, PassesOnWhatTheBodyThrows) {
    for (const int threads : {1, 2, 3}) {
        const Device device = Device::open("cpu", threads);
        try {
            arcuate::parallel_for(device, 1000, [](std::int64_t i) {
                if (i == 617) throw arcuate::InputError("item 617 is wrong");
            });
            ADD_FAILURE() << "nothing was thrown with " << threads << " threads";
        } catch (const arcuate::InputError& error) {
            EXPECT_STREQ(error.what(), "item 617 is wrong");
        }
        // And the device goes on working.
        std::atomic<int> visits = 0;
        arcuate::parallel_for(device, 1000, [&](std::int64_t) { ++visits; });
        EXPECT_EQ(visits, 1000) << threads;
    }
}

}  // namespace
