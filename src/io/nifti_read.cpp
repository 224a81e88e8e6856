// Voxels: read in blocks, brought into this machine's byte order, scaled and converted.
#include "arcuate/core/error.hpp"
#include "arcuate/io/nifti.hpp"

#include "arcuate/io/threads.hpp"
#include "gz_source.hpp"
#include "nifti_header.hpp"

#include <fmt/format.h>
#include <nifti2_io.h>
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <vector>

namespace arcuate::io {

namespace {

std::string place(const Grid& grid, std::int64_t index) {
    const std::int64_t voxel = index % grid.voxels();
    return fmt::format("voxel ({}, {}, {})", voxel % grid.size[0], voxel / grid.size[0] % grid.size[1], voxel / (grid.size[0] * grid.size[1]));
}

[[noreturn]] void truncated(const NiftiHeader& header, const std::string& path) {
    throw InputError(fmt::format("{} is truncated (its header promises {} values of {} bytes, and it ends before); copy or download it again", path,
                                 header.values(), header.bytes_per_value));
}

/// A source at the first voxel.
GzSource source_of(const NiftiHeader& header, const std::string& path) {
    GzSource source(header.data_path);
    if (!source.skip_to(header.data_offset)) throw InputError(fmt::format("{} is truncated (it ends before its first voxel); copy or download it again", path));
    return source;
}

/// Reading past the last voxel makes a gzipped source do so; bytes after the voxels are nobody's.
void compare_checksum(GzSource& source) {
    char after;
    source.read_some(&after, 1);
}

/// Calls `convert(stored value, index)` for every value of type T in the file, in file order.
template <class T, class Convert>
void for_each_value(GzSource& source, const NiftiHeader& header, const std::string& path, Convert convert) {
    constexpr std::int64_t block = (1 << 20) / sizeof(T);
    std::vector<T> values(static_cast<std::size_t>(std::min(block, header.values())));
    for (std::int64_t first = 0; first < header.values(); first += block) {
        const std::int64_t n = std::min(block, header.values() - first);
        const std::size_t bytes = static_cast<std::size_t>(n) * sizeof(T);
        if (source.read_some(values.data(), bytes) != bytes) truncated(header, path);
        if (header.swapped && sizeof(T) > 1) nifti_swap_Nbytes(n, sizeof(T), values.data());
        for (std::int64_t i = 0; i < n; ++i) convert(values[static_cast<std::size_t>(i)], first + i);
    }
    compare_checksum(source);
}

template <class Convert>
void read_values(const NiftiHeader& header, const std::string& path, Convert convert) {
    GzSource source = source_of(header, path);
    switch (header.datatype) {
        case DT_UINT8: return for_each_value<std::uint8_t>(source, header, path, convert);
        case DT_INT8: return for_each_value<std::int8_t>(source, header, path, convert);
        case DT_UINT16: return for_each_value<std::uint16_t>(source, header, path, convert);
        case DT_INT16: return for_each_value<std::int16_t>(source, header, path, convert);
        case DT_UINT32: return for_each_value<std::uint32_t>(source, header, path, convert);
        case DT_INT32: return for_each_value<std::int32_t>(source, header, path, convert);
        case DT_UINT64: return for_each_value<std::uint64_t>(source, header, path, convert);
        case DT_INT64: return for_each_value<std::int64_t>(source, header, path, convert);
        case DT_FLOAT32: return for_each_value<float>(source, header, path, convert);
        case DT_FLOAT64: return for_each_value<double>(source, header, path, convert);
    }
}

NiftiHeader read_header_of_one_volume(const std::string& path, const char* what) {
    auto header = read_nifti_header(path);
    if (header.volumes != 1)
        throw InputError(fmt::format("{} has {} volumes ({} is one 3-D volume); give one of them", path, header.volumes, what));
    return header;
}

/// Types that a Series keeps as they are; others become float.
std::optional<Series::Type> series_type(int datatype) {
    switch (datatype) {
        case DT_UINT8: return Series::Type::uint8;
        case DT_INT8: return Series::Type::int8;
        case DT_UINT16: return Series::Type::uint16;
        case DT_INT16: return Series::Type::int16;
        case DT_FLOAT32: return Series::Type::float32;
        default: return {};
    }
}

/// While it lives, a thread asks the system for the pages of a large block in order, ahead of the one that fills it: a page is cleared before it is first written, which
/// takes as long as inflating it does. Where the system cannot (Linux before 5.14), pages come as they are written.
class PagesAhead {
  public:
    PagesAhead(std::byte* memory, std::size_t bytes) {
#ifdef MADV_POPULATE_WRITE
        constexpr std::size_t piece = std::size_t{2} << 20;  // from allocate_series, which aligns to it
        if (threads() > 1 && bytes >= 16 * piece)
            thread_ = std::jthread([=](const std::stop_token& stop) {
                for (std::size_t at = 0; at + piece <= bytes && !stop.stop_requested(); at += piece)
                    if (madvise(memory + at, piece, MADV_POPULATE_WRITE) != 0) return;
            });
#else
        (void)memory, (void)bytes;
#endif
    }

  private:
    std::jthread thread_;
};

/// The values as they are stored, in this machine's byte order.
void read_stored(const NiftiHeader& header, const std::string& path, void* out) {
    GzSource source = source_of(header, path);
    const auto bytes = static_cast<std::size_t>(header.values() * header.bytes_per_value);
    if (source.read_some(out, bytes) != bytes) truncated(header, path);
    if (header.swapped && header.bytes_per_value > 1) nifti_swap_Nbytes(header.values(), header.bytes_per_value, out);
    compare_checksum(source);
}

void read_floats(const NiftiHeader& header, const std::string& path, float* out) {
    if (header.datatype == DT_FLOAT32 && !header.scaled)
        read_stored(header, path, out);
    else if (header.scaled)
        read_values(header, path, [=, slope = header.slope, intercept = header.intercept](auto value, std::int64_t i) {
            out[i] = static_cast<float>(slope * static_cast<double>(value) + intercept);
        });
    else
        read_values(header, path, [=](auto value, std::int64_t i) { out[i] = static_cast<float>(value); });
}

}  // namespace

ScalarImage read_image(const std::string& path) {
    const auto header = read_nifti_header(path);
    ScalarImage image(header.grid, header.volumes);
    read_floats(header, path, image.data.data());
    return image;
}

Series read_series(const std::string& path) {
    const auto header = read_nifti_header(path);
    const auto values = static_cast<std::size_t>(header.values());
    if (const auto type = series_type(header.datatype)) {
        const std::size_t bytes = values * static_cast<std::size_t>(header.bytes_per_value);
        const auto memory = allocate_series(bytes);
        const PagesAhead pages(memory.get(), bytes);
        read_stored(header, path, memory.get());
        return {header.grid, header.volumes, *type, header.slope, header.intercept, memory};
    }
    const auto memory = allocate_series(values * sizeof(float));
    read_floats(header, path, reinterpret_cast<float*>(memory.get()));
    return {header.grid, header.volumes, Series::Type::float32, 1, 0, memory};
}

Mask read_mask(const std::string& path) {
    const auto header = read_header_of_one_volume(path, "a mask");
    Mask mask(header.grid, 1);
    read_values(header, path, [&](auto stored, std::int64_t i) {
        const double value = header.slope * static_cast<double>(stored) + header.intercept;
        if (std::isnan(value))
            throw InputError(fmt::format("mask {} holds NaN at {} (a mask is zero outside and nonzero inside); replace NaN by 0", path,
                                         place(header.grid, i)));
        mask.data[static_cast<std::size_t>(i)] = value != 0.0;
    });
    return mask;
}

LabelImage read_labels(const std::string& path) {
    const auto header = read_header_of_one_volume(path, "a label image");
    LabelImage labels(header.grid, 1);
    constexpr auto lowest = std::numeric_limits<std::int32_t>::min(), highest = std::numeric_limits<std::int32_t>::max();
    read_values(header, path, [&](auto stored, std::int64_t i) {
        // In double, every value that fits into 32 bits is exact, and one that does not stays out of range.
        const double value = header.slope * static_cast<double>(stored) + header.intercept;
        if (!(value >= lowest && value <= highest) || value != std::floor(value))
            throw InputError(fmt::format("{} holds {} at {} (labels are whole numbers of at most 32 bits); give the parcellation "
                                         "itself, resampled by nearest neighbour",
                                         path, value, place(header.grid, i)));
        labels.data[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(value);
    });
    return labels;
}

Parcellation read_parcellation(const std::string& path) {
    const auto header = read_nifti_header(path);
    if (header.volumes == 1) return make_parcellation(read_labels(path), path);
    std::vector<VoxelShare> values;
    const std::int64_t voxels = header.grid.voxels();
    read_values(header, path, [&](auto stored, std::int64_t i) {
        const double value = header.slope * static_cast<double>(stored) + header.intercept;
        if (value != 0) values.push_back({i % voxels, static_cast<std::int32_t>(i / voxels) + 1, static_cast<float>(value)});
    });
    return make_soft_parcellation(header.grid, header.volumes, values, path);
}

}  // namespace arcuate::io
