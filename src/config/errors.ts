// What an operator did wrong in the configuration: every mistake with its place, all of them at once.

export interface ConfigError {
  /** `services[2].endpoints[0].weight`; empty for the file as a whole */
  readonly path: string
  /** counted from 1; null when the input has no lines (REST) or could not be read */
  readonly line: number | null
  readonly column: number | null
  /** what was wrong and what to do */
  readonly message: string
}

export class ConfigErrors extends Error {
  readonly code = 'invalid'
  readonly errors: readonly ConfigError[]
  /** the file, or null when the input was no file */
  readonly file: string | null
  constructor(errors: readonly ConfigError[], file: string | null = null) {
    super(formatErrors(errors, file))
    this.name = 'ConfigErrors'
    this.errors = errors
    this.file = file
  }
}

/** One line for each error: `file:line:column: path: message`. */
const formatErrors = (errors: readonly ConfigError[], file: string | null): string =>
  errors
    .map((error) => {
      const place = [file, error.line, error.column].filter((part) => part !== null).join(':')
      return [place, error.path, error.message].filter((part) => part !== '').join(': ')
    })
    .join('\n')

export type Path = readonly (string | number)[]

/** How a check tells of a mistake. */
export type Report = (path: Path, message: string) => void

const plainName = /^[A-Za-z_][A-Za-z0-9_-]*$/

/** `['services', 2, 'vip']` is `services[2].vip`. */
export const formatPath = (path: Path): string =>
  path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    if (!plainName.test(part)) return `${text}[${JSON.stringify(part)}]`
    return text === '' ? part : `${text}.${part}`
  }, '')
