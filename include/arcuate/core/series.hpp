// A diffusion-weighted series as it was measured: values in the type they are stored in, so that a scanner's 16-bit integers take two bytes each.
#pragma once

#include "arcuate/core/image.hpp"

#include <cstddef>
#include <memory>
#include <utility>

namespace arcuate {

/// Bytes whose pages are large where the system has such: a whole series is written once, and the faults of small pages cost as much as inflating it.
std::shared_ptr<std::byte> allocate_series(std::size_t bytes);

/// Volumes on one grid; x runs fastest, then y, z, volume. Copies share the values, which nobody changes.
class Series {
  public:
    enum class Type { uint8, int8, uint16, int16, float32 };

    Grid grid;
    std::int64_t volumes = 0;

    Series() = default;
    /// A view of the image, which must stay.
    Series(const ScalarImage& image) : Series(image.grid, image.volumes, Type::float32, 1, 0, {std::shared_ptr<const void>(), image.data.data()}) {}
    Series(ScalarImage&& image) : grid(image.grid), volumes(image.volumes) {
        const auto owner = std::make_shared<const std::vector<float>>(std::move(image.data));
        values_ = {owner, owner->data()};
    }
    /// value = slope * stored + intercept; `values`: (volumes, z, y, x) of the type.
    Series(const Grid& on, std::int64_t n_volumes, Type type, double slope, double intercept, std::shared_ptr<const void> values)
        : grid(on), volumes(n_volumes), type_(type), slope_(slope), intercept_(intercept), values_(std::move(values)) {}

    Type type() const { return type_; }

    /// Calls use(read), where read(voxel, volume) is a value; the type is looked at once.
    template <class Use>
    void visit(const Use& use) const {
        switch (type_) {
            case Type::uint8: return visit_as<std::uint8_t>(use);
            case Type::int8: return visit_as<std::int8_t>(use);
            case Type::uint16: return visit_as<std::uint16_t>(use);
            case Type::int16: return visit_as<std::int16_t>(use);
            case Type::float32: return visit_as<float>(use);
        }
    }
    /// One value; for many, visit().
    float at(std::int64_t voxel, std::int64_t volume) const {
        float value = 0;
        visit([&](const auto& read) { value = read(voxel, volume); });
        return value;
    }

  private:
    template <class T, class Use>
    void visit_as(const Use& use) const {
        const auto* const stored = static_cast<const T*>(values_.get());
        const std::int64_t stride = grid.voxels();
        if (slope_ == 1 && intercept_ == 0)
            use([=](std::int64_t voxel, std::int64_t volume) { return static_cast<float>(stored[voxel + stride * volume]); });
        else
            use([=, slope = slope_, intercept = intercept_](std::int64_t voxel, std::int64_t volume) {
                return static_cast<float>(slope * static_cast<double>(stored[voxel + stride * volume]) + intercept);
            });
    }

    Type type_ = Type::float32;
    double slope_ = 1, intercept_ = 0;
    std::shared_ptr<const void> values_;
};

}  // namespace arcuate
