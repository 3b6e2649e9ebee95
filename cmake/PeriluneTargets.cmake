# Flags and helpers that every target of the project shares.

add_library(perilune_flags INTERFACE)
target_include_directories(perilune_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(perilune_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Wcast-qual -Werror
  -fno-omit-frame-pointer $<$<NOT:$<CONFIG:Debug>>:-O2>)
# A mistake in here should end the program instead of handing it over: it reads packets and captures of strangers, and may
# run as root. tests/cli looks whether the program has all of it.
include(CheckPIESupported)
check_pie_supported(LANGUAGES C CXX)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
target_compile_options(perilune_flags INTERFACE -fstack-protector-strong)
target_link_options(perilune_flags INTERFACE -Wl,-z,relro -Wl,-z,now)
if(NOT PERILUNE_ASAN AND NOT PERILUNE_FUZZ)  # the sanitizers check more, and do not know the checked functions
  target_compile_options(perilune_flags INTERFACE
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
endif()
if(PERILUNE_ASAN)
  target_compile_options(perilune_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_link_options(perilune_flags INTERFACE -fsanitize=address,undefined)
endif()
if(PERILUNE_FUZZ)
  target_compile_options(perilune_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  target_link_options(perilune_flags INTERFACE -fsanitize=address,undefined)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these on inlined standard library code.
  target_compile_options(perilune_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()

# perilune_library(NAME LIBS...): every .cpp of the current folder (and its subfolders) as a static library.
function(perilune_library name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC perilune_flags ${ARGN})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  if(PERILUNE_COVERAGE AND name MATCHES "^perilune_(ir|compiler)$")
    # Unoptimised, since functions that are inlined early would not be counted. Options of sources follow the target's.
    set_source_files_properties(${sources} PROPERTIES COMPILE_OPTIONS "-O0;--coverage")
    target_link_options(${name} PUBLIC --coverage)
  endif()
endfunction()
