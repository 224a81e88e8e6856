#include "arcuate/core/directions.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <mutex>

namespace arcuate {

namespace {

void normalize(Vec3d& d) {
    const double length = std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
    for (double& c : d) c /= length;
}

/// Opposite directions are one: what drives d and e apart, by both ends of e, is added to the force on either. Radial parts do not matter, since both are brought back to the sphere.
void repel(const Vec3d& d, const Vec3d& e, Vec3d& on_d, Vec3d& on_e) {
    const double cosine = d[0] * e[0] + d[1] * e[1] + d[2] * e[2];
    const double near = 2 - 2 * cosine, far = 2 + 2 * cosine;  // squared distances to e and to its opposite
    const double pull = 1 / (far * std::sqrt(far)), push = 1 / (near * std::sqrt(near));
    for (std::size_t k = 0; k < 3; ++k) {
        on_d[k] += push * (d[k] - e[k]) + pull * (d[k] + e[k]);
        on_e[k] += push * (e[k] - d[k]) + pull * (d[k] + e[k]);
    }
}

/// A spiral over the upper half of the sphere, from the pole down, of n turns by an angle.
std::vector<Vec3d> spiral(int n, double cos_turn, double sin_turn) {
    std::vector<Vec3d> d;
    double x = 1, y = 0;
    for (int i = 0; i < n; ++i) {
        const double z = 1 - (i + 0.5) / n, r = std::sqrt(1 - z * z);
        d.push_back({r * x, r * y, z});
        normalize(d.back());
        const double next = cos_turn * x - sin_turn * y;
        y = sin_turn * x + cos_turn * y;
        x = next;
    }
    return d;
}

/// Descends on the energy of the directions, which are `all` with their images: add_forces(forces).
template <class AddForces>
void settle(std::vector<Vec3d>& d, int all, AddForces add_forces) {
    // Energy falls steadily with this step for 6 to 2000 directions; after 60 passes 300 of them are nowhere closer than 8 degrees.
    const double step = 1.0 / (all * std::sqrt(static_cast<double>(all)));
    for (int pass = 0; pass < 60; ++pass) {
        std::vector<Vec3d> force(d.size(), Vec3d{0, 0, 0});
        add_forces(force);
        for (std::size_t i = 0; i < d.size(); ++i) {
            for (std::size_t k = 0; k < 3; ++k) d[i][k] += step * force[i][k];
            normalize(d[i]);
        }
    }
    for (auto& direction : d)
        if (direction[2] < 0)
            for (double& c : direction) c = -c;
}

/// What has been computed: an iterative search for a response asks for the same directions again and again, and they take long on one thread.
template <std::vector<Vec3d> (*compute)(int)>
std::vector<Vec3d> remembered(int n) {
    static std::mutex mutex;
    static std::map<int, std::vector<Vec3d>> known;
    const std::lock_guard lock(mutex);
    auto& d = known[n];
    if (d.empty()) d = compute(n);
    return d;
}

std::vector<Vec3d> settled_directions(int n) {
    // Turns by the golden angle, 2.39996 rad, are nearly even already; descent evens out the rim and the pole.
    auto d = spiral(n, -0.73736887807831985, 0.67549029426152361);
    settle(d, n, [&](std::vector<Vec3d>& force) {
        for (std::size_t i = 0; i < d.size(); ++i)
            for (std::size_t j = 0; j < i; ++j) repel(d[i], d[j], force[i], force[j]);
    });
    return d;
}

std::vector<Vec3d> settled_pairs(int n) {
    const auto below = [](const Vec3d& d) { return Vec3d{d[0], d[1], -d[2]}; };
    // Those and their opposites fill the upper half twice as they turn, so half the golden angle makes them even.
    auto d = spiral(n, 0.36237489008048024, 0.93203242381322764);
    settle(d, 2 * n, [&](std::vector<Vec3d>& force) {
        for (std::size_t i = 0; i < d.size(); ++i)
            for (std::size_t j = 0; j <= i; ++j) {
                if (j < i) repel(d[i], d[j], force[i], force[j]);
                Vec3d on_image{0, 0, 0};
                repel(d[i], below(d[j]), force[i], on_image);
                if (j < i)
                    for (std::size_t k = 0; k < 3; ++k) force[j][k] += k == 2 ? -on_image[k] : on_image[k];
            }
    });
    return d;
}

}  // namespace

std::vector<Vec3d> repelled_directions(int n) { return remembered<settled_directions>(n); }
std::vector<Vec3d> repelled_pairs(int n) { return remembered<settled_pairs>(n); }

namespace {

bool is_upper(const Vec3d& d) { return d[2] > 0 || (d[2] == 0 && (d[1] > 0 || (d[1] == 0 && d[0] > 0))); }

/// Numbers axes as they come. Opposite corners of the net are each other's negatives to the last bit, since the icosahedron's are.
class Axes {
  public:
    std::vector<Vec3d> directions;

    int number(Vec3d d) {
        if (!is_upper(d))
            for (double& c : d) c = -c;
        for (double& c : d) c += 0.0;  // -0 becomes 0
        const auto [place, is_new] = numbers_.emplace(d, static_cast<int>(directions.size()));
        if (is_new) directions.push_back(d);
        return place->second;
    }

  private:
    std::map<Vec3d, int> numbers_;
};

using Triangle = std::array<Vec3d, 3>;

std::vector<Triangle> icosahedron() {
    const double golden = (1 + std::sqrt(5.0)) / 2;
    std::vector<Vec3d> corners;
    for (const double a : {1.0, -1.0})
        for (const double b : {golden, -golden})
            for (int k = 0; k < 3; ++k) {
                Vec3d c{0, 0, 0};
                c[static_cast<std::size_t>((k + 2) % 3)] = a;
                c[static_cast<std::size_t>((k + 1) % 3)] = b;
                corners.push_back(c);
            }
    const auto is_edge = [](const Vec3d& a, const Vec3d& b) {
        const double x = a[0] - b[0], y = a[1] - b[1], z = a[2] - b[2];
        return x * x + y * y + z * z < 4.5;  // edges have length 2, the next distance is 2 golden
    };
    std::vector<Triangle> faces;
    for (std::size_t i = 0; i < corners.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            for (std::size_t k = 0; k < j; ++k)
                if (is_edge(corners[i], corners[j]) && is_edge(corners[j], corners[k]) && is_edge(corners[i], corners[k])) {
                    faces.push_back({corners[i], corners[j], corners[k]});
                    for (auto& corner : faces.back()) normalize(corner);
                }
    return faces;
}

}  // namespace

DirectionNet geodesic_net(int halvings) {
    auto faces = icosahedron();
    const auto middle = [](const Vec3d& a, const Vec3d& b) {
        Vec3d m{a[0] + b[0], a[1] + b[1], a[2] + b[2]};
        normalize(m);
        return m;
    };
    for (int pass = 0; pass < halvings; ++pass) {
        std::vector<Triangle> finer;
        for (const auto& [a, b, c] : faces) {
            const Vec3d ab = middle(a, b), bc = middle(b, c), ca = middle(c, a);
            finer.insert(finer.end(), {Triangle{a, ab, ca}, Triangle{ab, b, bc}, Triangle{ca, bc, c}, Triangle{ab, bc, ca}});
        }
        faces = std::move(finer);
    }
    Axes axes;
    std::vector<std::vector<std::int16_t>> around;
    for (const auto& face : faces) {
        std::array<int, 3> n{};
        for (std::size_t k = 0; k < 3; ++k) n[k] = axes.number(face[k]);
        around.resize(axes.directions.size());
        for (std::size_t k = 0; k < 3; ++k)
            for (const int other : {n[(k + 1) % 3], n[(k + 2) % 3]}) around[static_cast<std::size_t>(n[k])].push_back(static_cast<std::int16_t>(other));
    }
    DirectionNet net{std::move(axes.directions), {}};
    for (std::size_t i = 0; i < around.size(); ++i) {
        auto& others = around[i];
        std::sort(others.begin(), others.end());
        others.erase(std::unique(others.begin(), others.end()), others.end());
        others.resize(DirectionNet::max_neighbours, static_cast<std::int16_t>(i));
        net.neighbours.insert(net.neighbours.end(), others.begin(), others.end());
    }
    return net;
}

}  // namespace arcuate
