// The tracking loop: one seed, two halves, the rules that end them. What decides each step is the Algorithm (kernels/track_step.hpp).
#pragma once

#include "kernels/act.hpp"
#include "kernels/cone.hpp"
#include "kernels/regions.hpp"
#include "kernels/seeds.hpp"
#include "kernels/track_step.hpp"
#include "kernels/vertex_pages.hpp"

namespace arcuate::kernels {

/// What became of a seed. The same order as tracking/track.hpp's Outcome, then those that never leave the library.
enum class SeedEnd : std::uint8_t {
    accepted, invalid_seed, no_propagation, too_short, too_long, enter_exclude, missed_include, poor_termination, wm_requirement,
    no_room  ///< the pool of vertices was too small: to be tracked again
};

/// What became of one seed, and where its vertices are.
struct StreamlineRecord {
    VertexPath path[2];     ///< from the seed on, the seed included
    std::int32_t vertices;  ///< that remain after downsampling, of both halves
    SeedEnd outcome;
    HalfEnd stop[2];        ///< of the first and the second half
    bool turned;            ///< the first half comes first, from its end to the seed
    StepCounts counts;
    float length;           ///< of the kept vertices' polyline [mm]
};

/// One line of the account of a single streamline.
struct TraceEntry {
    std::int32_t half, step;
    std::int32_t vertices;      ///< of this half, the seed included
    std::int32_t arcs;          ///< candidates evaluated for the step
    Vec3 position, direction;   ///< after the step [mm], unit
    float amplitude;            ///< of the data at `position` along `direction`
    HalfEnd end;                ///< goes_on, or why the half ends here
    bool backtracked;           ///< the end was cut off here, and tracking goes on
};
struct Trace {
    TraceEntry* entries;        ///< null: no account is kept
    std::int32_t* count;        ///< entries that there would be
    std::int32_t capacity;
};

/// Of every launch, whatever the algorithm.
struct TrackRules {
    SeedSources seeds;
    RegionSet regions;
    Act act;
    std::uint64_t run_seed;
    float min_length, max_length;  ///< [mm]
    std::int32_t max_vertices;     ///< of a half
    int downsample;                ///< every n-th vertex of a half is kept, and its last
    bool unidirectional;
    bool has_direction;
    Vec3 direction;                ///< of every seed, where has_direction
    float seed_one_minus_cos;      ///< how far the first direction may be from the one that a seed comes with: of the largest angle
    int seed_trials;               ///< of such directions
};

/// Tracks the streamlines of ids [first_id, first_id + n): index i of the launch is streamline first_id + i.
template <class Algorithm>
struct TrackStreamline {
    using State = typename Algorithm::State;

    Algorithm algorithm;
    TrackRules rules;
    std::uint64_t first_id;
    VertexPool pool;
    StreamlineRecord* records;     ///< (n)
    Trace trace;

    ARCUATE_HD void operator()(std::int64_t i) const {
        const std::uint64_t id = first_id + static_cast<std::uint64_t>(i);
        StreamlineRecord record{};
        record.outcome = SeedEnd::invalid_seed;
        record.stop[0] = record.stop[1] = HalfEnd::not_tracked;
        const Philox seed_random{rules.run_seed, id, Purpose::seed, 0};
        Vec3 seed{}, seed_direction{};
        ActState act;
        RegionVisits visits;
        State start;
        if (rules.seeds(seed_random, seed, seed_direction) && rules.regions.in_mask(seed) && !rules.regions.excluded(seed) && (!rules.act.on() || rules.act.accepts_seed(seed, act)) &&
            started(seed, seed_direction, seed_random, start)) {
            if (rules.regions.required()) rules.regions.visit(seed, visits);
            const bool one_sided = rules.unidirectional || (rules.act.on() && rules.act.one_sided(seed, start.direction));
            record.outcome = SeedEnd::accepted;
            const ActState at_seed = act;
            Half half{*this, record, act, visits, seed};
            half.track(id, 0, start);
            if (!one_sided && record.outcome == SeedEnd::accepted && record.stop[0] != HalfEnd::length_exceeded &&
                record.stop[0] != HalfEnd::traverse_all_include) {
                // The second half continues from the seed, so the first turns round.
                record.turned = true;
                start.direction = -start.direction;
                const bool left_seed_sgm = act.left_seed_sgm;
                act = at_seed;
                act.left_seed_sgm = left_seed_sgm;
                half.track(id, 1, start);
            }
            if (record.outcome == SeedEnd::accepted) record.outcome = judged(record, act, visits);
        }
        records[i] = record;
    }

  private:
    /// The first direction: the user's, or one within the angle of that which the seed comes with, or else the algorithm's own.
    ARCUATE_HD bool started(Vec3 seed, Vec3 near, const Philox& random, State& state) const {
        const bool drawn = !rules.has_direction && dot(near, near) > 0.0f;
        const Vec3* asked = rules.has_direction ? &rules.direction : nullptr;
        Vec3 direction = rules.direction;
        if (drawn) asked = &direction;
        for (int trial = 0; trial < (drawn ? rules.seed_trials : 1); ++trial) {
            if (drawn) {
                const Random4 r = random(1u + static_cast<std::uint32_t>(trial));
                direction = normalized(turned(frame_around(r.v[2] >> 31 ? -near : near), cone_direction(r, rules.seed_one_minus_cos)));
            }
            if (algorithm.start(seed, random, asked, state)) return true;
        }
        return false;
    }

    ARCUATE_HD SeedEnd judged(const StreamlineRecord& record, const ActState& act, const RegionVisits& visits) const {
        if (record.vertices < 2) return SeedEnd::no_propagation;
        if (record.length < rules.min_length) return SeedEnd::too_short;
        if (rules.regions.required() && !rules.regions.all_visited(visits)) return SeedEnd::missed_include;
        if (rules.act.on() && act.seed_in_sgm && !act.left_seed_sgm) return SeedEnd::wm_requirement;
        return SeedEnd::accepted;
    }

    /// One half as it grows. Lengths are those of the vertices that downsampling will keep.
    struct Half {
        const TrackStreamline& run;
        StreamlineRecord& record;
        ActState& act;
        RegionVisits& visits;
        Vec3 seed;
        VertexPath path{};
        Vec3 kept{};                ///< the last vertex that is kept
        int since = 0;              ///< vertices after it
        float length_before = 0;    ///< of the streamline where the half began
        int vertices_before = 1;

        /// Keeps the path's last vertex; true where the streamline is then as long as it may be, cut to exactly that.
        ARCUATE_HD bool keep_last() {
            Vec3& vertex = path.back(run.pool);
            const float segment = length(vertex - kept), most = run.rules.max_length;
            const bool full = record.length + segment >= most;
            if (full && segment > 0.0f) vertex = fma((most - record.length) / segment, vertex - kept, kept);
            record.length = full ? most : record.length + segment;
            kept = vertex;
            since = 0;
            ++record.vertices;
            return full;
        }

        /// Appends a vertex; true where the half ends because of it (`end` says why).
        ARCUATE_HD bool append(Vec3 vertex, HalfEnd& end) {
            end = HalfEnd::length_exceeded;
            if (!path.push(run.pool, vertex)) {
                end = HalfEnd::no_room;
                return true;
            }
            const bool most = path.count >= run.rules.max_vertices;
            return ((++since == run.rules.downsample || most) && keep_last()) || most;
        }

        /// Lengths and visits once more from the start of the half, after its end was changed.
        ARCUATE_HD void measure_again(const RegionVisits& visits_before) {
            visits = visits_before;
            record.length = length_before;
            record.vertices = vertices_before;
            since = 0;
            PathReader read(run.pool, path);
            Vec3 vertex = read();
            kept = vertex;
            for (std::int32_t v = 1; v < path.count; ++v) {
                vertex = read();
                if (run.rules.regions.required()) run.rules.regions.visit(vertex, visits);
                if (++since < run.rules.downsample) continue;
                record.length += length(vertex - kept);
                kept = vertex;
                since = 0;
                ++record.vertices;
            }
        }

        ARCUATE_HD void track(std::uint64_t id, int which, State state) {
            const Purpose purpose = which == 0 ? Purpose::forward_half : Purpose::backward_half;
            const RegionVisits visits_before = visits;
            length_before = record.length;
            vertices_before = which == 0 ? 1 : record.vertices;
            record.vertices = vertices_before;
            path = {};
            kept = seed;
            since = 0;
            HalfEnd end = goes_on;
            bool bad = false;
            if (!path.push(run.pool, seed)) end = HalfEnd::no_room;
            std::int32_t longest = 0, cut_steps = 1, attempts = 0;
            for (std::uint32_t step = 0; end == goes_on; ++step) {
                const std::int32_t arcs_before = record.counts.arcs + record.counts.end_arcs;
                end = step < (1u << 24) - 1 ? one_step(state, Philox{run.rules.run_seed, id, purpose, step}) : HalfEnd::model;
                if (end != goes_on && end != HalfEnd::no_room && run.rules.act.on()) end = run.rules.act.judged(end, act, bad);
                // A streamline that is too long would only become so again.
                const bool again = bad && end != HalfEnd::length_exceeded && run.rules.act.backtrack && cut_back(state, longest, cut_steps, attempts, visits_before);
                note(which, step, state, record.counts.arcs + record.counts.end_arcs - arcs_before, end, again);
                if (again) {
                    end = goes_on;
                    bad = false;
                }
            }
            if (end == HalfEnd::exit_sgm) end_in_sgm(visits_before);
            if (end == HalfEnd::enter_cgm && run.rules.act.crop && path.count > 1) {
                Vec3& last = path.back(run.pool);
                last = run.rules.act.crossing(path.at(run.pool, path.count - 2), last);
                measure_again(visits_before);
            }
            if (end != HalfEnd::length_exceeded && end != HalfEnd::no_room && since > 0 && keep_last()) {
                end = HalfEnd::length_exceeded;
                bad = run.rules.act.on();
            }
            record.path[which] = path;
            record.stop[which] = end;
            if (end == HalfEnd::no_room) record.outcome = SeedEnd::no_room;
            else if (end == HalfEnd::enter_exclude) record.outcome = SeedEnd::enter_exclude;
            else if (bad) record.outcome = end == HalfEnd::length_exceeded ? SeedEnd::too_long : SeedEnd::poor_termination;
        }

        /// Takes a step and looks at each of its vertices. The vertex that ends a half stays where the end is a place, not where there is none.
        ARCUATE_HD HalfEnd one_step(State& state, const Philox& random) {
            Vec3 vertices[max_step_vertices];
            switch (run.algorithm.step(state, random, vertices, record.counts)) {
                case StepEnd::none: break;
                case StepEnd::exit_image: return HalfEnd::exit_image;
                case StepEnd::calibrator: return HalfEnd::calibrator;
                case StepEnd::high_curvature: return HalfEnd::high_curvature;
                default: return HalfEnd::model;
            }
            for (int v = 0; v < run.algorithm.vertices_per_step(); ++v) {
                HalfEnd end = run.rules.act.on() ? run.rules.act.at(vertices[v], act) : goes_on;
                if (end == goes_on) {
                    const RegionVerdict verdict = run.rules.regions.at(vertices[v], visits);
                    end = verdict == RegionVerdict::go_on          ? goes_on
                          : verdict == RegionVerdict::outside_mask ? HalfEnd::exit_mask
                          : verdict == RegionVerdict::excluded     ? HalfEnd::enter_exclude
                                                                   : HalfEnd::traverse_all_include;
                } else if (end == HalfEnd::enter_csf && act.sgm_depth > 0) {
                    end = HalfEnd::exit_sgm;
                }
                if (end == HalfEnd::exit_image || end == HalfEnd::exit_mask || end == HalfEnd::exit_sgm) return end;
                HalfEnd full;
                if (append(vertices[v], full) && (end == goes_on || full == HalfEnd::no_room)) return full;
                if (end != goes_on) return end;
            }
            return goes_on;
        }

        /// Backtracking: cuts whole steps off the end, one more after every third attempt that got no further. False at the seed.
        ARCUATE_HD bool cut_back(State& state, std::int32_t& longest, std::int32_t& cut_steps, std::int32_t& attempts, const RegionVisits& visits_before) {
            if (path.count > longest) {
                longest = path.count;
                cut_steps = 1;
                attempts = 1;
            } else if (attempts++ == 3) {
                attempts = 1;
                ++cut_steps;
            }
            const int n = run.algorithm.vertices_per_step();
            const std::int32_t partial = (longest - 1) % n ? (longest - 1) % n : n;
            const std::int32_t target = longest - partial - (cut_steps - 1) * n;
            if (target <= 1) return false;
            if (target < path.count) {
                if (target <= act.seed_sgm) {  // back inside the seed's sub-cortical grey
                    act.left_seed_sgm = false;
                    act.sgm_depth = target;
                    act.seed_sgm = 0;
                } else {
                    act.sgm_depth = max(0, act.sgm_depth - (path.count - target));
                }
                path.truncate(run.pool, target);
                measure_again(visits_before);
            }
            const Vec3 last = path.back(run.pool), before = path.at(run.pool, target - 2);
            act.in_pathology = run.rules.act.image.at(last).is_path();
            return run.algorithm.restart(last, normalized(last - before), state);
        }

        /// A half that has crossed sub-cortical grey matter ends inside it, where the data support its direction least.
        ARCUATE_HD void end_in_sgm(const RegionVisits& visits_before) {
            const std::int32_t first = max(1, path.count - act.sgm_depth);
            std::int32_t best = path.count - 1;
            float least = infinity;
            for (std::int32_t v = path.count - 1; v >= first; --v) {
                const Vec3 here = path.at(run.pool, v);
                const float value = run.algorithm.amplitude(here, normalized(here - path.at(run.pool, v - 1)));
                if (value <= least) {
                    least = value;
                    best = v;
                }
            }
            if (best + 1 == path.count) return;
            path.truncate(run.pool, best + 1);
            measure_again(visits_before);
        }

        ARCUATE_HD void note(int which, std::uint32_t step, const State& state, std::int32_t arcs, HalfEnd end, bool again) const {
            if (!run.trace.entries) return;
            const std::int32_t at = take_relaxed(run.trace.count, 1);
            if (at >= run.trace.capacity) return;
            run.trace.entries[at] = {which, static_cast<std::int32_t>(step), path.count, arcs, state.position, state.direction,
                                     run.algorithm.amplitude(state.position, state.direction), end, again};
        }
    };
};

/// Kept vertices of a half: the seed, every n-th, the last.
ARCUATE_HD std::int32_t kept_vertices(std::int32_t count, int downsample) { return 1 + (count - 1) / downsample + ((count - 1) % downsample ? 1 : 0); }
/// Which of a streamline's kept vertices is its seed.
ARCUATE_HD std::int32_t seed_vertex(const StreamlineRecord& record, int downsample) { return record.turned ? kept_vertices(record.path[0].count, downsample) - 1 : 0; }

/// Copies the kept vertices of chosen streamlines to one array without gaps, each from one end to the other.
struct PackStreamlines {
    VertexPool pool;
    const StreamlineRecord* records;
    int downsample;
    const std::int32_t* chosen;    ///< record of each packed streamline
    const std::int64_t* offsets;   ///< (count + 1) first vertex of each in `packed`
    Vec3* packed;                  ///< (vertices)

    ARCUATE_HD void operator()(std::int64_t s) const {
        const StreamlineRecord& record = records[chosen[s]];
        Vec3* to = packed + offsets[s];
        const VertexPath &first = record.path[0], &second = record.path[1];
        Vec3* const seed = to + seed_vertex(record, downsample);
        copy(first, seed, record.turned ? -1 : 1, false);
        if (record.turned) copy(second, seed + 1, 1, true);
    }

  private:
    ARCUATE_HD void copy(const VertexPath& path, Vec3* to, int direction, bool without_seed) const {
        PathReader read(pool, path);
        for (std::int32_t v = 0; v < path.count; ++v) {
            const Vec3 vertex = read();
            if ((v == 0 && without_seed) || (v % downsample && v + 1 != path.count)) continue;
            *to = vertex;
            to += direction;
        }
    }
};

}  // namespace arcuate::kernels
