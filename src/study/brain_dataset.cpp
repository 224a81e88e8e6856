#include "arcuate/study/brain_dataset.hpp"

#include "arcuate/core/provenance.hpp"
#include "arcuate/io/files.hpp"
#include "arcuate/io/nifti.hpp"
#include "study/phantom_folder.hpp"

#include <fmt/format.h>

namespace arcuate::study {

phantom::Brain write_brain_dataset(const std::string& folder, const phantom::BrainOptions& options, bool overwrite, const Device& device) {
    PhantomFolder out(folder, overwrite);
    auto brain = phantom::make_brain(options, device);
    const std::string truth = "derivatives/truth/";
    io::write_image(out.file(truth + "fod.nii.gz"), brain.fod, false);
    io::write_image(out.file(truth + "5tt.nii.gz"), brain.tissues, false);
    io::write_mask(out.file(truth + "white_mask.nii.gz"), brain.white, false);
    io::write_mask(out.file(truth + "border_mask.nii.gz"), brain.border, false);
    out.describe(truth, "Truth of the Arcuate phantom");
    io::write_text(out.file(truth + "README"),
                   "fod.nii.gz          fibre orientations: spherical harmonics of lmax 8 (45 volumes), integral 1 in white matter\n"
                   "5tt.nii.gz          shares of cortical grey, deep grey, white matter, fluid and pathology, for anatomical constraints\n"
                   "white_mask.nii.gz   voxels at least half white matter: seeds\n"
                   "border_mask.nii.gz  voxels that hold grey and white matter: seeds on the interface\n",
                   false);
    out.write_mask_and_nodes("sub-01/ses-01/dwi/sub-01_ses-01_", brain.mask, brain.parcellation);
    io::write_text(out.file("README"),
                   fmt::format("A whole brain of known fibres, made by Arcuate {}: voxels of {} mm, {} nodes, no diffusion signal.\n"
                               "Fibre orientations, tissues and masks for seeds are in derivatives/truth.\n",
                               version(), options.voxel_size, brain.parcellation.nodes.size()),
                   false);
    out.commit();
    return brain;
}

}  // namespace arcuate::study
