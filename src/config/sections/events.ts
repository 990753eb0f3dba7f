// `events`: whether the fast path tells of every flow that comes and goes.

import { Type } from 'typebox'
import { noCheck, section } from '../section.ts'

export const events = section({
  schema: Type.Boolean({
    description:
      'Log a line for every flow that is created, closed or changes its state: who was translated to what. Costs ' +
      'some time for each new flow.',
    default: false,
  }),
  applies: 'restart',
  check: noCheck,
  resolve: (value): boolean => value,
})
