// What a tractogram is like: how many, how long, where.
#pragma once

#include "arcuate/core/affine.hpp"
#include "arcuate/core/tractogram.hpp"

#include <vector>

namespace arcuate::tract {

/// Memory does not grow with the number of streamlines: the median comes from a histogram with bins of 0.01 mm up to 2 m.
class Statistics : public StreamlineSink {
  public:
    void append(const TractogramView& streamlines) override;

    std::int64_t streamlines = 0, vertices = 0, segments = 0;
    std::int64_t empty = 0;  ///< streamlines of fewer than two vertices, among the others
    double sum_mm = 0, min_mm = 0, max_mm = 0;   ///< lengths
    double min_step_mm = 0, max_step_mm = 0;     ///< between neighbouring vertices
    Vec3d low{}, high{};                         ///< bounding box of the vertices, scanner RAS+ [mm]

    double mean_mm() const { return streamlines > 0 ? sum_mm / static_cast<double>(streamlines) : 0; }
    double mean_step_mm() const { return segments > 0 ? sum_mm / static_cast<double>(segments) : 0; }
    /// To 0.01 mm; the lower of the two in the middle of an even number.
    double median_mm() const;

  private:
    std::vector<std::int64_t> histogram_;
};

}  // namespace arcuate::tract
