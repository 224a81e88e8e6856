// Sampling of the discretised FOD: the next direction is drawn from a fixed set, in proportion to the FOD's amplitudes (as DIPY's probabilistic direction getter;
// Behrens et al. 2007, NeuroImage 34:144, and Garyfallidis et al. 2014, Front Neuroinform 8:8).
#pragma once

#include "kernels/cone.hpp"
#include "kernels/first_order.hpp"
#include "kernels/fod_field.hpp"
#include "kernels/rejection.hpp"

namespace arcuate::kernels {

/// The set: pairs (x, y, z) and (x, y, -z), whose amplitudes have their terms in common, in columns, one for every thread of a GPU's team. Directions are numbered column by column, in each of them pair by pair.
struct DirectionSet {
    static constexpr int columns = 32, turns = 6, pairs = columns * turns, in_column = 2 * turns;

    const float* planes;  ///< (3, turns, columns): x, y and z > 0 of every pair's first

    /// One after the other of a column: where it is in a plane, and whether z is negative.
    ARCUATE_HD Vec3 direction(int column, int n) const {
        const float* const at = planes + n / 2 * columns + column;
        return {at[0], at[pairs], n % 2 ? -at[2 * pairs] : at[2 * pairs]};
    }
};

/// What there is of every direction in a column; T: of one column, or of eight at once.
template <class T>
struct Column {
    T of[DirectionSet::in_column];
};

namespace detail {
/// A share of what is drawn from, 0 to most_share, as a whole number: sums of those do not depend on who adds them.
inline constexpr float most_share = 0x1p22f;
ARCUATE_HD std::uint32_t whole(float share) { return bits_of(share + 0x1p23f) - bits_of(0x1p23f); }
ARCUATE_HD Words8 whole(Float8 share) { return words_of(share + Float8::all(0x1p23f)) - Words8::all(bits_of(0x1p23f)); }
static_assert(DirectionSet::pairs * 2 * most_share < 0x1p32f);

/// Which of a column's shares holds what is `rest` from its start, below their sum.
template <class Share>
ARCUATE_HD int share_that_holds(std::uint32_t rest, Share share) {
    int n = 0;
    ARCUATE_UNROLL
    for (int k = 0; k < DirectionSet::in_column; ++k) {
        const bool passed = n == k && rest >= share(k);
        rest -= passed ? share(k) : 0u;
        n += passed;
    }
    return n;
}
/// What is a random part of `total` from the start of all shares, below it.
ARCUATE_HD std::uint32_t part_of(std::uint32_t total, std::uint32_t bits) { return static_cast<std::uint32_t>(static_cast<std::uint64_t>(total) * bits >> 32); }
}  // namespace detail

/// Who has which columns: a processor eight in a vector register, a team's threads one each.
template <class Evaluators>
struct ColumnsBy;

template <>
struct ColumnsBy<EightAtOnce> {
    using Number = Float8;
    template <class T>
    struct Parts {
        T of[DirectionSet::columns / 8];
        ARCUATE_HD T& operator[](int part) { return of[part]; }
        ARCUATE_HD const T& operator[](int part) const { return of[part]; }
    };

    ARCUATE_HD explicit ColumnsBy(EightAtOnce) {}

    template <class F>
    ARCUATE_HD auto each(F f) const {
        Parts<decltype(f(0))> out;
        for (int part = 0; part < DirectionSet::columns / 8; ++part) out[part] = f(part);
        return out;
    }
    ARCUATE_HD static Float8 load(const float* row, int part) { return Float8::load(row + 8 * part); }
    template <class Field>
    ARCUATE_HD void interpolate(const Field& field, const Cell& cell, float* c) const {
        field.interpolate(cell, c);
    }
    ARCUATE_HD float greatest(const Parts<Float8>& values) const {
        Float8 of_eight = values[0];
        for (int part = 1; part < DirectionSet::columns / 8; ++part) of_eight = max(values[part], of_eight);
        float v[8];
        of_eight.store(v);
        for (int k = 1; k < 8; ++k) v[0] = max(v[k], v[0]);
        return v[0];
    }
    /// Which direction holds a random part of all shares; false where there are none.
    ARCUATE_HD bool draw(const Parts<Column<Words8>>& shares, std::uint32_t bits, int& column, int& n) const {
        std::uint32_t share[DirectionSet::in_column][DirectionSet::columns], sum[DirectionSet::columns], total = 0;
        for (int part = 0; part < DirectionSet::columns / 8; ++part) {
            Words8 of_eight = Words8::all(0);
            for (int k = 0; k < DirectionSet::in_column; ++k) {
                shares[part].of[k].store(share[k] + 8 * part);
                of_eight = of_eight + shares[part].of[k];
            }
            of_eight.store(sum + 8 * part);
        }
        for (const std::uint32_t s : sum) total += s;
        if (total == 0) return false;
        std::uint32_t rest = detail::part_of(total, bits);
        for (column = 0; rest >= sum[column]; ++column) rest -= sum[column];
        n = detail::share_that_holds(rest, [&](int k) { return share[k][column]; });
        return true;
    }
};

template <int Lanes>
struct ColumnsBy<Team<Lanes>> {
    static_assert(Lanes == DirectionSet::columns);
    using Number = float;
    template <class T>
    using Parts = PerLane<T, Lanes>;

    Team<Lanes> team;

    ARCUATE_HD explicit ColumnsBy(Team<Lanes> of) : team(of) {}

    template <class F>
    ARCUATE_HD auto each(F f) const {
        return team.each(f);
    }
    ARCUATE_HD static float load(const float* row, int column) { return row[column]; }
    template <class Field>
    ARCUATE_HD void interpolate(const Field& field, const Cell& cell, float* c) const {
        field.interpolate(team, cell, c);
    }
    ARCUATE_HD float greatest(const Parts<float>& values) const { return team.greatest(values); }
    ARCUATE_HD bool draw(const Parts<Column<std::uint32_t>>& shares, std::uint32_t bits, int& column, int& n) const {
        const auto sum = each([&](int k) {
            std::uint32_t s = 0;
            ARCUATE_UNROLL
            for (int j = 0; j < DirectionSet::in_column; ++j) s += shares[k].of[j];
            return s;
        });
        auto up_to = sum;  // and that of all before
        ARCUATE_UNROLL
        for (int apart = 1; apart < Lanes; apart *= 2) {
            const auto before = team.moved(up_to, [&](int k) { return max(k - apart, 0); });
            up_to = each([&](int k) { return up_to[k] + (k >= apart ? before[k] : 0u); });
        }
        const std::uint32_t total = team.of(up_to, Lanes - 1), place = detail::part_of(total, bits);
        if (total == 0) return false;
        column = lowest_bit(team.which([&](int k) { return up_to[k] > place; }));
        n = team.of(each([&](int k) { return detail::share_that_holds(place - (up_to[k] - sum[k]), [&](int j) { return shares[k].of[j]; }); }), column);
        return true;
    }
};

/// Directions drawn from a set, for FirstOrder.
template <int Lmax>
struct DiscreteDirections {
    static constexpr int team_lanes = DirectionSet::columns, thread_registers = Lmax <= 8 ? few_registers : 255;

    FodField<Lmax> field;
    DirectionSet set;
    float cutoff, seed_cutoff; ///< of the largest amplitude at a point
    float relative_cutoff;     ///< directions below this share of the largest amplitude are not drawn
    float cos_max_angle;

    ARCUATE_HD float amplitude(Vec3 position, Vec3 direction) const { return amplitude_at(field, position, direction); }
    ARCUATE_HD bool start(Vec3 seed, const Philox& random, const Vec3* asked, Vec3& direction) const {
        return start_by(Evaluators<team_lanes>{}, seed, random, asked, direction);
    }
    ARCUATE_HD StepEnd next(Vec3 position, Vec3 from, const Philox& random, std::uint32_t draw, Vec3& to, StepCounts& counts) const {
        return next_by(Evaluators<team_lanes>{}, position, from, random, draw, to, counts);
    }

    /// The first direction is the highest of the set, as DIPY's is with one direction per seed; its sign is random.
    template <class Evaluators>
    ARCUATE_HD bool start_by(Evaluators evaluators, Vec3 seed, const Philox& random, const Vec3* asked, Vec3& direction) const {
        const ColumnsBy<Evaluators> by(evaluators);
        using Number = typename ColumnsBy<Evaluators>::Number;
        Cell cell;
        if (!field.locate(seed, cell)) return false;
        if (asked) {
            direction = *asked;
            return field.amplitude(cell, direction) > seed_cutoff;
        }
        float highest;
        const auto f = amplitudes(by, cell, highest);
        if (!(highest > seed_cutoff)) return false;
        const auto only_highest = shares_of(by, f, [&](int, int, Number amplitude) { return choose_below(amplitude, all_of<Number>(highest), all_of<Number>(0.0f), all_of<Number>(1.0f)); });
        int column, n;
        if (!by.draw(only_highest, 0, column, n)) return false;
        direction = set.direction(column, n);
        if (random(1).v[0] >> 31) direction = -direction;
        return true;
    }

    template <class Evaluators>
    ARCUATE_HD StepEnd next_by(Evaluators evaluators, Vec3 position, Vec3 from, const Philox& random, std::uint32_t draw, Vec3& to, StepCounts& counts) const {
        const ColumnsBy<Evaluators> by(evaluators);
        using Number = typename ColumnsBy<Evaluators>::Number;
        Cell cell;
        if (!field.locate(position, cell)) return StepEnd::exit_image;
        float highest;
        const auto f = amplitudes(by, cell, highest);
        const float least = relative_cutoff * highest, scale = detail::most_share / highest;
        const auto all = [](float value) { return all_of<Number>(value); };
        const auto shares = shares_of(by, f, [&](int part, int n, Number amplitude) {
            const auto d = pair(by, part, n / 2);
            const Number in_plane = fma(d.x, all(from.x), d.y * all(from.y)), along = n % 2 ? fnma(d.z, all(from.z), in_plane) : fma(d.z, all(from.z), in_plane);
            const Number likely = choose_below(amplitude, all(least), all(0.0f), min(all(scale) * amplitude, all(detail::most_share)));
            return choose_below(max(along, all(0.0f) - along), all(cos_max_angle), all(0.0f), likely);
        });
        int column, n;
        if (!(highest >= cutoff) || !(highest > 0.0f) || !by.draw(shares, random(draw).v[0], column, n)) {
            ++counts.end_arcs;
            return StepEnd::model;
        }
        ++counts.arcs;
        to = set.direction(column, n);
        if (dot(to, from) < 0.0f) to = -to;
        return StepEnd::none;
    }

  private:
    /// The first of a pair of directions in the columns of a part.
    template <class By>
    ARCUATE_HD VecOf<typename By::Number> pair(const By& by, int part, int turn) const {
        const float* const row = set.planes + turn * DirectionSet::columns;
        return {by.load(row, part), by.load(row + DirectionSet::pairs, part), by.load(row + 2 * DirectionSet::pairs, part)};
    }
    /// Of the whole set, by part; the highest.
    template <class By>
    ARCUATE_HD auto amplitudes(const By& by, const Cell& cell, float& highest) const {
        using Number = typename By::Number;
        float c[FodField<Lmax>::stride];
        by.interpolate(field, cell, c);
        const auto f = by.each([&](int part) {
            Column<Number> out;
            ARCUATE_UNROLL
            for (int turn = 0; turn < DirectionSet::turns; ++turn) {
                const auto d = pair(by, part, turn);
                FodField<Lmax>::Polynomial::values(c, d.x, d.y, d.z, out.of[2 * turn], out.of[2 * turn + 1]);
            }
            return out;
        });
        highest = by.greatest(by.each([&](int part) {
            Number most = all_of<Number>(0.0f);
            ARCUATE_UNROLL
            for (int n = 0; n < DirectionSet::in_column; ++n) most = max(f[part].of[n], most);
            return most;
        }));
        return f;
    }
    /// share(part, n, amplitude) of every direction, rounded.
    template <class By, class Amplitudes, class Share>
    ARCUATE_HD static auto shares_of(const By& by, const Amplitudes& f, Share share) {
        return by.each([&](int part) {
            Column<decltype(detail::whole(f[part].of[0]))> out;
            ARCUATE_UNROLL
            for (int n = 0; n < DirectionSet::in_column; ++n) out.of[n] = detail::whole(share(part, n, f[part].of[n]));
            return out;
        });
    }
};

template <int Lmax>
using DiscreteFod = FirstOrder<DiscreteDirections<Lmax>>;

}  // namespace arcuate::kernels
