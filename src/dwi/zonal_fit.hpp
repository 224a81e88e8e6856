// The response function as a zonal series fitted to signals at known angles from the fibre.
#pragma once

#include "arcuate/dwi/response.hpp"
#include "dwi/dense.hpp"

namespace arcuate::dwi {

/// Normal equations of amplitude = sum_l r_l Y_l0(angle), filled sample by sample.
class ZonalFit {
  public:
    explicit ZonalFit(int lmax);

    /// One measured amplitude at an angle from the fibre, given by its cosine.
    void add(double cosine, double amplitude);

    /// The series that fits best among those that are nowhere negative and never fall from the fibre's direction to the plane across it
    /// (both held at every degree). Throws InputError where the samples do not determine it.
    Response solve() const;
    /// The same without constraints.
    Response solve_unconstrained() const;

  private:
    Matrix factor() const;
    Matrix normal_, rhs_;
};

}  // namespace arcuate::dwi
