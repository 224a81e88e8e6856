// A threshold between two classes of values.
#pragma once

#include <vector>

namespace arcuate::dwi {

/// The value that the lower class does not exceed, where the variance between the classes is largest among all splits (Otsu 1979, IEEE Trans Syst
/// Man Cybern 9:62, on the values themselves rather than a histogram). That is also the threshold whose mask correlates best with the values
/// (Ridgway et al. 2009, NeuroImage 44:99), which MRtrix3's mrthreshold searches. The largest value where all are equal.
double otsu_threshold(std::vector<double> values);

/// The middle value, or the mean of both; of at least one.
double median(std::vector<double> values);

}  // namespace arcuate::dwi
