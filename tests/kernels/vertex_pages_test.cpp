// Paths of vertices in pages from a pool: what was pushed is read back, after truncations too, and an empty pool says so.
#include "kernels/vertex_pages.hpp"

#include <gtest/gtest.h>

#include <vector>

using namespace arcuate::kernels;

namespace {

struct Pages {
    explicit Pages(std::int32_t pages) : vertices(static_cast<std::size_t>(pages) * page_vertices), next(static_cast<std::size_t>(pages)), previous(next.size()) {
        pool = {vertices.data(), next.data(), previous.data(), &taken, nullptr, pages};
    }
    std::vector<Vec3> vertices;
    std::vector<std::int32_t> next, previous;
    std::int32_t taken = 0;
    VertexPool pool;
};

constexpr Team<1> alone;

Vec3 numbered(int i) { return {static_cast<float>(i), 0.5f, -static_cast<float>(i)}; }

void expect_numbers(const VertexPool& pool, const VertexPath& path, const std::vector<int>& numbers) {
    ASSERT_EQ(path.count, static_cast<std::int32_t>(numbers.size()));
    PathReader read(pool, path);
    for (const int n : numbers) ASSERT_EQ(read().x, static_cast<float>(n));
    EXPECT_EQ(path.back(pool).x, static_cast<float>(numbers.back()));
    for (std::size_t i = numbers.size(); i-- > 0;) ASSERT_EQ(path.at(pool, static_cast<std::int32_t>(i)).x, static_cast<float>(numbers[i]));
}

}  // namespace

TEST(VertexPages, TwoPathsGrowSideBySide) {
    Pages pages(8);
    VertexPath a, b;
    std::vector<int> in_a, in_b;
    for (int i = 0; i < 200; ++i) {
        ASSERT_TRUE(a.push(alone, pages.pool, numbered(i)));
        in_a.push_back(i);
        if (i % 2) continue;
        ASSERT_TRUE(b.push(alone, pages.pool, numbered(1000 + i)));
        in_b.push_back(1000 + i);
    }
    expect_numbers(pages.pool, a, in_a);
    expect_numbers(pages.pool, b, in_b);
    EXPECT_EQ(pages.taken, 4 + 2);
}

TEST(VertexPages, ATruncatedPathUsesItsPagesAgain) {
    for (const int left : {1, 63, 64, 65, 128, 150, 199}) {
        Pages pages(6);
        VertexPath path;
        std::vector<int> numbers;
        for (int i = 0; i < 200; ++i) path.push(alone, pages.pool, numbered(i)), numbers.push_back(i);
        path.truncate(pages.pool, left);
        numbers.resize(static_cast<std::size_t>(left));
        expect_numbers(pages.pool, path, numbers);
        for (int i = 0; i < 130; ++i) {
            ASSERT_TRUE(path.push(alone, pages.pool, numbered(500 + i)));
            numbers.push_back(500 + i);
        }
        expect_numbers(pages.pool, path, numbers);
        EXPECT_EQ(path.held, std::max(4, (left + 130 + 63) / 64));
        EXPECT_EQ(pages.taken, path.held) << "no page is taken while one is held";
    }
}

TEST(VertexPages, AnEmptyPoolLeavesThePathAsItWas) {
    Pages pages(1);
    VertexPath path;
    for (int i = 0; i < 64; ++i) ASSERT_TRUE(path.push(alone, pages.pool, numbered(i)));
    EXPECT_FALSE(path.push(alone, pages.pool, numbered(64)));
    EXPECT_EQ(path.count, 64);
    EXPECT_EQ(path.back(pages.pool).x, 63.0f);
}

TEST(VertexPages, TheLastVertexCanBeAnother) {
    Pages pages(2);
    VertexPath path;
    for (int i = 0; i < 65; ++i) {
        ASSERT_TRUE(path.push(alone, pages.pool, numbered(i)));
        path.set_back(alone, pages.pool, numbered(100 + i));
        EXPECT_EQ(path.back(pages.pool).x, static_cast<float>(100 + i));
    }
    EXPECT_EQ(path.count, 65);
    EXPECT_EQ(path.at(pages.pool, 63).x, 163.0f);
}
