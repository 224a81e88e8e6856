#include "weights/fixel_lengths.hpp"

#include "arcuate/core/error.hpp"
#include "backend/launch.hpp"
#include "backend/to_kernel.hpp"
#include "backend/vertices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>

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

FixelLengths::Impl::Impl(const Fixels& fixels, const Device& on, std::int64_t chunk_size, std::int64_t at_most)
    : device(on), chunk(std::max<std::int64_t>(1, chunk_size)), memory(at_most), lookup(fixels, on) {
    const auto n = static_cast<std::uint64_t>(fixels.size());
    if (n > 1u << 24)
        throw InputError(fmt::format("the FOD image has {} fixels (at most 2^24 can be told apart); use a tighter mask or a coarser image", n));
    // Four diagonals of a voxel in one fixel is more than any streamline goes.
    const auto sizes = voxel_sizes(fixels.grid.voxel_to_world);
    const double diagonal = std::sqrt(sizes[0] * sizes[0] + sizes[1] * sizes[1] + sizes[2] * sizes[2]);
    code.length_bits = std::min(16, 32 - static_cast<int>(std::bit_width(std::max<std::uint64_t>(n, 2) - 1)));
    code.quantum_mm = static_cast<float>(4 * diagonal / code.largest());
    units = Buffer<std::int64_t>::zeros(device, n);
}

FixelLengths::Impl::Chunk FixelLengths::Impl::find(const TractogramView& all, std::int64_t begin, std::int64_t end, std::int64_t first) const {
    const auto n = static_cast<std::size_t>(end - begin);
    const auto offsets_here = all.offsets.subspan(static_cast<std::size_t>(begin), n + 1);
    const auto first_vertex = offsets_here.front();
    const VerticesOnDevice positions(device, all, first_vertex, offsets_here.back());
    const Buffer<std::uint64_t> offsets(device, offsets_here);

    Buffer<std::uint32_t> bounds(device, n);
    launch(device, end - begin, kernels::BoundFixels{positions.data(), offsets.data(), first_vertex, lookup.walk(), bounds.data()});
    auto counted = bounds.to_host();
    std::vector<std::uint64_t> slots{0};
    for (const auto bound : counted) slots.push_back(slots.back() + bound);

    const Buffer<std::uint64_t> device_slots(device, slots);
    Buffer<std::uint32_t> loose(device, slots.back());
    launch(device, end - begin,
           kernels::FindFixels{positions.data(), offsets.data(), first_vertex, lookup.walk(), lookup.lookup(), code, device_slots.data(), loose.data(), bounds.data()});
    bounds.download(counted);
    std::vector<std::uint32_t> packed{0};
    for (const auto count : counted) packed.push_back(packed.back() + count);

    Chunk made{first, end - begin, Buffer(device, packed), Buffer<std::uint32_t>(device, packed.back())};
    launch(device, end - begin, kernels::PackFixels{device_slots.data(), loose.data(), made.packed.data(), made.words.data()}, 1024);
    return made;
}

void FixelLengths::Impl::add(Chunk made) {
    launch(device, made.size, kernels::SumLengths{made.packed.data(), made.words.data(), code, units.data()}, 1024);
    const bool all_kept = kept_streamlines == streamlines;
    streamlines += made.size;
    pairs += static_cast<std::int64_t>(made.words.size());
    if (!all_kept || made.bytes() > memory - kept_bytes) return;
    kept_streamlines += made.size;
    kept_bytes += made.bytes();
    kept.push_back(std::move(made));
}

namespace {

/// Passes chunks of the streamlines from number `from` on.
class Finder : public StreamlineSink {
  public:
    Finder(const FixelLengths::Impl& lengths, std::int64_t from, const FixelLengths::Impl::Visit& visit) : lengths_(lengths), from_(from), visit_(visit) {}
    void append(const TractogramView& all) override {
        for (auto begin = std::max<std::int64_t>(0, from_ - seen_); begin < all.size(); begin += lengths_.chunk) {
            const auto end = std::min(all.size(), begin + lengths_.chunk);
            if (seen_ + end <= lengths_.streamlines) visit_(lengths_.find(all, begin, end, seen_ + begin));
        }
        seen_ += all.size();
    }
    const Device* reads_on() const override { return &lengths_.device; }
    std::int64_t seen() const { return seen_; }

  private:
    const FixelLengths::Impl& lengths_;
    std::int64_t from_, seen_ = 0;
    const FixelLengths::Impl::Visit& visit_;
};

}  // namespace

void FixelLengths::Impl::for_each(const StreamlineSource& again, const Visit& visit) const {
    for (const auto& chunk_kept : kept) visit(chunk_kept);
    if (kept_streamlines == streamlines) return;
    if (!again) throw std::logic_error("the lengths of some streamlines in fixels are not kept, and nothing gives the streamlines again");
    Finder finder(*this, kept_streamlines, visit);
    again(finder);
    if (finder.seen() != streamlines)
        throw InputError(fmt::format("there were {} streamlines and there are {} when they are read again (something else writes the tractogram); leave it alone meanwhile",
                                     streamlines, finder.seen()));
}

FixelLengths::FixelLengths(const Fixels& fixels, const Device& device, std::int64_t chunk, std::int64_t memory)
    : impl_(std::make_unique<Impl>(fixels, device, chunk, memory)) {}
FixelLengths::~FixelLengths() = default;

void FixelLengths::append(const TractogramView& streamlines) {
    auto& s = *impl_;
    for (std::int64_t begin = 0; begin < streamlines.size(); begin += s.chunk)
        s.add(s.find(streamlines, begin, std::min(streamlines.size(), begin + s.chunk), s.streamlines));
}

const Device* FixelLengths::reads_on() const { return &impl_->device; }

std::int64_t FixelLengths::streamlines() const { return impl_->streamlines; }
std::int64_t FixelLengths::kept() const { return impl_->kept_streamlines; }
std::int64_t FixelLengths::pairs() const { return impl_->pairs; }
std::int64_t FixelLengths::bytes() const { return impl_->kept_bytes; }

std::vector<double> FixelLengths::track_density() const {
    std::vector<double> out;
    for (const auto sum : impl_->units.to_host()) out.push_back(static_cast<double>(sum) * static_cast<double>(impl_->code.quantum_mm));
    return out;
}

std::vector<std::int64_t> FixelLengths::sums() const { return impl_->units.to_host(); }
void FixelLengths::go_on_from(std::span<const std::int64_t> sums) { impl_->units.upload(sums); }

}  // namespace arcuate::weights
