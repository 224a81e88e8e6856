#include "geometry.hpp"

#include "kernels/math.hpp"
#include "vec3d.hpp"

#include <algorithm>
#include <cmath>

namespace arcuate::phantom {

namespace {

constexpr double pi = 3.14159265358979323846;
constexpr double outside = 1e9;  // `across` of a point that is nowhere near

/// A tube from a to b; `e1_near` fixes the orientation of its cross-section.
StraightTube straight(const Vec3d& a, const Vec3d& b, const Vec3d& e1_near, double start1, double start2, double end1, double end2) {
    StraightTube t;
    t.start = a;
    const Vec3d ab = from_to(a, b);
    t.length = std::sqrt(dot(ab, ab));
    t.axis = unit(ab);
    t.e2 = unit(cross(t.axis, e1_near));
    t.e1 = cross(t.e2, t.axis);
    t.start1 = start1;
    t.start2 = start2;
    t.end1 = end1;
    t.end2 = end2;
    return t;
}

}  // namespace

ArcTube arc(const Vec3d& centre, const Vec3d& middle, const Vec3d& tangent, double radius, double half_angle, double width) {
    return {centre, middle, tangent, cross(middle, tangent), radius, half_angle, width, 2 * half_angle * radius};
}

TubePosition StraightTube::locate(const Vec3d& point) const {
    const Vec3d r = from_to(start, point);
    const double along = dot(r, axis), u = dot(r, e1), v = dot(r, e2);
    const double part = std::clamp(along / length, 0.0, 1.0);
    const double a = start1 + part * (end1 - start1), b = start2 + part * (end2 - start2);
    // A fibre keeps u / a and v / b, so du/ds = u a'/a.
    const Vec3d direction = add(add(axis, u / a * (end1 - start1) / length, e1), v / b * (end2 - start2) / length, e2);
    return {along, std::sqrt(u / a * (u / a) + v / b * (v / b)), unit(direction)};
}

Vec3d StraightTube::point(double along, double u, double v) const {
    const double part = along / length;
    return add(add(add(start, along, axis), u * (start1 + part * (end1 - start1)), e1), v * (start2 + part * (end2 - start2)), e2);
}

TubePosition ArcTube::locate(const Vec3d& point) const {
    const Vec3d r = from_to(centre, point);
    const double x = dot(r, middle), y = dot(r, tangent), z = dot(r, normal);
    const double rho = std::max(std::sqrt(x * x + y * y), 1e-9);
    const double angle = kernels::acos(static_cast<float>(std::clamp(x / rho, -1.0, 1.0)));
    const double off = rho - radius;
    const Vec3d direction = add(add({0, 0, 0}, -y / rho, middle), x / rho, tangent);
    return {radius * (half_angle + (y < 0 ? -angle : angle)), std::sqrt(off * off + z * z) / width, direction};
}

Vec3d ArcTube::point(double along, double u, double v) const {
    const auto at = kernels::sincos(static_cast<float>(along / radius - half_angle));
    const double rho = radius + u * width;
    return add(add(add(centre, rho * at.cos, middle), rho * at.sin, tangent), v * width, normal);
}

TubePosition ConicTube::locate(const Vec3d& point) const {
    const Vec3d r = from_to(waist, point);
    const double s = dot(r, axis), u = dot(r, e1), v = dot(r, e2);
    // A fibre keeps u / A with A^2 = a^2 (1 + k s^2), so du/ds = u k s / (1 + k s^2). Beyond a pole there is no tube.
    const double square1 = 1 + k1 * s * s, square2 = 1 + k2 * s * s;
    if (!(square1 > 0 && square2 > 0)) return {s + before, outside, axis};
    const Vec3d direction = add(add(axis, u * k1 * s / square1, e1), v * k2 * s / square2, e2);
    return {s + before, std::sqrt(u * u / (a1 * a1 * square1) + v * v / (a2 * a2 * square2)), unit(direction)};
}

Vec3d ConicTube::point(double along, double u, double v) const {
    const double s = along - before;
    return add(add(add(waist, s, axis), u * a1 * std::sqrt(1 + k1 * s * s), e1), v * a2 * std::sqrt(1 + k2 * s * s), e2);
}

double Tube::length() const {
    return std::visit([](const auto& s) { return s.length; }, shape);
}
TubePosition Tube::locate(const Vec3d& p) const {
    return std::visit([&](const auto& s) { return s.locate(p); }, shape);
}
Vec3d Tube::point(double along, double u, double v) const {
    return std::visit([&](const auto& s) { return s.point(along, u, v); }, shape);
}

bool Ball::holds(const Vec3d& point) const {
    const Vec3d r = from_to(centre, point);
    return dot(r, r) <= radius * radius;
}

// On the hollow sides of the kissing bundles.
std::vector<Ball> ventricles() { return {{{-32, 0, 8}, 10}, {{32, 0, 8}, 10}}; }

std::vector<Tube> anatomy() {
    const Vec3d x{1, 0, 0}, y{0, 1, 0}, z{0, 0, 1};
    std::vector<Tube> tubes;
    // Below: two cylinders that cross at 79 degrees, tilted against each other.
    tubes.push_back({"crossing_a", "crossing_a_left", "crossing_a_right", 0.65, straight({-35, -29, -18}, {35, 29, -14}, z, 7, 7, 7, 7)});
    tubes.push_back({"crossing_b", "crossing_b_left", "crossing_b_right", 0.60, straight({-35, 29, -14}, {35, -29, -18}, z, 7, 7, 7, 7)});
    // Above: )( - two arcs that touch in the middle of the box, where both run along y.
    tubes.push_back({"kissing_left", "kissing_left_back", "kissing_left_front", 0.60,
                     arc({-47, 0, 12}, x, y, 40, 2 * pi / 9, 7)});
    tubes.push_back({"kissing_right", "kissing_right_back", "kissing_right_front", 0.55,
                     arc({47, 0, 12}, {-1, 0, 0}, y, 40, 2 * pi / 9, 7)});
    // At the back: a stem that fans out upwards, in one plane.
    tubes.push_back({"fan", "fan_stem", "fan_crown", 0.60, straight({4, -45, -26}, {-2, -45, 26}, x, 8, 7, 25, 7)});
    // At the front: half a circle from left to right over the top, alone: the one that changes.
    tubes.push_back({"arc", "arc_left", "arc_right", 0.50, arc({0, 45, -20}, z, x, 36, pi / 2, 7)});
    return tubes;
}

}  // namespace arcuate::phantom
