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

/// What became of one seed.
struct StreamlineFate {
    std::int32_t vertices;  ///< that remain after downsampling, of both halves
    SeedEnd outcome;
    HalfEnd stop[2];        ///< of the first and the second half
    bool turned;            ///< the first half comes first, from its end to the seed
    StepCounts counts;
    float length;           ///< of the kept vertices' polyline [mm]
};

/// And where its vertices are.
struct StreamlineRecord : StreamlineFate {
    VertexPath path[2];     ///< from the seed on, the seed included
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
    std::int32_t cut_vertices;     ///< backtracking takes off so many at a time, or a step's where those are more
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
    static constexpr int team_lanes = Algorithm::team_lanes, thread_registers = Algorithm::thread_registers;

    Algorithm algorithm;
    TrackRules rules;
    std::uint64_t first_id;
    VertexPool pool;
    StreamlineRecord* records;     ///< (n)
    Trace trace;

    ARCUATE_HD void operator()(std::int64_t i) const {
        Walk walk(*this);
        walk.begin(i);
        while (walk.going()) walk.step();
    }

    /// A streamline as it grows, half by half and step by step. A thread that is through with one may begin another, while others of its warp go on with theirs.
    class Walk {
      public:
        ARCUATE_HD explicit Walk(const TrackStreamline& run) : run_(run) {}

        ARCUATE_HD bool going() const { return going_; }
        /// The launch's next item that nobody has begun; where there is none, a number that none has.
        ARCUATE_HD std::int64_t take() const { return team_.take(run_.pool.begun); }

        ARCUATE_HD void begin(std::int64_t i) {
            item_ = i;
            fate_ = {};
            fate_.outcome = SeedEnd::invalid_seed;
            fate_.stop[0] = fate_.stop[1] = HalfEnd::not_tracked;
            for (auto& path : run_.records[item_].path) team_.store(path, VertexPath{});
            act_ = {};
            visits_ = {};
            const TrackRules& given = run_.rules;
            const Philox random{given.run_seed, id(), Purpose::seed, 0};
            Vec3 seed{}, direction{};
            going_ = given.seeds(random, seed, direction) && given.regions.in_mask(seed) && !given.regions.excluded(seed) && (!given.act.on() || given.act.accepts_seed(seed, act_)) &&
                     started(seed, direction, random);
            if (!going_) {
                keep_fate();
                return;
            }
            if (given.regions.required()) given.regions.visit(seed, visits_);
            one_sided_ = given.unidirectional || (given.act.on() && given.act.one_sided(seed, start_.direction));
            fate_.outcome = SeedEnd::accepted;
            begin_half(0);
        }

        /// Once more while going().
        ARCUATE_HD void step() {
            const Purpose purpose = half_ == 0 ? Purpose::forward_half : Purpose::backward_half;
            const std::int32_t arcs_before = fate_.counts.arcs + fate_.counts.end_arcs;
            HalfEnd end = no_room_ ? HalfEnd::no_room : step_ < (1u << 24) - 1 ? one_step(Philox{run_.rules.run_seed, id(), purpose, step_}) : HalfEnd::model;
            if (end != goes_on && end != HalfEnd::no_room && run_.rules.act.on()) end = run_.rules.act.judged(end, act_, bad_);
            // A streamline that is too long would only become so again.
            const bool again = bad_ && end != HalfEnd::length_exceeded && run_.rules.act.backtrack && cut_back();
            note(fate_.counts.arcs + fate_.counts.end_arcs - arcs_before, end, again);
            if (again) {
                end = goes_on;
                bad_ = false;
            }
            ++step_;
            if (end != goes_on) end_half(end);
        }

      private:
        ARCUATE_HD std::uint64_t id() const { return run_.first_id + static_cast<std::uint64_t>(item_); }

        /// All but the paths, which are there already.
        ARCUATE_HD void keep_fate() const { team_.store(static_cast<StreamlineFate&>(run_.records[item_]), fate_); }

        ARCUATE_HD void begin_half(int half) {
            half_ = half;
            step_ = 0;
            state_ = start_;
            visits_before_ = visits_;
            length_before_ = fate_.length;
            vertices_before_ = half == 0 ? 1 : fate_.vertices;
            fate_.vertices = vertices_before_;
            path_ = {};
            kept_ = start_.position;
            since_ = 0;
            longest_ = 0;
            cut_steps_ = 1;
            attempts_ = 0;
            bad_ = false;
            no_room_ = !path_.push(team_, run_.pool, start_.position);
        }

        ARCUATE_HD void end_half(HalfEnd end) {
            if (end == HalfEnd::exit_sgm) end_in_sgm();
            if (end == HalfEnd::enter_cgm && run_.rules.act.crop && path_.count > 1) {
                path_.set_back(team_, run_.pool, run_.rules.act.crossing(path_.at(run_.pool, path_.count - 2), path_.back(run_.pool)));
                measure_again();
            }
            if (end != HalfEnd::length_exceeded && end != HalfEnd::no_room && since_ > 0 && keep_last(path_.back(run_.pool))) {
                end = HalfEnd::length_exceeded;
                bad_ = run_.rules.act.on();
            }
            team_.store(run_.records[item_].path[half_], path_);
            (half_ == 0 ? fate_.stop[0] : fate_.stop[1]) = end;  // not stop[half_]: registers have no index, and the whole walk would lie in a GPU's memory
            if (end == HalfEnd::no_room) fate_.outcome = SeedEnd::no_room;
            else if (end == HalfEnd::enter_exclude) fate_.outcome = SeedEnd::enter_exclude;
            else if (bad_) fate_.outcome = end == HalfEnd::length_exceeded ? SeedEnd::too_long : SeedEnd::poor_termination;
            if (half_ == 0 && !one_sided_ && fate_.outcome == SeedEnd::accepted && end != HalfEnd::length_exceeded && end != HalfEnd::traverse_all_include) {
                // The second half continues from the seed, so the first turns round.
                fate_.turned = true;
                start_.direction = -start_.direction;
                const bool left_seed_sgm = act_.left_seed_sgm;
                if (run_.rules.act.on()) run_.rules.act.accepts_seed(start_.position, act_);
                act_.left_seed_sgm = left_seed_sgm;
                begin_half(1);
                return;
            }
            if (fate_.outcome == SeedEnd::accepted) fate_.outcome = judged();
            keep_fate();
            going_ = false;
        }

        /// The first direction: the user's, or one within the angle of that which the seed comes with, or else the algorithm's own.
        ARCUATE_HD bool started(Vec3 seed, Vec3 near, const Philox& random) {
            const TrackRules& given = run_.rules;
            const bool drawn = !given.has_direction && dot(near, near) > 0.0f;
            const Vec3* asked = given.has_direction ? &given.direction : nullptr;
            Vec3 direction = given.direction;
            if (drawn) asked = &direction;
            for (int trial = 0; trial < (drawn ? given.seed_trials : 1); ++trial) {
                if (drawn) {
                    const Random4 r = random(1u + static_cast<std::uint32_t>(trial));
                    direction = normalized(turned(frame_around(r.v[2] >> 31 ? -near : near), cone_direction(r, given.seed_one_minus_cos)));
                }
                if (run_.algorithm.start(seed, random, asked, start_)) return true;
            }
            return false;
        }

        ARCUATE_HD SeedEnd judged() const {
            const TrackRules& given = run_.rules;
            if (fate_.vertices < 2) return SeedEnd::no_propagation;
            if (fate_.length < given.min_length) return SeedEnd::too_short;
            if (given.regions.required() && !given.regions.all_visited(visits_)) return SeedEnd::missed_include;
            if (given.act.on() && act_.seed_in_sgm && !act_.left_seed_sgm) return SeedEnd::wm_requirement;
            return SeedEnd::accepted;
        }

        /// Keeps the path's last vertex, which is `vertex`; true where the streamline is then as long as it may be, cut to exactly that.
        ARCUATE_HD bool keep_last(Vec3 vertex) {
            const float segment = length(vertex - kept_), most = run_.rules.max_length;
            const bool full = fate_.length + segment >= most;
            if (full && segment > 0.0f) {
                vertex = fma((most - fate_.length) / segment, vertex - kept_, kept_);
                path_.set_back(team_, run_.pool, vertex);
            }
            fate_.length = full ? most : fate_.length + segment;
            kept_ = vertex;
            since_ = 0;
            ++fate_.vertices;
            return full;
        }

        /// Appends a vertex; true where the half ends because of it (`end` says why).
        ARCUATE_HD bool append(Vec3 vertex, HalfEnd& end) {
            end = HalfEnd::length_exceeded;
            if (!path_.push(team_, run_.pool, vertex)) {
                end = HalfEnd::no_room;
                return true;
            }
            const bool most = path_.count >= run_.rules.max_vertices;
            return ((++since_ == run_.rules.downsample || most) && keep_last(vertex)) || most;
        }

        /// Lengths and visits once more from the start of the half, after its end was changed.
        ARCUATE_HD void measure_again() {
            visits_ = visits_before_;
            fate_.length = length_before_;
            fate_.vertices = vertices_before_;
            since_ = 0;
            PathReader read(run_.pool, path_);
            Vec3 vertex = read();
            kept_ = vertex;
            for (std::int32_t v = 1; v < path_.count; ++v) {
                vertex = read();
                if (run_.rules.regions.required()) run_.rules.regions.visit(vertex, visits_);
                if (++since_ < run_.rules.downsample) continue;
                fate_.length += length(vertex - kept_);
                kept_ = vertex;
                since_ = 0;
                ++fate_.vertices;
            }
        }

        /// Takes a step and looks at each of its vertices. The vertex that ends a half stays where the end is a place, not where there is none.
        ARCUATE_HD HalfEnd one_step(const Philox& random) {
            Vec3 vertices[max_step_vertices];
            switch (run_.algorithm.step(state_, random, vertices, fate_.counts)) {
                case StepEnd::none: break;
                case StepEnd::exit_image: return HalfEnd::exit_image;
                case StepEnd::calibrator: return HalfEnd::calibrator;
                case StepEnd::high_curvature: return HalfEnd::high_curvature;
                default: return HalfEnd::model;
            }
            const int count = run_.algorithm.vertices_per_step();
            for (int first = 0; first < count; first += team_.lanes) {
                const auto facts = team_.each([&](int k) { return first + k < count ? facts_of(vertices[first + k]) : 0u; });
                for (int v = first; v < min(count, first + team_.lanes); ++v) {
                    const HalfEnd end = passed(vertices[v], team_.of(facts, v - first));
                    if (end != goes_on) return end;
                }
            }
            return goes_on;
        }

        /// What images say of a place, whatever came before: a RegionVerdict, and above it Act::seen().
        ARCUATE_HD unsigned facts_of(Vec3 vertex) const {
            const TrackRules& given = run_.rules;
            return static_cast<unsigned>(given.regions.at(vertex)) | (given.act.on() ? given.act.seen(vertex) << 8 : 0u);
        }

        /// A step's next vertex, with its facts.
        ARCUATE_HD HalfEnd passed(Vec3 vertex, unsigned facts) {
            HalfEnd end = run_.rules.act.on() ? run_.rules.act.at(facts >> 8, act_) : goes_on;
            if (end == goes_on) {
                auto verdict = static_cast<RegionVerdict>(facts & 0xffu);
                if (verdict == RegionVerdict::go_on) verdict = run_.rules.regions.visited(vertex, visits_);
                end = verdict == RegionVerdict::go_on          ? goes_on
                      : verdict == RegionVerdict::outside_mask ? HalfEnd::exit_mask
                      : verdict == RegionVerdict::excluded     ? HalfEnd::enter_exclude
                                                               : HalfEnd::traverse_all_include;
            } else if (end == HalfEnd::enter_csf && act_.sgm_depth > 0) {
                end = HalfEnd::exit_sgm;
            }
            if (end == HalfEnd::exit_image || end == HalfEnd::exit_mask || end == HalfEnd::exit_sgm) return end;
            HalfEnd full;
            return append(vertex, full) && (end == goes_on || full == HalfEnd::no_room) ? full : end;
        }

        /// Backtracking: cuts whole steps off the end, or rules.cut_vertices, once more as many after every third attempt that got no further. False at the seed.
        ARCUATE_HD bool cut_back() {
            if (path_.count > longest_) {
                longest_ = path_.count;
                cut_steps_ = 1;
                attempts_ = 1;
            } else if (attempts_++ == 3) {
                attempts_ = 1;
                ++cut_steps_;
            }
            const std::int32_t n = max(static_cast<std::int32_t>(run_.algorithm.vertices_per_step()), run_.rules.cut_vertices);
            const std::int32_t partial = (longest_ - 1) % n ? (longest_ - 1) % n : n;
            const std::int32_t target = longest_ - partial - (cut_steps_ - 1) * n;
            if (target <= 1) return false;
            if (target < path_.count) {
                if (target <= act_.seed_sgm) {  // back inside the seed's sub-cortical grey
                    act_.left_seed_sgm = false;
                    act_.sgm_depth = target;
                    act_.seed_sgm = 0;
                } else {
                    act_.sgm_depth = max(0, act_.sgm_depth - (path_.count - target));
                }
                path_.truncate(run_.pool, target);
                measure_again();
            }
            const Vec3 last = path_.back(run_.pool), before = path_.at(run_.pool, target - 2);
            act_.in_pathology = run_.rules.act.image.at(last).is_path();
            return run_.algorithm.restart(last, normalized(last - before), state_);
        }

        /// A half that has crossed sub-cortical grey matter ends inside it, where the data support its direction least.
        ARCUATE_HD void end_in_sgm() {
            const std::int32_t first = max(1, path_.count - act_.sgm_depth);
            std::int32_t best = path_.count - 1;
            float least = infinity;
            for (std::int32_t v = path_.count - 1; v >= first; --v) {
                const Vec3 here = path_.at(run_.pool, v);
                const float value = run_.algorithm.amplitude(here, normalized(here - path_.at(run_.pool, v - 1)));
                if (value <= least) {
                    least = value;
                    best = v;
                }
            }
            if (best + 1 == path_.count) return;
            path_.truncate(run_.pool, best + 1);
            measure_again();
        }

        ARCUATE_HD void note(std::int32_t arcs, HalfEnd end, bool again) const {
            if (!run_.trace.entries) return;
            const std::int32_t at = team_.take(run_.trace.count);
            if (at >= run_.trace.capacity) return;
            team_.store(run_.trace.entries[at], TraceEntry{half_, static_cast<std::int32_t>(step_), path_.count, arcs, state_.position, state_.direction,
                                                           run_.algorithm.amplitude(state_.position, state_.direction), end, again});
        }

        const TrackStreamline& run_;
        const Crew<team_lanes> team_{};
        std::int64_t item_ = 0;
        StreamlineFate fate_{};
        State start_{};                        ///< at the seed, of the half that comes next
        ActState act_;
        RegionVisits visits_, visits_before_;  ///< before: where the half began
        // Of the half. Lengths are those of the vertices that downsampling will keep.
        int half_ = 0;
        std::uint32_t step_ = 0;
        State state_{};
        VertexPath path_;
        Vec3 kept_{};                          ///< the last vertex that is kept
        int since_ = 0;                        ///< vertices after it
        float length_before_ = 0;              ///< of the streamline where the half began
        int vertices_before_ = 1;
        std::int32_t longest_ = 0, cut_steps_ = 1, attempts_ = 0;  ///< of backtracking
        bool bad_ = false;
        bool no_room_ : 1 = false, going_ : 1 = false, one_sided_ : 1 = false;  ///< in one register
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
