# What the scripts of this folder share. The program runs in ${PLACE}, which is empty to begin with; outputs that must not be there in the end have names that begin with x.
file(REMOVE_RECURSE ${PLACE})
file(MAKE_DIRECTORY ${PLACE})

# Sets `device`: the processor, where the arguments name no device.
function(choose_device)
  list(FIND ARGN --device given)
  set(device PARENT_SCOPE)
  if(given EQUAL -1)
    set(device --device cpu PARENT_SCOPE)
  endif()
endfunction()

# arcuate(<argument>...): ends well; its words on standard error are in `words`.
function(arcuate)
  choose_device(${ARGN})
  execute_process(COMMAND ${ARCUATE} ${ARGN} ${device} --quiet WORKING_DIRECTORY ${PLACE} RESULT_VARIABLE result ERROR_VARIABLE words)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "arcuate ${ARGN} ended with ${result}: ${words}")
  endif()
  set(words "${words}" PARENT_SCOPE)
endfunction()

# refuses(<words of the error, a regular expression> <argument>...): ends with 1 and leaves nothing.
function(refuses why)
  choose_device(${ARGN})
  execute_process(COMMAND ${ARCUATE} ${ARGN} ${device} --quiet WORKING_DIRECTORY ${PLACE} RESULT_VARIABLE result ERROR_VARIABLE words)
  if(NOT result EQUAL 1 OR NOT words MATCHES "${why}")
    message(FATAL_ERROR "arcuate ${ARGN} ended with ${result} and not for '${why}': ${words}")
  endif()
  file(GLOB left ${PLACE}/x*)
  if(left)
    message(FATAL_ERROR "arcuate ${ARGN} left ${left} behind")
  endif()
endfunction()

# same_file(<file> <file>): in ${PLACE}, byte for byte.
function(same_file first second)
  execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files ${PLACE}/${first} ${PLACE}/${second} RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${first} and ${second} differ")
  endif()
endfunction()
