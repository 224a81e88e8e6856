// Room for streamlines whose length nobody knows beforehand: pages of vertices from a common pool, taken as they are needed. So memory is what
// the streamlines of a launch are long, not what the longest could be. Which page a streamline gets varies from run to run; what it
// writes there does not.
#pragma once

#include "kernels/team.hpp"
#include "kernels/vec3.hpp"

#include <cstdint>

namespace arcuate::kernels {

inline constexpr int page_vertices = 64;

/// All pages of a launch.
struct VertexPool {
    Vec3* vertices;              ///< (pages, page_vertices) [mm]
    std::int32_t* next;          ///< (pages) following page of the same path
    std::int32_t* previous;      ///< (pages)
    std::int32_t* taken;         ///< pages given out; above `pages` where there were too few
    std::int32_t* begun;         ///< streamlines of the launch that a GPU's threads have begun
    std::int32_t pages;
};

/// A path of vertices: what its owner must remember of it. Where a team owns it, all of them do, and all call.
struct VertexPath {
    std::int32_t first_page = -1;
    std::int32_t last_page = -1;   ///< that holds the last vertex
    std::int32_t count = 0;
    std::int32_t held = 0;         ///< pages of the chain

    /// False where the pool is empty; the path is as before.
    template <class Team>
    ARCUATE_HD bool push(const Team& team, const VertexPool& pool, Vec3 vertex) {
        if (count % page_vertices == 0 && !turn_page(team, pool)) return false;
        ++count;
        team.store(last(pool), vertex);
        return true;
    }

    /// The last vertex; there is one.
    ARCUATE_HD Vec3 back(const VertexPool& pool) const { return last(pool); }
    template <class Team>
    ARCUATE_HD void set_back(const Team& team, const VertexPool& pool, Vec3 vertex) const {
        team.store(last(pool), vertex);
    }

    /// Vertex i, for i near the end: pages are walked from there.
    ARCUATE_HD Vec3 at(const VertexPool& pool, std::int32_t i) const {
        std::int32_t page = last_page;
        for (std::int32_t n = (count - 1) / page_vertices; n > i / page_vertices; --n) page = pool.previous[page];
        return pool.vertices[static_cast<std::int64_t>(page) * page_vertices + i % page_vertices];
    }

    /// Forgets the vertices from `new_count` (at least 1) on; their pages stay with the path.
    ARCUATE_HD void truncate(const VertexPool& pool, std::int32_t new_count) {
        for (std::int32_t n = (count - 1) / page_vertices; n > (new_count - 1) / page_vertices; --n) last_page = pool.previous[last_page];
        count = new_count;
    }

  private:
    ARCUATE_HD Vec3& last(const VertexPool& pool) const { return pool.vertices[static_cast<std::int64_t>(last_page) * page_vertices + (count - 1) % page_vertices]; }

    template <class Team>
    ARCUATE_HD bool turn_page(const Team& team, const VertexPool& pool) {
        const std::int32_t number = count / page_vertices;
        if (number < held) {  // a page from before a truncation
            last_page = number == 0 ? first_page : pool.next[last_page];
            return true;
        }
        const std::int32_t page = team.take(pool.taken);
        if (page >= pool.pages) return false;
        if (number == 0) {
            first_page = page;
        } else {
            team.store(pool.next[last_page], page);
        }
        team.store(pool.previous[page], last_page);
        last_page = page;
        ++held;
        return true;
    }
};

/// Reads a path from its first vertex to its last.
struct PathReader {
    const VertexPool& pool;
    std::int32_t page;
    std::int32_t at = 0;

    ARCUATE_HD PathReader(const VertexPool& of, const VertexPath& path) : pool(of), page(path.first_page) {}
    ARCUATE_HD Vec3 operator()() {
        if (at == page_vertices) {
            page = pool.next[page];
            at = 0;
        }
        return pool.vertices[static_cast<std::int64_t>(page) * page_vertices + at++];
    }
};

}  // namespace arcuate::kernels
