// What a section of the configuration file is: one schema, the checks a schema cannot say, and what the program gets.

import type { Static, TSchema } from 'typebox'
import type { Report } from './errors.ts'

/**
 * A value that failed its schema here and there: what was wrong is undefined. Checks run on what is left, so that one
 * reading of the file finds all its mistakes.
 */
export type Loose<T> = T extends readonly (infer Item)[]
  ? readonly (Loose<Item> | undefined)[]
  : T extends object
    ? { readonly [Key in keyof T]?: Loose<T[Key]> | undefined }
    : T | undefined

export interface Section<Schema extends TSchema, Value> {
  /** Carries a description with the unit for every field, and a default for every field that may be left out. */
  readonly schema: Schema
  /** When a change in the file takes effect: on SIGHUP, or when the daemon is started again. */
  readonly applies: 'reload' | 'restart'
  /** What the schema cannot say; paths are relative to the section. */
  readonly check: (value: Loose<Static<Schema>>, report: Report) => void
  /** What the program gets. Only called when nothing was reported. */
  readonly resolve: (value: Static<Schema>) => Value
}

/** Gives a section its exact type. */
export const section = <Schema extends TSchema, Value>(definition: Section<Schema, Value>): Section<Schema, Value> =>
  definition

/** For a section whose schema says everything. */
export const noCheck = (): void => {}
