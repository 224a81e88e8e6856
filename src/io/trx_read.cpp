// TRX: a zip of arrays (github.com/tee-ar-ex/trx-spec). All arrays are read side by side, a batch of streamlines at a time.
#include "data_type.hpp"
#include "tractogram_files.hpp"
#include "zip_read.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace arcuate::io {

namespace {

/// NAME.DTYPE or NAME.COLUMNS.DTYPE, in a folder or not.
struct ArrayName {
    std::string folder, name;
    std::int64_t columns = 1;
    DataType type = DataType::float32;
};

std::optional<ArrayName> parse_name(const std::string& path) {
    ArrayName result;
    const auto slash = path.rfind('/');
    std::string rest = slash == std::string::npos ? path : path.substr(slash + 1);
    if (slash != std::string::npos) result.folder = path.substr(0, slash);
    const auto dot = rest.rfind('.');
    if (dot == std::string::npos) return std::nullopt;
    const auto type = data_type_named(rest.substr(dot + 1));
    if (!type) return std::nullopt;
    result.type = *type;
    rest.resize(dot);
    if (const auto before = rest.rfind('.'); before != std::string::npos) {
        std::int64_t columns = 0;
        const auto [end, error] = std::from_chars(rest.data() + before + 1, rest.data() + rest.size(), columns);
        if (error == std::errc{} && end == rest.data() + rest.size() && columns > 0 && columns < 1 << 20) {
            result.columns = columns;
            rest.resize(before);
        }
    }
    while (rest.ends_with(' ')) rest.pop_back();  // some writers pad names
    result.name = rest;
    if (result.name.empty()) return std::nullopt;
    return result;
}

/// An array of the archive, read in rows.
struct Column {
    std::unique_ptr<ZipStream> stream;
    DataType type;
    std::size_t columns;
    std::string bytes{};

    template <class Use>
    void read(std::size_t rows, Use use) {
        const std::size_t piece = std::max<std::size_t>(1, (1 << 16) / columns);
        for (std::size_t left = rows; left > 0;) {
            const std::size_t n = std::min(left, piece) * columns;
            bytes.resize(n * size_of(type));
            stream->read(bytes.data(), bytes.size());
            for (std::size_t i = 0; i < n; ++i) use(decode(type, bytes.data(), i));
            left -= n / columns;
        }
    }
};

class TrxReader : public TractogramReader {
  public:
    explicit TrxReader(const std::string& path) : path_(path), archive_(path) {
        info_.format = "trx";
        read_header();
        for (const auto& entry : archive_.entries()) take_offsets(entry);
        for (const auto& entry : archive_.entries()) take(entry);
        if (!positions_.stream) missing("positions.3.float16, .float32 or .float64");
        if (!offsets_.stream) missing("offsets.uint32 or .uint64");
        // In the order of names, whatever the order in the archive.
        sort_fields(info_.per_streamline, per_streamline_);
        sort_fields(info_.per_vertex, per_vertex_);
        std::sort(info_.groups.begin(), info_.groups.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
        for (const auto& [group, array] : group_data_) {
            const auto found = std::find_if(info_.groups.begin(), info_.groups.end(), [&name = group](const auto& g) { return g.name == name; });
            if (found == info_.groups.end()) damaged(fmt::format("it has data of a group {} that there is not", group));
            found->data.push_back(array);
        }
    }

    void stream(StreamlineSink& sink, std::int64_t batch) override {
        Tractogram pending;
        pending.per_streamline = empty_arrays(info_.per_streamline);
        pending.per_vertex = empty_arrays(info_.per_vertex);
        const auto streamlines = static_cast<std::uint64_t>(*info_.streamlines);
        std::uint64_t next = 0;
        if (streamlines > 0) next = read_offset();
        if (streamlines > 0 && next != 0) damaged(fmt::format("its first streamline would begin at vertex {}", next));
        for (std::uint64_t done = 0; done < streamlines;) {
            pending.clear();
            const std::uint64_t n = std::min<std::uint64_t>(static_cast<std::uint64_t>(batch), streamlines - done);
            const std::uint64_t first = next;
            for (std::uint64_t s = 0; s < n; ++s) {
                const std::uint64_t end = done + s + 1 == streamlines && !sentinel_ ? vertices_ : read_offset();
                if (end < next || end > vertices_) damaged(fmt::format("its streamline {} would have vertices {} to {} of {}", done + s, next, end, vertices_));
                pending.offsets.push_back(end - first);
                next = end;
            }
            read_batch(pending, n, next - first, done);
            sink.append(pending.view());
            done += n;
        }
        if (next != vertices_) damaged(fmt::format("its streamlines have {} of its {} vertices", next, vertices_));
    }

  private:
    [[noreturn]] void damaged(const std::string& why) const { throw InputError(fmt::format("{} is damaged ({}); copy or write it again", path_, why)); }
    [[noreturn]] void missing(const std::string& what) const { throw InputError(fmt::format("{} is not a .trx tractogram (it has no {}); write it again", path_, what)); }

    void read_header() {
        const auto& entries = archive_.entries();
        const auto entry = std::find_if(entries.begin(), entries.end(), [](const ZipEntry& e) { return e.name == "header.json"; });
        if (entry == entries.end()) missing("header.json");
        if (entry->bytes > 1 << 24) damaged(fmt::format("its header.json has {} bytes", entry->bytes));
        std::string text(static_cast<std::size_t>(entry->bytes), '\0');
        archive_.open(*entry)->read(text.data(), text.size());
        try {
            const auto json = nlohmann::json::parse(text);
            const auto count = [&](const char* key) {
                const auto& value = json.at(key);
                if (!value.is_number_integer() || value.get<std::int64_t>() < 0) damaged(fmt::format("{} of its header.json is {}", key, value.dump()));
                return value.get<std::int64_t>();
            };
            info_.streamlines = count("NB_STREAMLINES");
            vertices_ = static_cast<std::uint64_t>(count("NB_VERTICES"));
            Grid grid;
            const auto& size = json.at("DIMENSIONS");
            const auto& rows = json.at("VOXEL_TO_RASMM");
            for (std::size_t i = 0; i < 3; ++i) {
                grid.size[i] = size.at(i).get<std::int64_t>();
                for (std::size_t j = 0; j < 3; ++j) grid.voxel_to_world.linear[i][j] = rows.at(i).at(j).get<double>();
                grid.voxel_to_world.offset[i] = rows.at(i).at(3).get<double>();
            }
            const double det = determinant(grid.voxel_to_world);
            if (std::isfinite(det) && det != 0 && std::min({grid.size[0], grid.size[1], grid.size[2]}) > 0) info_.grid = grid;
            if (json.contains("PROPERTIES"))
                for (const auto& [key, value] : json.at("PROPERTIES").items()) info_.properties[key] = value.get<std::string>();
        } catch (const nlohmann::json::exception& error) {
            damaged(fmt::format("its header.json cannot be read: {}", error.what()));
        }
    }

    /// Rows of an array by its size in bytes.
    std::uint64_t rows_of(const ZipEntry& entry, const ArrayName& array) const {
        const auto row = static_cast<std::int64_t>(size_of(array.type)) * array.columns;
        if (entry.bytes % row != 0) damaged(fmt::format("its array {} has {} bytes, which are no whole rows", entry.name, entry.bytes));
        return static_cast<std::uint64_t>(entry.bytes / row);
    }

    Column open(const ZipEntry& entry, const ArrayName& array, std::uint64_t rows) const {
        if (const auto has = rows_of(entry, array); has != rows) damaged(fmt::format("its array {} has {} rows instead of {}", entry.name, has, rows));
        return {archive_.open(entry), array.type, static_cast<std::size_t>(array.columns)};
    }

    /// Where each streamline begins. Newer files end with the number of vertices, older ones lack that. There are also files whose header counts one
    /// streamline too few because the writer took the missing sentinel for granted: there the last offset is that of one more streamline.
    void take_offsets(const ZipEntry& entry) {
        const auto parsed = parse_name(entry.name);
        if (!parsed || !parsed->folder.empty() || parsed->name != "offsets") return;
        if (offsets_.stream || parsed->columns != 1 || (parsed->type != DataType::uint32 && parsed->type != DataType::uint64 && parsed->type != DataType::int64))
            damaged(fmt::format("its array {} is not of uint32 or uint64, or not the only one", entry.name));
        const auto promised = static_cast<std::uint64_t>(*info_.streamlines);
        const std::uint64_t rows = rows_of(entry, *parsed);
        offsets_ = open(entry, *parsed, rows == promised ? promised : promised + 1);
        sentinel_ = rows == promised + 1;
        if (!sentinel_) return;
        std::uint64_t last = 0;
        for (std::uint64_t i = 0; i < rows; ++i) last = read_offset();
        offsets_ = open(entry, *parsed, rows);
        if (last == vertices_ || promised == 0) return;
        sentinel_ = false;
        info_.streamlines = static_cast<std::int64_t>(rows);
    }

    void take(const ZipEntry& entry) {
        const auto parsed = parse_name(entry.name);
        if (!parsed) return;  // header.json, and what later versions of the format may bring
        const auto& [folder, name, columns, type] = *parsed;
        const bool is_float = type == DataType::float16 || type == DataType::float32 || type == DataType::float64;
        const auto streamlines = static_cast<std::uint64_t>(*info_.streamlines);
        if (folder.empty() && name == "positions") {
            if (positions_.stream || columns != 3 || !is_float) damaged(fmt::format("its array {} is not (n, 3) of a floating-point type, or not the only one", entry.name));
            positions_ = open(entry, *parsed, vertices_);
        } else if (folder == "dps") {
            info_.per_streamline.push_back({name, columns, type});
            per_streamline_.push_back(open(entry, *parsed, streamlines));
        } else if (folder == "dpv") {
            info_.per_vertex.push_back({name, columns, type});
            per_vertex_.push_back(open(entry, *parsed, vertices_));
        } else if (folder == "groups") {
            StreamlineGroup group{name, {}, {}};
            open(entry, *parsed, rows_of(entry, *parsed)).read(rows_of(entry, *parsed), [&](double id) {
                if (!(id >= 0 && id < static_cast<double>(streamlines))) damaged(fmt::format("its group {} has a streamline {} of {}", group.name, id, streamlines));
                group.members.push_back(static_cast<std::uint32_t>(id));
            });
            info_.groups.push_back(std::move(group));
        } else if (folder.starts_with("dpg/")) {
            DataArray array{{name, columns, type}, {}};
            open(entry, *parsed, 1).read(1, [&](double value) { array.values.push_back(value); });
            group_data_.emplace_back(folder.substr(4), std::move(array));
        }
    }

    void sort_fields(std::vector<DataField>& fields, std::vector<Column>& columns) const {
        std::vector<std::size_t> order(fields.size());
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
        std::sort(order.begin(), order.end(), [&](auto a, auto b) { return fields[a].name < fields[b].name; });
        std::vector<DataField> sorted_fields;
        std::vector<Column> sorted;
        for (const auto i : order) {
            if (!sorted_fields.empty() && sorted_fields.back().name == fields[i].name) damaged(fmt::format("it has two arrays of data '{}'", fields[i].name));
            sorted_fields.push_back(fields[i]);
            sorted.push_back(std::move(columns[i]));
        }
        fields = std::move(sorted_fields);
        columns = std::move(sorted);
    }

    std::uint64_t read_offset() {
        std::uint64_t offset = 0;
        if (size_of(offsets_.type) == 8) {
            offsets_.stream->read(&offset, 8);
        } else {
            std::uint32_t narrow = 0;
            offsets_.stream->read(&narrow, 4);
            offset = narrow;
        }
        return offset;
    }

    void read_batch(Tractogram& batch, std::uint64_t streamlines, std::uint64_t vertices, std::uint64_t first) {
        bool finite = true;
        const auto take_position = [&](double value) {
            finite = finite && std::abs(value) <= static_cast<double>(std::numeric_limits<float>::max());
            batch.positions.push_back(static_cast<float>(value));
        };
        positions_.read(vertices, take_position);
        if (!finite)
            throw InputError(fmt::format("a streamline of {} among {} to {} has a vertex that is not finite; write the tractogram again", path_, first, first + streamlines - 1));
        for (std::size_t i = 0; i < per_streamline_.size(); ++i)
            per_streamline_[i].read(streamlines, [&](double value) { batch.per_streamline[i].values.push_back(value); });
        for (std::size_t i = 0; i < per_vertex_.size(); ++i) per_vertex_[i].read(vertices, [&](double value) { batch.per_vertex[i].values.push_back(value); });
    }

    std::string path_;
    ZipArchive archive_;
    std::uint64_t vertices_ = 0;
    bool sentinel_ = false;
    Column positions_{{}, DataType::float32, 3}, offsets_{{}, DataType::uint64, 1};
    std::vector<Column> per_streamline_, per_vertex_;
    std::vector<std::pair<std::string, DataArray>> group_data_;
};

}  // namespace

Reader open_trx(const std::string& path) { return std::make_unique<TrxReader>(path); }

}  // namespace arcuate::io
