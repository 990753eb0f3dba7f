// `selection`: what all selection tables have in common.

import { Type } from 'typebox'
import { noCheck, section } from '../section.ts'
import type { Static } from 'typebox'

const schema = Type.Object(
  {
    seed: Type.Integer({
      description:
        'Seed of the hash that fills and reads the tables of `select: hash`. Nodes that must choose the same ' +
        'endpoint for the same flow need the same seed; another seed spreads the flows anew.',
      minimum: 0,
      maximum: 4294967295,
      default: 0,
    }),
  },
  { description: 'How endpoints are chosen.', additionalProperties: false, default: {} },
)

export type Selection = Readonly<Static<typeof schema>>

export const selection = section({ schema, applies: 'restart', check: noCheck, resolve: (value): Selection => value })
