// `log`: what the daemon says on stderr, and in which form.

import { Type } from 'typebox'
import { noCheck, section } from '../section.ts'
import type { Static } from 'typebox'

const schema = Type.Object(
  {
    level: Type.Enum(['debug', 'info', 'warn', 'error'], {
      description: 'The least important message that is still written.',
      default: 'info',
    }),
    format: Type.Enum(['json', 'text'], {
      description: '`json` writes one object a line for machines, `text` one line for people.',
      default: 'json',
    }),
  },
  { description: 'Messages of the daemon, on stderr.', additionalProperties: false, default: {} },
)

export type LogConfig = Readonly<Static<typeof schema>>

export const log = section({ schema, applies: 'restart', check: noCheck, resolve: (value): LogConfig => value })
