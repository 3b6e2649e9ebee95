/* What is remembered of a train of UDP datagrams (train.h) while its datagrams are judged, after the slot's header.
 */
#ifndef PERILUNE_BPF_RUNTIME_TRAIN_STATE_H
#define PERILUNE_BPF_RUNTIME_TRAIN_STATE_H

#include "event/slot.h"

struct pl_train {
  unsigned int left;    /* datagrams that are not judged yet, the one under judgement included; 0: this is no train */
  unsigned int size;    /* payload bytes of each but the last */
  unsigned int number;  /* of the one under judgement, from 0 */
  unsigned int end;     /* frame offset of the buffer's end */
  unsigned int verdict; /* of the train so far */
  unsigned int mark_set;
  unsigned int mark;
};

#endif
