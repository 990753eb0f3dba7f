// What the paths of both kinds, loxilb's and our own, say of themselves in the same way.

import { Type } from 'typebox'
import { ref } from './schemas.ts'

/** The schema of a route: OpenAPI shows it, and requests are held against `more`. */
const describing =
  (tag: 'loxilb' | 'sluice') =>
  (summary: string, answer: object, more: object = {}) => ({
    schema: { summary, tags: [tag], response: { 200: answer, default: ref('Error') }, ...more },
  })

export const loxilbSchema = describing('loxilb')
export const sluiceSchema = describing('sluice')

/** Entries of an answer that is a list, where the request does not say how many, and the most that it may ask for. */
export const limitDefault = 1000
export const limitMax = 65_536
export const limitQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limitMax, description: `default ${limitDefault}` })),
}

export const dryRunQuery = Type.Object({
  dryRun: Type.Optional(Type.Boolean({ description: 'show the changes, make none' })),
})
