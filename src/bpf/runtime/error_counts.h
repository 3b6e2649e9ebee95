/* Script errors by site, counted behind the slot's header: PL_ERROR_COUNTS numbers of 64 bits that only ever grow, for
 * the first PL_ERROR_SITES sites, for all later ones together, and for packets that the script broke
 * (PL_SITE_BROKEN_PACKET). Plain C, for the runtime and for who reads the counts.
 */
#ifndef PERILUNE_BPF_RUNTIME_ERROR_COUNTS_H
#define PERILUNE_BPF_RUNTIME_ERROR_COUNTS_H

#define PL_ERROR_COUNTS 32 /* a power of two */
#define PL_ERROR_SITES 30
#define PL_ERROR_COUNT_LATER 30
#define PL_ERROR_COUNT_BROKEN 31
#define PL_ERROR_COUNTS_AT 0x300u

#endif
