// Linear transforms of other programs, each with its own idea of frame and direction; here all of them become one thing: the motion of an image's
// points, scanner RAS+ of the image -> scanner RAS+ of the space it is brought to [mm].
#pragma once

#include "arcuate/core/image.hpp"

#include <optional>
#include <string>

namespace arcuate::io {

enum class TransformFormat {
    automatic,  ///< ITK by what is in the file, FLIRT for other .mat files, MRtrix for the rest
    mrtrix,     ///< a 3x4 or 4x4 matrix that takes points of the target to points of the image (as `mrtransform -linear` has it), scanner RAS+
    itk,        ///< text (.tfm, .txt) or binary (.mat) of ITK and ANTs: points of the fixed image to points of the moving one, LPS+
    flirt,      ///< FSL's 4x4 matrix: from the input image's to the reference's millimetres, each counted from its corner
    motion      ///< a 3x4 or 4x4 matrix that is the motion itself, scanner RAS+
};

/// "auto", "mrtrix", "itk", "flirt" or "motion"; InputError for another word.
TransformFormat transform_format(const std::string& name);

/// `image` and `reference` are the grids that FLIRT's matrix was found for; the others need neither. Affine, Euler, versor and translation
/// transforms of ITK are read, one per file. Throws InputError where the file is none of these, has no inverse, or lacks a grid.
Affine read_transform(const std::string& path, TransformFormat format = TransformFormat::automatic, const std::optional<Grid>& image = {}, const std::optional<Grid>& reference = {});

/// As MRtrix's matrix, or as ITK's text where the name ends in .tfm.
void write_transform(const std::string& path, const Affine& motion, bool overwrite);

}  // namespace arcuate::io
