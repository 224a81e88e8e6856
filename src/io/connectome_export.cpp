// Connectomes for programs of others: graphs, viewers, tables of nodes.
#include "arcuate/io/files.hpp"
#include "arcuate/io/tables.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace arcuate::io {

namespace {

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            default: out += c;
        }
    return out;
}

bool has_place(const Node& node) { return !std::isnan(node.centre[0]); }

/// Without the sign of a zero or the NaN that JSON lacks.
double plain(double value) { return std::isnan(value) ? 0 : value; }

}  // namespace

void write_node_table(const std::string& path, const std::vector<Node>& nodes, double voxel_mm3, bool overwrite) {
    Table table{{"index", "name", "hemisphere", "x", "y", "z", "voxels", "volume"}};
    for (const auto& node : nodes) {
        const std::string side = hemisphere(node.name);
        table.push_back({std::to_string(node.label), node.name, side.empty() ? "n/a" : side, number(node.centre[0]), number(node.centre[1]), number(node.centre[2]),
                         number(node.voxels), number(node.voxels * voxel_mm3)});
    }
    write_table(path, table, overwrite);
}

void write_graphml(const std::string& path, const Connectome& connectome, bool overwrite) {
    std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n";
    const auto key = [&](const char* of, const std::string& name, const char* type) {
        text += fmt::format("  <key id=\"{0}_{1}\" for=\"{0}\" attr.name=\"{1}\" attr.type=\"{2}\"/>\n", of, escaped(name), type);
    };
    const auto data = [&](const char* of, const std::string& name, const std::string& value) {
        text += fmt::format("<data key=\"{}_{}\">{}</data>", of, escaped(name), escaped(value));
    };
    key("node", "label", "int");
    key("node", "name", "string");
    key("node", "hemisphere", "string");
    for (const char* axis : {"x", "y", "z"}) key("node", axis, "double");
    key("node", "voxels", "double");
    for (const auto& metric : connectome.metrics) key("edge", metric.name, "double");
    text += "  <graph edgedefault=\"undirected\">\n";
    const std::size_t n = connectome.nodes.size();
    for (const auto& node : connectome.nodes) {
        text += fmt::format("    <node id=\"{}\">", node.label);
        data("node", "label", std::to_string(node.label));
        data("node", "name", node.name);
        if (const auto side = hemisphere(node.name); !side.empty()) data("node", "hemisphere", side);
        for (std::size_t axis = 0; axis < 3 && has_place(node); ++axis) data("node", std::string(1, "xyz"[axis]), number(node.centre[axis]));
        data("node", "voxels", number(node.voxels));
        text += "</node>\n";
    }
    const auto& count = connectome.metric("count").matrix;
    for (std::size_t a = 0; a < n; ++a)
        for (std::size_t b = a; b < n; ++b) {
            if (!(count[a * n + b] > 0)) continue;
            text += fmt::format("    <edge source=\"{}\" target=\"{}\">", connectome.nodes[a].label, connectome.nodes[b].label);
            for (const auto& metric : connectome.metrics)
                if (const double value = metric.matrix[a * n + b]; !std::isnan(value)) data("edge", metric.name, number(value));
            text += "</edge>\n";
        }
    write_text(path, text + "  </graph>\n</graphml>\n", overwrite);
}

void write_niivue(const std::string& path, const Connectome& connectome, const std::string& metric, bool overwrite) {
    const auto& matrix = connectome.metric(metric).matrix;
    const std::size_t n = connectome.nodes.size();
    auto nodes = nlohmann::ordered_json::array(), edges = nlohmann::ordered_json::array();
    double most_of_node = 0, least = 0, most = 0;
    std::vector<std::size_t> place(n);
    for (std::size_t a = 0; a < n; ++a) {
        const auto& node = connectome.nodes[a];
        if (!has_place(node)) continue;
        place[a] = nodes.size();
        double sum = 0;
        for (std::size_t b = 0; b < n; ++b) sum += plain(matrix[a * n + b]);
        most_of_node = std::max(most_of_node, sum);
        nodes.push_back({{"name", node.name}, {"x", node.centre[0]}, {"y", node.centre[1]}, {"z", node.centre[2]}, {"colorValue", sum}, {"sizeValue", 1}});
    }
    for (std::size_t a = 0; a < n; ++a)
        for (std::size_t b = a + 1; b < n; ++b) {
            const double value = plain(matrix[a * n + b]);
            if (value == 0 || !has_place(connectome.nodes[a]) || !has_place(connectome.nodes[b])) continue;
            least = edges.empty() ? value : std::min(least, value);
            most = edges.empty() ? value : std::max(most, value);
            edges.push_back({{"first", place[a]}, {"second", place[b]}, {"colorValue", value}});
        }
    nlohmann::ordered_json json{{"name", metric}, {"nodeColormap", "warm"}, {"nodeColormapNegative", "winter"}, {"nodeMinColor", 0}, {"nodeMaxColor", most_of_node}, {"nodeScale", 3},
                                {"edgeColormap", "warm"}, {"edgeColormapNegative", "winter"}, {"edgeMin", least}, {"edgeMax", most}, {"edgeScale", 1}};
    json["nodes"] = std::move(nodes);
    json["edges"] = std::move(edges);
    write_text(path, json.dump(1) + "\n", overwrite);
}

}  // namespace arcuate::io
