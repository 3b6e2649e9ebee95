/* Script errors by site, counted behind the slot's header: PL_ERROR_COUNTS numbers of 64 bits that only ever grow. The
 * last one counts all sites from there on. Plain C, for the runtime and for who reads the counts.
 */
#ifndef PERILUNE_BPF_RUNTIME_ERROR_COUNTS_H
#define PERILUNE_BPF_RUNTIME_ERROR_COUNTS_H

#define PL_ERROR_COUNTS 32 /* a power of two */
#define PL_ERROR_COUNTS_AT 0x300u

#endif
