#include "weights/fixel_lengths.hpp"

#include "arcuate/core/error.hpp"
#include "backend/launch.hpp"
#include "backend/to_kernel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace arcuate::weights {

namespace {

/// For every cell of NearestDirection's table the direction nearest to its centre.
std::vector<std::int16_t> start_table(const DirectionNet& net) {
    constexpr int cells = kernels::NearestDirection::cells;
    std::vector<std::int16_t> out;
    for (int row = 0; row < cells; ++row)
        for (int column = 0; column < cells; ++column) {
            const double x = (column + 0.5) * 2 / cells - 1, y = (row + 0.5) * 2 / cells - 1, square = x * x + y * y;
            const double z = square < 1 ? std::sqrt(1 - square) : 0;
            std::size_t best = 0;
            double largest = -1;
            for (std::size_t i = 0; i < net.directions.size(); ++i) {
                const auto& d = net.directions[i];
                const double along = std::fabs(d[0] * x + d[1] * y + d[2] * z);
                if (along > largest) {
                    largest = along;
                    best = i;
                }
            }
            out.push_back(static_cast<std::int16_t>(best));
        }
    return out;
}

}  // namespace

LookupOnDevice::LookupOnDevice(const Fixels& fixels, const Device& device)
    : first_(device, fixels.first), row_(device, fixels.lookup_row), rows_(device, fixels.lookup), neighbour_(device, fixels.net.neighbours),
      start_(device, start_table(fixels.net)) {
    std::vector<float> flat;
    for (const auto& d : fixels.net.directions)
        for (const double c : d) flat.push_back(static_cast<float>(c));
    directions_ = Buffer<float>(device, flat);
    const auto& size = fixels.grid.size;
    lookup_ = {static_cast<std::int32_t>(size[0]),
               static_cast<std::int32_t>(size[1]),
               static_cast<std::int32_t>(size[2]),
               first_.data(),
               row_.data(),
               rows_.data(),
               static_cast<std::int32_t>(fixels.row_bytes()),
               {directions_.data(), neighbour_.data(), start_.data()}};
    walk_.world_to_voxel = to_kernel(inverse(fixels.grid.voxel_to_world));
}

FixelLengths::Impl::Impl(const Fixels& fixels, const Device& on, std::int64_t chunk_size, bool only)
    : device(on), chunk(std::max<std::int64_t>(1, chunk_size)), sums_only(only), lookup(fixels, on) {
    const auto n = static_cast<std::uint64_t>(fixels.size());
    if (n > 1u << 24)
        throw InputError(fmt::format("the FOD image has {} fixels (at most 2^24 can be told apart); use a tighter mask or a coarser image", n));
    // Four diagonals of a voxel in one fixel is more than any streamline goes.
    const auto sizes = voxel_sizes(fixels.grid.voxel_to_world);
    const double diagonal = std::sqrt(sizes[0] * sizes[0] + sizes[1] * sizes[1] + sizes[2] * sizes[2]);
    code.length_bits = std::min(16, 32 - static_cast<int>(std::bit_width(std::max<std::uint64_t>(n, 2) - 1)));
    code.quantum_mm = static_cast<float>(4 * diagonal / code.largest());
    units = Buffer<std::int64_t>::zeros(device, n);
    counts = Buffer<std::int64_t>::zeros(device, n);
}

void FixelLengths::Impl::add(const TractogramView& all, std::int64_t begin, std::int64_t end) {
    const auto n = static_cast<std::size_t>(end - begin);
    const auto offsets_here = all.offsets.subspan(static_cast<std::size_t>(begin), n + 1);
    const auto first = offsets_here.front(), last = offsets_here.back();
    const Buffer<float> positions(device, all.positions.subspan(3 * first, 3 * (last - first)));
    const Buffer<std::uint64_t> offsets(device, offsets_here);

    Buffer<std::uint32_t> bounds(device, n);
    launch(device, end - begin, kernels::BoundFixels{positions.data(), offsets.data(), first, lookup.walk(), bounds.data()});
    auto counted = bounds.to_host();
    std::vector<std::uint64_t> slots{0};
    for (const auto bound : counted) slots.push_back(slots.back() + bound);

    const Buffer<std::uint64_t> device_slots(device, slots);
    Buffer<std::uint32_t> loose(device, slots.back());
    launch(device, end - begin,
           kernels::FindFixels{positions.data(), offsets.data(), first, lookup.walk(), lookup.lookup(), code, device_slots.data(), loose.data(), bounds.data()});
    bounds.download(counted);
    std::vector<std::uint32_t> packed{0};
    for (const auto count : counted) packed.push_back(packed.back() + count);

    Chunk made{streamlines, end - begin, Buffer(device, packed), Buffer<std::uint32_t>(device, packed.back())};
    launch(device, end - begin,
           kernels::PackFixels{device_slots.data(), loose.data(), made.packed.data(), code, made.words.data(), units.data(), counts.data()}, 1024);
    streamlines += end - begin;
    if (sums_only) return;
    pairs += packed.back();
    chunks.push_back(std::move(made));
}

FixelLengths::FixelLengths(const Fixels& fixels, const Device& device, std::int64_t chunk, bool sums_only)
    : impl_(std::make_unique<Impl>(fixels, device, chunk, sums_only)) {}
FixelLengths::~FixelLengths() = default;

void FixelLengths::append(const TractogramView& streamlines) {
    for (std::int64_t begin = 0; begin < streamlines.size(); begin += impl_->chunk)
        impl_->add(streamlines, begin, std::min(streamlines.size(), begin + impl_->chunk));
}

std::int64_t FixelLengths::streamlines() const { return impl_->streamlines; }
std::int64_t FixelLengths::pairs() const { return impl_->pairs; }
std::int64_t FixelLengths::bytes() const {
    return 4 * (impl_->pairs + impl_->streamlines + static_cast<std::int64_t>(impl_->chunks.size()));
}

std::vector<double> FixelLengths::track_density() const {
    std::vector<double> out;
    for (const auto sum : impl_->units.to_host()) out.push_back(static_cast<double>(sum) * static_cast<double>(impl_->code.quantum_mm));
    return out;
}

std::vector<std::int64_t> FixelLengths::sums() const { return impl_->units.to_host(); }
void FixelLengths::go_on_from(std::span<const std::int64_t> sums) { impl_->units.upload(sums); }

}  // namespace arcuate::weights
