// What the rest of the appliance needs of a logger: fields first, then a sentence. A pino logger satisfies it.

type Write = (fields: object, message: string) => void

export interface Log {
  readonly debug: Write
  readonly info: Write
  readonly warn: Write
  readonly error: Write
}
