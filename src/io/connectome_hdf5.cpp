// One session's connectome as HDF5; docs/connectome_hdf5.md has the layout (format_version 1).
// Text is of fixed length, padded with zero bytes: HDF5 trusts the lengths of variable ones, and a damaged file would crash it.
#include "arcuate/core/error.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/tables.hpp"

#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <mutex>
#include <string_view>
#include <utility>

namespace arcuate::io {

namespace {

constexpr const char* format_name = "arcuate connectome";
constexpr std::int64_t format_version = 1;

std::mutex library_mutex;  // distributions build HDF5 without thread safety

/// HDF5 prints its error stack unless told not to.
class Silence {
  public:
    Silence() {
        H5Eget_auto2(H5E_DEFAULT, &print_, &data_);
        H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    }
    ~Silence() { H5Eset_auto2(H5E_DEFAULT, print_, data_); }
    Silence(const Silence&) = delete;
    Silence& operator=(const Silence&) = delete;

  private:
    H5E_auto2_t print_ = nullptr;
    void* data_ = nullptr;
};

struct Failure {};  ///< an HDF5 call refused; the caller knows which file

void check(herr_t status) {
    if (status < 0) throw Failure{};
}

/// An HDF5 identifier with the call that closes it.
class Handle {
  public:
    Handle(hid_t id, herr_t (*closer)(hid_t)) : id_(id), closer_(closer) {
        if (id < 0) throw Failure{};
    }
    Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), closer_(other.closer_) {}
    ~Handle() {
        if (id_ >= 0) closer_(id_);
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    operator hid_t() const { return id_; }
    /// For files, whose last bytes are written here.
    void close() { check(closer_(std::exchange(id_, -1))); }

  private:
    hid_t id_;
    herr_t (*closer_)(hid_t);
};

Handle text_type(std::size_t bytes) {
    Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
    check(H5Tset_size(type, std::max<std::size_t>(bytes, 1)));
    check(H5Tset_strpad(type, H5T_STR_NULLPAD));
    check(H5Tset_cset(type, H5T_CSET_UTF8));
    return type;
}

// ---- writing -----------------------------------------------------------------------------------------------------------
void write_attribute(hid_t object, const char* name, hid_t type, const void* value) {
    const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    const Handle attribute(H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    check(H5Awrite(attribute, type, value));
}

void write_attribute(hid_t object, const char* name, const std::string& value) {
    write_attribute(object, name, text_type(value.size()), value.c_str());
}

void write_attribute(hid_t object, const char* name, std::int64_t value) { write_attribute(object, name, H5T_NATIVE_INT64, &value); }

Handle create_group(hid_t file, const char* name) {
    const Handle plan(H5Pcreate(H5P_GROUP_CREATE), H5Pclose);
    check(H5Pset_obj_track_times(plan, false));
    check(H5Pset_link_creation_order(plan, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED));
    return Handle(H5Gcreate2(file, name, H5P_DEFAULT, plan, H5P_DEFAULT), H5Gclose);
}

/// `compressed` matrices are shuffled and deflated: most pairs of regions share no streamline.
Handle write_dataset(hid_t group, const char* name, hid_t type, std::vector<hsize_t> shape, const void* values, bool compressed = false) {
    const Handle plan(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    check(H5Pset_obj_track_times(plan, false));
    if (compressed) {
        std::vector<hsize_t> chunk = shape;
        for (auto& n : chunk) n = std::min<hsize_t>(n, 512);
        check(H5Pset_chunk(plan, static_cast<int>(chunk.size()), chunk.data()));
        check(H5Pset_shuffle(plan));
        check(H5Pset_deflate(plan, 4));
    }
    const Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr), H5Sclose);
    Handle dataset(H5Dcreate2(group, name, type, space, H5P_DEFAULT, plan, H5P_DEFAULT), H5Dclose);
    check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values));
    return dataset;
}

void write_nodes(hid_t file, const std::vector<Node>& nodes) {
    std::vector<std::int32_t> labels;
    std::vector<std::int64_t> voxels;
    std::vector<double> sizes, centres;
    std::size_t longest = 1;
    for (const auto& node : nodes) longest = std::max(longest, node.name.size());
    std::string names;
    for (const auto& node : nodes) {
        labels.push_back(node.label);
        sizes.push_back(node.voxels);
        voxels.push_back(std::llround(node.voxels));
        centres.insert(centres.end(), node.centre.begin(), node.centre.end());
        names.append(node.name).append(longest - node.name.size(), '\0');
    }
    const hsize_t n = nodes.size();
    const Handle group = create_group(file, "nodes");
    write_dataset(group, "label", H5T_NATIVE_INT32, {n}, labels.data());
    write_dataset(group, "name", text_type(longest), {n}, names.data());
    write_dataset(group, "centre_mm", H5T_NATIVE_DOUBLE, {n, 3}, centres.data());
    // A soft parcellation's sizes are sums of shares.
    const bool whole = std::equal(sizes.begin(), sizes.end(), voxels.begin(), [](double size, std::int64_t count) { return size == static_cast<double>(count); });
    write_dataset(group, "voxels", whole ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE, {n}, whole ? static_cast<const void*>(voxels.data()) : sizes.data());
}

void write_all(const std::string& path, const Connectome& connectome, const std::string& provenance) {
    const Handle create(H5Pcreate(H5P_FILE_CREATE), H5Pclose), access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    check(H5Pset_obj_track_times(create, false));
    check(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18));  // the same object format whichever library wrote it
    Handle file(H5Fcreate(path.c_str(), H5F_ACC_EXCL, create, access), H5Fclose);
    write_attribute(file, "format", format_name);
    write_attribute(file, "format_version", format_version);
    write_attribute(file, "streamlines", connectome.streamlines);
    write_attribute(file, "assigned", connectome.assigned);
    write_attribute(file, "provenance", provenance);
    write_nodes(file, connectome.nodes);
    {
        const Handle edges = create_group(file, "edges");
        const hsize_t n = connectome.nodes.size();
        for (const auto& metric : connectome.metrics) {
            const Handle dataset = write_dataset(edges, metric.name.c_str(), H5T_NATIVE_DOUBLE, {n, n}, metric.matrix.data(), true);
            write_attribute(dataset, "unit", metric.unit);
            write_attribute(dataset, "description", metric.description);
            if (metric.error.empty()) continue;
            write_attribute(dataset, "error", metric.error);
            write_attribute(dataset, "error_of", metric.error_of);
        }
    }
    file.close();
}

// ---- reading -----------------------------------------------------------------------------------------------------------
/// Bytes of one text of this type. HDF5 keeps object headers below 64 KiB, so a longer one comes from damage.
std::size_t text_length(hid_t type) {
    const std::size_t bytes = H5Tget_size(type);
    if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0 || bytes == 0 || bytes > 65536) throw Failure{};
    return bytes;
}

/// Without the padding.
std::string unpadded(std::string_view text) { return std::string(text.substr(0, text.find('\0'))); }

std::string read_text_attribute(hid_t object, const char* name) {
    const Handle attribute(H5Aopen(object, name, H5P_DEFAULT), H5Aclose);
    const Handle type(H5Aget_type(attribute), H5Tclose), space(H5Aget_space(attribute), H5Sclose);
    std::string text(text_length(type), '\0');
    if (H5Sget_simple_extent_npoints(space) != 1) throw Failure{};
    check(H5Aread(attribute, type, text.data()));
    return unpadded(text);
}

/// Empty where there is none.
std::string read_optional_text(hid_t object, const char* name) { return H5Aexists(object, name) > 0 ? read_text_attribute(object, name) : std::string(); }

std::int64_t read_integer_attribute(hid_t object, const char* name) {
    const Handle attribute(H5Aopen(object, name, H5P_DEFAULT), H5Aclose);
    const Handle space(H5Aget_space(attribute), H5Sclose);
    if (H5Sget_simple_extent_npoints(space) != 1) throw Failure{};
    std::int64_t value = 0;
    check(H5Aread(attribute, H5T_NATIVE_INT64, &value));
    return value;
}

std::vector<hsize_t> shape_of(hid_t dataset) {
    const Handle space(H5Dget_space(dataset), H5Sclose);
    const int rank = H5Sget_simple_extent_ndims(space);
    if (rank < 1 || rank > 2) throw Failure{};
    std::vector<hsize_t> shape(static_cast<std::size_t>(rank));
    check(H5Sget_simple_extent_dims(space, shape.data(), nullptr));
    return shape;
}

template <class T>
std::vector<T> read_dataset(hid_t dataset, hid_t type, const std::vector<hsize_t>& wanted) {
    if (shape_of(dataset) != wanted) throw Failure{};
    hsize_t n = 1;
    for (const auto extent : wanted) n *= extent;
    std::vector<T> values(n);
    check(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()));
    return values;
}

/// `bytes`: the file's size. A damaged file must not ask for more memory than it can hold; nodes are stored plainly.
std::vector<Node> read_nodes(hid_t file, hsize_t bytes) {
    const auto open = [&](const char* name) { return Handle(H5Dopen2(file, name, H5P_DEFAULT), H5Dclose); };
    const Handle label = open("nodes/label"), name = open("nodes/name"), centre = open("nodes/centre_mm"), voxels = open("nodes/voxels");
    const hsize_t n = shape_of(label)[0];
    if (n > bytes / sizeof(std::int32_t)) throw Failure{};
    const Handle type(H5Dget_type(name), H5Tclose);
    const std::size_t length = text_length(type);
    if (n * length > bytes || shape_of(name) != std::vector<hsize_t>{n}) throw Failure{};
    std::string names(n * length, '\0');
    check(H5Dread(name, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, names.data()));
    const auto labels = read_dataset<std::int32_t>(label, H5T_NATIVE_INT32, {n});
    const auto centres = read_dataset<double>(centre, H5T_NATIVE_DOUBLE, {n, 3});
    const auto sizes = read_dataset<double>(voxels, H5T_NATIVE_DOUBLE, {n});
    std::vector<Node> nodes(n);
    for (std::size_t i = 0; i < n; ++i)
        nodes[i] = {labels[i], unpadded(std::string_view(names).substr(i * length, length)),
                    {centres[3 * i], centres[3 * i + 1], centres[3 * i + 2]}, sizes[i]};
    return nodes;
}

Connectome read_all(const std::string& path) {
    const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
    if (read_text_attribute(file, "format") != format_name) throw Failure{};
    if (const auto v = read_integer_attribute(file, "format_version"); v != format_version)
        throw InputError(fmt::format("{} has connectome format version {} (this Arcuate reads {}); use the version that wrote it, or "
                                     "write it again", path, v, format_version));
    Connectome out;
    out.streamlines = read_integer_attribute(file, "streamlines");
    out.assigned = read_integer_attribute(file, "assigned");
    const hsize_t bytes = std::filesystem::file_size(path);
    out.nodes = read_nodes(file, bytes);
    const hsize_t n = out.nodes.size();
    // Deflate expands at most 1032 times.
    if (n > 0 && n > bytes * 1032 / sizeof(double) / n) throw Failure{};
    const Handle edges(H5Gopen2(file, "edges", H5P_DEFAULT), H5Gclose);
    H5G_info_t info;
    check(H5Gget_info(edges, &info));
    for (hsize_t i = 0; i < info.nlinks; ++i) {
        char name[256];
        const auto length = H5Lget_name_by_idx(edges, ".", H5_INDEX_CRT_ORDER, H5_ITER_INC, i, name, sizeof name, H5P_DEFAULT);
        if (length < 0 || length >= static_cast<ssize_t>(sizeof name)) throw Failure{};
        const Handle dataset(H5Dopen2(edges, name, H5P_DEFAULT), H5Dclose);
        out.metrics.push_back({name, read_text_attribute(dataset, "unit"), read_text_attribute(dataset, "description"),
                               read_dataset<double>(dataset, H5T_NATIVE_DOUBLE, {n, n}), read_optional_text(dataset, "error_of"), read_optional_text(dataset, "error")});
    }
    return out;
}

}  // namespace

void write_connectome(const std::string& path, const Connectome& connectome, const Provenance& provenance, bool overwrite) {
    if (connectome.nodes.empty()) throw OutputError(fmt::format("cannot write {} (the connectome has no node); give a parcellation", path));
    for (const auto& metric : connectome.metrics) {
        if (metric.name.empty() || metric.name == "." || metric.name.size() > 255 || metric.name.find('/') != std::string::npos)
            throw OutputError(fmt::format("cannot write {} (the metric name '{}' is empty, too long or has a slash); rename the "
                                          "metric", path, metric.name));
        if (metric.matrix.size() != connectome.nodes.size() * connectome.nodes.size())
            throw OutputError(fmt::format("cannot write {} (metric {} has {} values for {} nodes); it must have one per pair", path, metric.name,
                                          metric.matrix.size(), connectome.nodes.size()));
    }
    OutputFile output(path, overwrite);
    const std::lock_guard lock(library_mutex);
    const Silence silence;
    try {
        write_all(output.partial(), connectome, provenance_core_json(provenance));
    } catch (const Failure&) {
        throw OutputError(fmt::format("cannot write {} (HDF5 refused, or the disk is full); check the folder's permissions and the free "
                                      "space", path));
    }
    output.commit();
}

Connectome read_connectome(const std::string& path) {
    if (!std::filesystem::exists(path)) throw InputError(fmt::format("cannot open {} (there is no such file); check the path", path));
    const std::lock_guard lock(library_mutex);
    const Silence silence;
    try {
        return read_all(path);
    } catch (const Failure&) {
        throw InputError(fmt::format("{} is no connectome of Arcuate's or is damaged (its HDF5 structure is not the documented one); "
                                     "write it again with arcuate connectome", path));
    }
}

}  // namespace arcuate::io
