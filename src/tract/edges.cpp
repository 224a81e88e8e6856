#include "arcuate/tract/edges.hpp"

#include "arcuate/tract/vertices.hpp"

#include <algorithm>
#include <cmath>

namespace arcuate::tract {

namespace {

bool is_chosen(const Edge& edge, const EdgeChoice& choice) {
    const auto among = [&](std::int32_t label) { return std::find(choice.nodes.begin(), choice.nodes.end(), label) != choice.nodes.end(); };
    if (edge[0] == edge[1] && !choice.keep_self) return false;
    if (edge[0] == 0 && !choice.keep_unassigned && !among(0)) return false;
    if (choice.nodes.empty()) return true;
    return choice.exclusive ? among(edge[0]) && among(edge[1]) : among(edge[0]) || among(edge[1]);
}

}  // namespace

std::vector<Edge> chosen_edges(std::span<const std::int32_t> labels, const EdgeChoice& choice) {
    std::vector<Edge> out;
    const auto consider = [&](std::int32_t a, std::int32_t b) {
        if (const Edge edge{std::min(a, b), std::max(a, b)}; is_chosen(edge, choice)) out.push_back(edge);
    };
    if (labels.size() == 1) consider(0, labels[0]);
    if (labels.size() == 2) consider(labels[0], labels[1]);
    for (std::size_t i = 0; labels.size() > 2 && i < labels.size(); ++i)
        for (std::size_t j = i; j < labels.size(); ++j) consider(labels[i], labels[j]);
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

void Exemplars::add(std::span<const float> vertices, std::int32_t first_label, std::int32_t last_label, double weight) {
    if (vertices.size() < 6 || first_label == last_label || first_label == 0 || last_label == 0) return;
    auto& course = courses_[{std::min(first_label, last_label), std::max(first_label, last_label)}];
    const auto places = places_by_count(vertices, points);
    for (std::size_t i = 0; i < places.size(); ++i) {
        const auto& place = places[first_label < last_label ? i : places.size() - 1 - i];
        const std::size_t next = std::min(place.vertex + 1, vertices.size() / 3 - 1);
        for (std::size_t axis = 0; axis < 3; ++axis) {
            const double a = static_cast<double>(vertices[3 * place.vertex + axis]), b = static_cast<double>(vertices[3 * next + axis]);
            course.sums[3 * i + axis] += weight * (a + place.fraction * (b - a));
        }
    }
    course.weight += weight;
}

Tractogram Exemplars::tractogram(const std::vector<Node>& nodes) const {
    Tractogram out;
    for (const char* name : {"node_a", "node_b"}) {
        DataArray array;
        array.name = name;
        array.type = DataType::int32;
        out.per_streamline.push_back(array);
    }
    for (const auto& [edge, course] : courses_) {
        if (!(course.weight > 0)) continue;
        std::array<Vec3d, 2> centre;
        for (std::size_t side = 0; side < 2; ++side) {
            const auto node = std::find_if(nodes.begin(), nodes.end(), [label = edge[side]](const Node& n) { return n.label == label; });
            centre[side] = node == nodes.end() ? Vec3d{std::nan(""), 0, 0} : node->centre;
        }
        std::vector<float> line;
        constexpr std::int64_t quarter = points / 4;
        for (std::int64_t i = 0; i < points; ++i) {
            const std::size_t side = i < points / 2 ? 0 : 1;
            const double share = std::min(1.0, static_cast<double>(std::min(i, points - 1 - i)) / quarter);  // of the mean; the rest is the centre's
            for (std::size_t axis = 0; axis < 3; ++axis) {
                const double mean = course.sums[static_cast<std::size_t>(3 * i) + axis] / course.weight;
                line.push_back(static_cast<float>(std::isnan(centre[side][0]) ? mean : share * mean + (1 - share) * centre[side][axis]));
            }
        }
        out.append(line);
        for (std::size_t side = 0; side < 2; ++side) out.per_streamline[side].values.push_back(edge[side]);
    }
    return out;
}

}  // namespace arcuate::tract
