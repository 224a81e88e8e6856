// The real, even, orthonormal spherical harmonics of conventions.hpp, straight from their definition.
#pragma once

#include "arcuate/conventions.hpp"

#include <cmath>
#include <numbers>
#include <vector>

namespace arcuate::reference {

inline double factorial(int n) { return n < 2 ? 1 : n * factorial(n - 1); }

/// Y_lm at polar angle theta from +z and azimuth phi from +x, -l <= m <= l.
/// std::assoc_legendre leaves the Condon-Shortley phase (-1)^m out; conventions.hpp has it in.
inline double spherical_harmonic(int l, int m, double theta, double phi) {
    const int order = std::abs(m);
    const double norm = std::sqrt((2 * l + 1) / (4 * std::numbers::pi) * factorial(l - order) / factorial(l + order));
    const double phase = order % 2 ? -1 : 1;
    const double legendre =
        phase * norm * std::assoc_legendre(static_cast<unsigned>(l), static_cast<unsigned>(order), std::cos(theta));
    if (m == 0) return legendre;
    return std::numbers::sqrt2 * legendre * (m > 0 ? std::cos(order * phi) : std::sin(order * phi));
}

/// All values up to lmax at the direction, in the order of conventions.hpp. The direction need not be of unit length.
inline std::vector<double> spherical_harmonics(int lmax, double x, double y, double z) {
    const double theta = std::atan2(std::hypot(x, y), z), phi = std::atan2(y, x);
    std::vector<double> values(static_cast<std::size_t>(sh_count(lmax)));
    for (int l = 0; l <= lmax; l += 2)
        for (int m = -l; m <= l; ++m) values[static_cast<std::size_t>(sh_index(l, m))] = spherical_harmonic(l, m, theta, phi);
    return values;
}

}  // namespace arcuate::reference
