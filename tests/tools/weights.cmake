# arcuate weights: the same bytes with lengths kept or found again, tissues, the estimate in one pass, coefficients to begin with, and one sentence for each kind of bad input.
include(${CMAKE_CURRENT_LIST_DIR}/program.cmake)

arcuate(phantom ${PLACE}/brain --preset brain --voxel-size 5)
set(truth ${PLACE}/brain/derivatives/truth)
set(fod ${truth}/fod.nii.gz)
set(tissues ${truth}/5tt.nii.gz)
arcuate(track ${fod} ${PLACE}/tracks.trx --seed-image ${truth}/white_mask.nii.gz --select 300)
set(w weights ${PLACE}/tracks.trx ${fod})

# As much memory as there is, enough for some streamlines, none.
arcuate(${w} ${PLACE}/kept.txt --csv ${PLACE}/kept.csv --out-coeffs ${PLACE}/coeffs.txt --out-mu ${PLACE}/mu.txt --out-fixels ${PLACE}/fixels --act ${tissues} --fd-scale-gm)
foreach(memory 5K 0)
  arcuate(${w} ${PLACE}/again.txt --csv ${PLACE}/again.csv --act ${tissues} --fd-scale-gm --memory ${memory} --chunk 20 --force)
  same_file(kept.txt again.txt)
  same_file(kept.csv again.csv)
endforeach()
# What was found is where a fit that takes no step begins and ends.
arcuate(${w} ${PLACE}/begun.txt --in-coeffs ${PLACE}/coeffs.txt --max-iters 1 --max-coeff-step 1e-30 --act ${tissues} --fd-scale-gm)
same_file(kept.txt begun.txt)
arcuate(${w} ${PLACE}/linear.txt --linear)
file(STRINGS ${PLACE}/linear.txt lines)
list(LENGTH lines count)
if(NOT count EQUAL 300)
  message(FATAL_ERROR "${count} weights for 300 streamlines")
endif()

file(WRITE ${PLACE}/two.txt "0\n0\n")
refuses("add --act 5TT" ${w} ${PLACE}/x.txt --fd-scale-gm)
refuses("has 45 volumes instead of 5" ${w} ${PLACE}/x.txt --act ${fod})
refuses("2 coefficients to begin with and 300 streamlines" ${w} ${PLACE}/x.txt --in-coeffs ${PLACE}/two.txt)
refuses("has 5 volumes" ${w} ${PLACE}/x.txt --proc-mask ${tissues})
refuses("is below 0" ${w} ${PLACE}/x.txt --min-factor -1)
refuses("exists already" ${w} ${PLACE}/kept.txt)
