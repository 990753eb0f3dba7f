// `events`: whether the fast path tells of every flow that comes and goes.

import { Type } from 'typebox'
import { noCheck, section } from '../section.ts'

export const events = section({
  schema: Type.Boolean({
    description:
      'Write an event for every flow that is created, closed or changes its state to the event ring. Costs some time ' +
      'for each new flow; needed by whatever reads the ring (logs of translations, a standby).',
    default: false,
  }),
  applies: 'restart',
  check: noCheck,
  resolve: (value): boolean => value,
})
