// Connectomes and other tables as text, and one HDF5 file per session.
#pragma once

#include "arcuate/core/affine.hpp"
#include "arcuate/core/connectome.hpp"
#include "arcuate/core/provenance.hpp"

#include <string>
#include <vector>

namespace arcuate::io {

/// A matrix with labelled rows and columns: .tsv or .csv by extension; first row and column are node names; full symmetric matrix;
/// numbers round-trip; NaN is written n/a (BIDS).
void write_matrix(const std::string& path, const std::vector<std::string>& labels, const std::vector<double>& matrix, bool overwrite);

/// Reads what write_matrix writes, and plain unlabelled matrices (labels then empty) separated by tabs, commas or spaces.
struct LabelledMatrix {
    std::vector<std::string> labels;
    std::vector<double> values;  ///< (n, n)
    std::int64_t size = 0;       ///< n
};
LabelledMatrix read_matrix(const std::string& path);

/// Points, one per line: three numbers separated by spaces, commas or tabs [mm]; lines that start with # are skipped.
std::vector<Vec3d> read_points(const std::string& path);

/// A table of text cells; the first row is the header. Separator by extension (.tsv, .csv).
using Table = std::vector<std::vector<std::string>>;
Table read_table(const std::string& path);
void write_table(const std::string& path, const Table& table, bool overwrite);
/// Shortest text that reads back as the same double; "n/a" for NaN.
std::string number(double value);

/// Reads label names for a parcellation from a BIDS dseg.tsv (columns index, name) into `parcellation.nodes`. Regions that the table names and
/// the image lacks are added with 0 voxels and a centre of NaN; index 0 is background; an unnamed label in the image is an error.
void read_node_names(const std::string& path, Parcellation& parcellation);

/// Rows of numbers from a text file such as a response function: separated by blanks, # begins a comment. Rows may differ in length.
std::vector<std::vector<double>> read_numbers(const std::string& path);

/// One session's connectome as HDF5 (layout in ARCHITECTURE.md and at the top of src/io/connectome_hdf5.cpp). No timestamps: the same
/// connectome gives the same bytes.
void write_connectome(const std::string& path, const Connectome& connectome, const Provenance& provenance, bool overwrite);
Connectome read_connectome(const std::string& path);

}  // namespace arcuate::io
