// Which sections of the file changed that take effect only at the next start.

import { isDeepStrictEqual } from 'node:util'
import { sections } from './schema.ts'
import type { Config, SectionName } from './schema.ts'

const names = Object.keys(sections) as readonly SectionName[]

export const changedSections = (from: Config, to: Config): readonly SectionName[] =>
  names.filter((name) => sections[name].applies === 'restart' && !isDeepStrictEqual(from[name], to[name]))
