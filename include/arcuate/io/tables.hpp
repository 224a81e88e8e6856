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

/// Names a parcellation's nodes from tables: a BIDS dseg.tsv (columns index, name), or look-up tables as FreeSurfer's and MRtrix's. Regions that a
/// dseg.tsv names and the image lacks are added with 0 voxels and a centre of NaN; a look-up table names more than one image can hold. Index 0 is
/// background. Throws InputError for a label without a name and for tables that disagree.
void read_node_names(const std::vector<std::string>& paths, Parcellation& parcellation);

/// Rows of numbers from a text file such as a response function: separated by blanks or commas, # begins a comment. Rows may differ in length.
std::vector<std::vector<double>> read_numbers(const std::string& path);

/// A matrix as MRtrix3's tck2connectome writes it: numbers alone, a row for every label from 1 to the largest (from 0 where that is a node), the upper
/// triangle unless `symmetric`, zeros elsewhere and where undefined. Separated by commas in a .csv, by blanks in other files.
void write_mrtrix_matrix(const std::string& path, const std::vector<Node>& nodes, const std::vector<double>& matrix, bool symmetric, bool overwrite);

/// The same of a vector: one value per label, in one line.
void write_mrtrix_vector(const std::string& path, const std::vector<Node>& nodes, const std::vector<double>& values, bool overwrite);

/// A vector as .tsv or .csv: a row per region, columns index, name and every metric; NaN is written n/a.
void write_vector(const std::string& path, const Connectome& connectome, bool overwrite);

/// Columns index, name, hemisphere (L, R, n/a), x, y, z (centre, scanner RAS+ [mm]), voxels, volume [mm3] as .tsv or .csv.
void write_node_table(const std::string& path, const std::vector<Node>& nodes, double voxel_mm3, bool overwrite);

/// Nodes with their labels, names and centres, and every pair that a streamline connects with all metrics that are defined there. networkx, igraph,
/// Gephi and Cytoscape read it.
void write_graphml(const std::string& path, const Connectome& connectome, bool overwrite);

/// A connectome that the NiiVue viewer draws (.jcon): nodes at their centres, coloured by their sums; edges coloured by the metric.
void write_niivue(const std::string& path, const Connectome& connectome, const std::string& metric, bool overwrite);

/// One session's connectome as HDF5 (layout in docs/connectome_hdf5.md). No timestamps: the same
/// connectome gives the same bytes.
void write_connectome(const std::string& path, const Connectome& connectome, const Provenance& provenance, bool overwrite);
Connectome read_connectome(const std::string& path);

}  // namespace arcuate::io
